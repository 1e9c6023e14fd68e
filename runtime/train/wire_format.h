// Messages of protobuf, as bytes: https://protobuf.dev/programming-guides/encoding. And what stands around them in
// files: sums for checking, and the time.
#pragma once
#include <array>
#include <chrono>
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

// A CRC of 32 bits; the polynomial has its lowest power in the highest bit.
template <uint32_t polynomial>
uint32_t crcOf(std::string_view bytes) {
  static constexpr std::array<uint32_t, 256> table = [] {
    std::array<uint32_t, 256> made = {};
    for (uint32_t i = 0; i < 256; ++i) {
      uint32_t crc = i;
      for (int bit = 0; bit < 8; ++bit) crc = crc & 1 ? crc >> 1 ^ polynomial : crc >> 1;
      made[i] = crc;
    }
    return made;
  }();
  uint32_t crc = ~0u;
  for (char byte : bytes) crc = table[(crc ^ uint8_t(byte)) & 255] ^ crc >> 8;
  return ~crc;
}

// Seconds since 1970.
inline double timeOfDay() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

}  // namespace llc::train
