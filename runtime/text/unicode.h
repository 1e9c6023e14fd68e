// Properties, case and normalization of code points, as the reference tokenizers see them (unicode_tables.cpp says why "as").
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/text/unicode_tables.h"

namespace llc::text {

// A set of code points: sorted, disjoint ranges, with a bitmap for everything below the CJK ideographs.
class CodeSet {
 public:
  CodeSet() = default;
  CodeSet(const CodeRange *ranges, std::size_t count);
  explicit CodeSet(std::vector<CodeRange> ranges);  // any order, may overlap
  bool contains(std::uint32_t c) const {
    return c < bitmapEnd ? (bitmap_[c >> 6] >> (c & 63) & 1) != 0 : searched(c);
  }
  const std::vector<CodeRange> &ranges() const { return ranges_; }
  CodeSet unite(const CodeSet &other) const;
  CodeSet intersect(const CodeSet &other) const;
  CodeSet complement() const;  // within 0 … 0x10FFFF

 private:
  static constexpr std::uint32_t bitmapEnd = 0x3400;
  bool searched(std::uint32_t c) const;
  void index();
  std::vector<CodeRange> ranges_;
  std::array<std::uint64_t, bitmapEnd / 64> bitmap_{};
};

const CodeSet &wordSet();         // \w and \b of regular expressions
const CodeSet &classWordSet();    // \w inside a class: oniguruma leaves out the superscripts and fractions of Latin-1 there
const CodeSet &rustWordSet();     // \w of the Whitespace pre-tokenizer and of single_word
const CodeSet &numericSet();      // Digits
const CodeSet &punctuationSet();  // Punctuation, BertPreTokenizer
const CodeSet &accentSet();       // StripAccents
const CodeSet &bertAccentSet();
const CodeSet &bertControlSet();
const CodeSet &bertChineseSet();
bool isWhitespace(std::uint32_t c);  // Unicode's White_Space

// \p{NAME}: general categories (L, Lu, Letter, …), scripts, POSIX names; case, '_', '-' and spaces don't matter.
std::optional<CodeSet> propertySet(std::string_view name);
// Script for the UnicodeScripts pre-tokenizer: 0 joins with everything.
std::uint8_t scriptOf(std::uint32_t c);

std::string lowercase(std::string_view valid);
// Code points that fold to the same as c, c included (simple case folding).
std::vector<std::uint32_t> caseVariants(std::uint32_t c);

enum class NormalForm { nfc, nfd, nfkc, nfkd };
std::string normalize(std::string_view valid, NormalForm form);

// Ends of the extended grapheme clusters of valid text, in bytes.
std::vector<std::size_t> graphemeEnds(std::string_view valid);

}  // namespace llc::text
