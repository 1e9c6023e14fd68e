#include "runtime/corpus/parquet/thrift.h"

namespace llc::corpus::parquet {

bool takeVarint(Bytes &bytes, uint64_t &value) {
  value = 0;
  for (unsigned i = 0; i < 10 && i < bytes.size(); ++i) {
    value |= uint64_t(bytes[i] & 127) << (7 * i);
    if (bytes[i] < 128) return bytes = bytes.subspan(i + 1), true;
  }
  return false;
}

uint8_t Thrift::byte() {
  ok_ = ok_ && at_ < bytes_.size();
  return ok_ ? bytes_[at_++] : 0;
}

uint64_t Thrift::varint() {
  uint64_t value = 0;
  Bytes rest = bytes_.subspan(at_);
  ok_ = ok_ && takeVarint(rest, value);
  if (ok_) at_ = bytes_.size() - rest.size();
  return ok_ ? value : 0;
}

int64_t Thrift::zigzag() { return int64_t(unzigzag(varint())); }

void Thrift::advance(uint64_t count) {
  ok_ = ok_ && count <= bytes_.size() - at_;
  if (ok_) at_ += count;
}

Thrift::ListHead Thrift::listHead() {
  uint8_t head = byte();
  uint64_t count = head >> 4 == 15 ? varint() : head >> 4;
  ok_ = ok_ && count <= bytes_.size() - at_;  // an item takes a byte at least
  return {count, Type(head & 15)};
}

bool Thrift::read(Type type, int64_t &value) {
  if (type == int8) value = int8_t(byte());
  if (type >= int16 && type <= int64) value = zigzag();
  return type >= int8 && type <= int64;
}

bool Thrift::read(Type type, std::string &value) {
  if (type != binary) return false;
  uint64_t length = varint();
  size_t begin = at_;
  advance(length);
  if (ok_) value.assign(reinterpret_cast<const char *>(bytes_.data()) + begin, length);
  return true;
}

bool Thrift::read(Type type, bool &value) {
  if (type != yes && type != no) return false;
  value = type == yes;
  return true;
}

void Thrift::skipMap() {
  uint64_t count = varint();
  if (count == 0) return;
  uint8_t types = byte();
  for (uint64_t i = 0; ok_ && i < count; ++i) {
    skip(Type(types >> 4), true);
    skip(Type(types & 15), true);
  }
}

void Thrift::skip(Type type, bool inList) {
  if (++depth_ > maxDepth) ok_ = false;
  if (!ok_) {
  } else if (type == yes || type == no) {
    if (inList) byte();  // as a field, the type is the value
  } else if (type == int8) {
    byte();
  } else if (type >= int16 && type <= int64) {
    varint();
  } else if (type == real) {
    advance(8);
  } else if (type == binary) {
    advance(varint());
  } else if (type == list || type == set) {
    items(type, [](Type) { return false; });
  } else if (type == map) {
    skipMap();
  } else if (type == structure) {
    fields([](int, Type) { return false; });
  } else {
    ok_ = false;
  }
  --depth_;
}

}  // namespace llc::corpus::parquet
