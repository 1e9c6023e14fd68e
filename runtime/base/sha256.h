// SHA-256 (FIPS 180-4), for the hashes of an artifact's parts.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace llc {

class Sha256 {
 public:
  Sha256();
  void update(std::span<const std::byte> bytes);
  std::string hex();  // ends the computation: 64 lower-case digits

 private:
  void block(const uint8_t *data);
  std::array<uint32_t, 8> state_;
  std::array<uint8_t, 64> buffer_;
  uint64_t length_ = 0;
};
std::string sha256(std::span<const std::byte> bytes);

}  // namespace llc
