// The encodings of levels and values (https://github.com/apache/parquet-format, Encodings.md), read one value after
// another: memory does not depend on how many a page claims to hold.
#pragma once
#include <string_view>

#include "runtime/corpus/parquet/metadata.h"

namespace llc::corpus::parquet {

// `width` bits from bit `at` on, the lowest first; bits past the end are 0.
uint64_t bitsAt(Bytes bytes, uint64_t at, unsigned width);

// RLE / bit-packing hybrid: numbers of up to 32 bits.
class RunLengths {
 public:
  RunLengths() = default;
  RunLengths(Bytes bytes, unsigned width) : bytes_(bytes), width_(width) {}
  bool next(uint32_t &value);  // false at the end, and where the bytes make no sense

 private:
  bool nextRun();
  Bytes bytes_, packed_;
  unsigned width_ = 0;
  uint64_t left_ = 0, bit_ = 0;
  uint32_t repeated_ = 0;
  bool isPacked_ = false;
};

// DELTA_BINARY_PACKED
class Deltas {
 public:
  Deltas() = default;
  explicit Deltas(Bytes bytes);
  bool next(int64_t &value);
  // Behind the blocks read so far: of all, once all values were read.
  Bytes rest() const { return bytes_; }
  uint64_t left() const { return left_; }

 private:
  bool nextMiniblock();
  Bytes bytes_, packed_, widths_;
  uint64_t left_ = 0, miniblocks_ = 0, valuesPerMiniblock_ = 0;
  uint64_t inMiniblock_ = 0, bit_ = 0, least_ = 0, value_ = 0;
  unsigned width_ = 0;
  bool isFirst_ = true;
};

// A value; which member counts follows from the type. The text is valid until the next value is read.
struct Cell {
  int64_t integer = 0;
  double number = 0;
  std::string_view text;
};

// The values of a page.
class Values {
 public:
  Values() = default;
  // Up to `count` of them. Why they can't be read, or nothing. `dictionary` must outlive the values.
  std::string begin(Encoding encoding, Type type, Bytes bytes, uint64_t count, const std::vector<Cell> &dictionary);
  bool next(Cell &cell);

 private:
  bool nextPlain(Cell &cell);
  bool nextInDictionary(Cell &cell);
  bool nextText(Cell &cell);
  bool take(uint64_t count, std::string_view &text);
  std::string beginLengths(uint64_t count);
  Encoding encoding_ = Encoding::plain;
  Type type_ = Type::boolean;
  Bytes bytes_;
  uint64_t bit_ = 0;
  RunLengths runs_;
  Deltas deltas_, prefixes_;
  const std::vector<Cell> *dictionary_ = nullptr;
  std::string text_;
};

}  // namespace llc::corpus::parquet
