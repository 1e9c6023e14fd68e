// Messages of protobuf, as bytes: https://protobuf.dev/programming-guides/encoding.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace llc::train {

template <class T>
void addFixed(std::string &to, T value) {
  to.append(reinterpret_cast<const char *>(&value), sizeof(value));  // both are little-endian
}
inline void addVarint(std::string &to, uint64_t value) {
  for (; value >= 0x80; value >>= 7) to += char(value | 0x80);
  to += char(value);
}

// Fields of a message: number and wire type, then the value.
enum class WireType : uint64_t { varint = 0, fixed64 = 1, bytes = 2, fixed32 = 5 };
inline void addKey(std::string &to, uint64_t field, WireType type) { addVarint(to, field << 3 | uint64_t(type)); }
// A text, or a message.
inline void addBytes(std::string &to, uint64_t field, std::string_view value) {
  addKey(to, field, WireType::bytes);
  addVarint(to, value.size());
  to += value;
}
inline void addInteger(std::string &to, uint64_t field, int64_t value) {
  addKey(to, field, WireType::varint);
  addVarint(to, uint64_t(value));
}

}  // namespace llc::train
