// Random numbers that are the same on every machine: PCG XSL RR 128/64 would need 128-bit state, this is PCG XSH RR
// 64/32 (O'Neill 2014, "PCG: A Family of Simple Fast Space-Efficient Statistically Good Algorithms"), seeded as in its
// reference.
#pragma once
#include <bit>
#include <cstdint>

namespace llc {

class Random {
 public:
  explicit Random(uint64_t seed, uint64_t stream = 54) : increment_(stream << 1 | 1) {
    next();
    state_ += seed;
    next();
  }
  uint32_t next() {
    uint64_t old = state_;
    state_ = old * 6364136223846793005u + increment_;
    return std::rotr(uint32_t((old >> 18 ^ old) >> 27), int(old >> 59));
  }
  // Uniform in [0, 1), 53 bits.
  double uniform() {
    uint64_t high = next(), low = next();
    return double((high << 32 | low) >> 11) * 0x1p-53;
  }

 private:
  uint64_t state_ = 0, increment_;
};

}  // namespace llc
