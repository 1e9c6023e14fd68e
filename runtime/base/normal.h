// Normally distributed numbers that are the same on every machine and with every library.
#pragma once
#include <cstdint>
#include <random>
#include <span>

namespace llc {

// Marsaglia's polar method (Marsaglia and Bray 1964) on mt19937_64: std::normal_distribution differs between libraries.
class NormalNumbers {
 public:
  explicit NormalNumbers(uint64_t seed) : bits_(seed) {}
  double next();  // mean 0, deviation 1
  void fill(std::span<float> values, double deviation);

 private:
  std::mt19937_64 bits_;
  double second_ = 0;  // of the pair that was drawn last
  bool kept_ = false;
};

}  // namespace llc
