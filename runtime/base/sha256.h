// SHA-256 (FIPS 180-4), for the hashes of an artifact's parts.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace llc {

class Sha256 {
 public:
  // `accelerate`: uses the processor's SHA instructions where there are any (some 2 GB/s instead of 0.3).
  explicit Sha256(bool accelerate = true);
  void update(std::span<const std::byte> bytes);
  std::string hex();  // ends the computation: 64 lower-case digits

 private:
  void blocks(const uint8_t *data, size_t count);
  bool accelerate_;
  std::array<uint32_t, 8> state_;
  std::array<uint8_t, 64> buffer_;
  uint64_t length_ = 0;
};
std::string sha256(std::span<const std::byte> bytes);
std::string sha256OfText(std::string_view text);

}  // namespace llc
