// Just enough of the protobuf wire format to read a sentencepiece model from hostile bytes.
#pragma once
#include <cstdint>
#include <cstring>
#include <string_view>

namespace llc::text {

// One field after the other; ok() is false once the bytes made no sense.
class ProtobufReader {
 public:
  explicit ProtobufReader(std::string_view bytes) : bytes_(bytes) {}
  bool ok() const { return ok_; }
  // The next field; false at the end or on an error.
  bool next() {
    if (!ok_ || at_ >= bytes_.size()) return false;
    std::uint64_t tag = varint();
    field_ = static_cast<std::uint32_t>(tag >> 3);
    wire_ = static_cast<int>(tag & 7);
    data_ = {};
    value_ = 0;
    switch (wire_) {
      case 0: value_ = varint(); break;
      case 1: data_ = take(8); break;
      case 2: data_ = take(varint()); break;
      case 5: data_ = take(4); break;
      default: ok_ = false;  // groups are not used by these files
    }
    return ok_;
  }
  std::uint32_t field() const { return field_; }
  bool isBytes() const { return wire_ == 2; }
  std::string_view bytes() const { return data_; }
  std::uint64_t number() const { return value_; }
  float number32() const {
    float value = 0;
    if (wire_ == 5) std::memcpy(&value, data_.data(), 4);
    return value;
  }

 private:
  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 64 && at_ < bytes_.size(); shift += 7) {
      auto byte = static_cast<unsigned char>(bytes_[at_++]);
      value |= std::uint64_t{byte & 0x7Fu} << shift;
      if (byte < 0x80) return value;
    }
    ok_ = false;
    return 0;
  }
  std::string_view take(std::uint64_t count) {
    if (!ok_ || count > bytes_.size() - at_) {
      ok_ = false;
      return {};
    }
    std::string_view data = bytes_.substr(at_, static_cast<std::size_t>(count));
    at_ += static_cast<std::size_t>(count);
    return data;
  }
  std::string_view bytes_, data_;
  std::size_t at_ = 0;
  std::uint32_t field_ = 0;
  int wire_ = 0;
  std::uint64_t value_ = 0;
  bool ok_ = true;
};

}  // namespace llc::text
