#include "runtime/corpus/parquet/encoding.h"

#include <algorithm>
#include <cstring>

namespace llc::corpus::parquet {

namespace {
template <class T>
bool takeFixed(Bytes &bytes, T &value) {
  if (bytes.size() < sizeof(T)) return false;
  std::memcpy(&value, bytes.data(), sizeof(T));
  bytes = bytes.subspan(sizeof(T));
  return true;
}

template <class T, class To>
bool takeAs(Bytes &bytes, To &to) {
  T value;
  bool taken = takeFixed(bytes, value);
  if (taken) to = To(value);
  return taken;
}
}  // namespace

uint64_t bitsAt(Bytes bytes, uint64_t at, unsigned width) {
  uint64_t first = at / 8, word = 0;
  unsigned shift = at % 8;
  if (first >= bytes.size()) return 0;
  std::memcpy(&word, bytes.data() + first, std::min<uint64_t>(8, bytes.size() - first));
  word >>= shift;
  if (shift + width > 64 && first + 8 < bytes.size()) word |= uint64_t(bytes[first + 8]) << (64 - shift);
  return width < 64 ? word & ((uint64_t(1) << width) - 1) : word;
}

bool RunLengths::nextRun() {
  uint64_t head;
  if (width_ > 32 || !takeVarint(bytes_, head)) return false;
  left_ = head >> 1;
  isPacked_ = head & 1;
  if (!isPacked_) {
    size_t count = (width_ + 7) / 8;
    if (count > bytes_.size()) return false;
    repeated_ = uint32_t(bitsAt(bytes_, 0, unsigned(8 * count)));
    bytes_ = bytes_.subspan(count);
    return true;
  }
  uint64_t groups = std::min(left_, uint64_t(1) << 32);  // of 8 values; the last one may be cut off
  packed_ = bytes_.first(std::min<uint64_t>(groups * width_, bytes_.size()));
  left_ = width_ ? std::min(groups * 8, packed_.size() * 8 / width_) : groups * 8;
  bit_ = 0;
  bytes_ = bytes_.subspan(packed_.size());
  return true;
}

bool RunLengths::next(uint32_t &value) {
  while (left_ == 0)
    if (!nextRun()) return false;
  --left_;
  value = isPacked_ ? uint32_t(bitsAt(packed_, bit_, width_)) : repeated_;
  bit_ += width_;
  return true;
}

Deltas::Deltas(Bytes bytes) : bytes_(bytes) {
  uint64_t block = 0, first = 0;
  bool good = takeVarint(bytes_, block) && takeVarint(bytes_, miniblocks_) && takeVarint(bytes_, left_) &&
              takeVarint(bytes_, first);
  good =
      good && miniblocks_ > 0 && block < (uint64_t(1) << 32) && miniblocks_ <= block && block % (8 * miniblocks_) == 0;
  if (!good) left_ = 0;
  valuesPerMiniblock_ = good ? block / miniblocks_ : 0;
  value_ = unzigzag(first);
}

bool Deltas::nextMiniblock() {
  if (widths_.empty()) {
    uint64_t least;
    if (!takeVarint(bytes_, least) || miniblocks_ > bytes_.size()) return false;
    least_ = unzigzag(least);
    widths_ = bytes_.first(miniblocks_);
    bytes_ = bytes_.subspan(miniblocks_);
  }
  width_ = widths_[0];
  widths_ = widths_.subspan(1);
  uint64_t count = valuesPerMiniblock_ / 8 * width_;
  if (width_ > 64 || count > bytes_.size()) return false;
  packed_ = bytes_.first(count);
  bytes_ = bytes_.subspan(count);
  inMiniblock_ = valuesPerMiniblock_;
  bit_ = 0;
  return true;
}

bool Deltas::next(int64_t &value) {
  if (left_ == 0) return false;
  if (!isFirst_) {
    if (inMiniblock_ == 0 && !nextMiniblock()) return left_ = 0, false;
    --inMiniblock_;
    value_ += least_ + bitsAt(packed_, bit_, width_);  // wraps around, as the specification says
    bit_ += width_;
  }
  isFirst_ = false;
  --left_;
  value = int64_t(value_);
  return true;
}

std::string Values::begin(Encoding encoding, Type type, Bytes bytes, uint64_t count,
                          const std::vector<Cell> &dictionary) {
  *this = Values();
  encoding_ = encoding == Encoding::plainDictionary ? Encoding::dictionary : encoding;
  type_ = type;
  bytes_ = bytes;
  dictionary_ = &dictionary;
  bool isWhole = type == Type::int32 || type == Type::int64;
  if (encoding_ == Encoding::plain) return {};
  if (encoding_ == Encoding::dictionary && type != Type::boolean) {
    if (!bytes.empty()) runs_ = RunLengths(bytes.subspan(1), bytes[0]);
    return {};
  }
  if (encoding_ == Encoding::runLengths && type == Type::boolean) {
    uint32_t length = 0;
    if (!takeFixed(bytes_, length) || length > bytes_.size()) return "ends within its values";
    runs_ = RunLengths(bytes_.first(length), 1);
    return {};
  }
  if (encoding_ == Encoding::deltas && isWhole) return deltas_ = Deltas(bytes), "";
  if ((encoding_ == Encoding::deltaLengths || encoding_ == Encoding::deltaBytes) && type == Type::bytes)
    return beginLengths(count);
  return fmt::format("has the encoding {} for values of type {}, which is not read", nameOf(encoding), nameOf(type));
}

// Lengths stand before the texts: they are gone through once to find where the texts begin.
std::string Values::beginLengths(uint64_t count) {
  auto takeLengths = [&](Deltas &lengths) {
    lengths = Deltas(bytes_);
    if (lengths.left() > count) return false;
    Deltas behind = lengths;
    for (int64_t ignored; behind.next(ignored);) {
    }
    bytes_ = behind.rest();
    return true;
  };
  bool good = (encoding_ == Encoding::deltaLengths || takeLengths(prefixes_)) && takeLengths(deltas_);
  return good ? "" : "has more lengths of texts than values";
}

bool Values::take(uint64_t count, std::string_view &text) {
  if (count > bytes_.size()) return false;
  text = {reinterpret_cast<const char *>(bytes_.data()), count};
  bytes_ = bytes_.subspan(count);
  return true;
}

bool Values::nextPlain(Cell &cell) {
  uint32_t length;
  switch (type_) {
    case Type::boolean:
      cell.integer = int64_t(bitsAt(bytes_, bit_, 1));
      return bit_++ < bytes_.size() * 8;
    case Type::int32:
      return takeAs<int32_t>(bytes_, cell.integer);
    case Type::int64:
      return takeAs<int64_t>(bytes_, cell.integer);
    case Type::float32:
      return takeAs<float>(bytes_, cell.number);
    case Type::float64:
      return takeAs<double>(bytes_, cell.number);
    case Type::bytes:
      return takeFixed(bytes_, length) && take(length, cell.text);
    case Type::int96:
    case Type::fixedBytes:
      break;
  }
  return false;
}

bool Values::nextInDictionary(Cell &cell) {
  uint32_t index;
  if (!runs_.next(index) || index >= dictionary_->size()) return false;
  cell = (*dictionary_)[index];
  return true;
}

bool Values::nextText(Cell &cell) {
  int64_t length, prefix = 0;
  if (!deltas_.next(length) || length < 0 || !take(uint64_t(length), cell.text)) return false;
  if (encoding_ == Encoding::deltaLengths) return true;
  if (!prefixes_.next(prefix) || prefix < 0 || uint64_t(prefix) > text_.size()) return false;
  text_.resize(size_t(prefix));
  text_ += cell.text;
  cell.text = text_;
  return true;
}

bool Values::next(Cell &cell) {
  if (encoding_ == Encoding::plain) return nextPlain(cell);
  if (encoding_ == Encoding::dictionary) return nextInDictionary(cell);
  if (encoding_ == Encoding::runLengths) {
    uint32_t value = 0;
    bool more = runs_.next(value);
    cell.integer = value;
    return more;
  }
  if (encoding_ != Encoding::deltas) return nextText(cell);
  bool more = deltas_.next(cell.integer);
  if (type_ == Type::int32) cell.integer = int32_t(cell.integer);
  return more;
}

}  // namespace llc::corpus::parquet
