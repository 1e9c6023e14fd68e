// Tables of code points, measured by generate_unicode.py. Use them through unicode.h.
#pragma once
#include <cstddef>
#include <cstdint>
#include <iterator>

namespace llc::text {

struct CodeRange {
  std::uint32_t first, last;
};
struct ValueRange {
  std::uint32_t first, last;
  std::uint8_t value;
};
struct LowerException {
  std::uint32_t from, to, then;
};

extern const char *const categoryNames[];
extern const std::size_t categoryNameCount;
extern const char *const scriptNames[];
extern const std::size_t scriptNameCount;
extern const ValueRange categoryRanges[], scriptRanges[], scriptExceptionRanges[];
extern const std::size_t categoryCount, scriptCount, scriptExceptionCount;
extern const CodeRange wordRanges[], alphabeticRanges[], uppercaseRanges[], lowercaseRanges[], numericRanges[], punctuationRanges[],
    accentRanges[], bertAccentRanges[], bertControlRanges[], bertChineseRanges[], inertRanges[];
extern const std::size_t wordCount, alphabeticCount, uppercaseCount, lowercaseCount, numericCount, punctuationCount, accentCount,
    bertAccentCount, bertControlCount, bertChineseCount, inertCount;
extern const LowerException lowerExceptions[];
extern const std::size_t lowerExceptionCount;

}  // namespace llc::text
