#include "runtime/sampling/scan.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace llc {

namespace {
constexpr size_t lanes = 16;

// 2^y = 2^n * 2^f: the nearest whole number n falls out of the low bits when 1.5 * 2^23 is added; the polynomial for
// 2^f on [-0.5, 0.5] is the Taylor series of exp(f ln 2), whose seventh term is below 2e-7.
inline float weight(float difference, float scale) {
  float exponent = difference * scale;
  float y = (exponent > -87.0f ? exponent : -87.0f) * 1.44269504f;
  float shifted = y + 12582912.0f;
  float f = y - (shifted - 12582912.0f);
  float p = 1.5403530e-4f;
  p = p * f + 1.3333558e-3f;
  p = p * f + 9.6181291e-3f;
  p = p * f + 5.5504109e-2f;
  p = p * f + 2.4022651e-1f;
  p = p * f + 6.9314718e-1f;
  p = p * f + 1.0f;
  float power = std::bit_cast<float>((std::bit_cast<uint32_t>(shifted) << 23) + 0x3f800000u);
  return exponent >= -87.0f ? p * power : 0.0f;
}

inline float larger(float x, float y) { return x > y ? x : y; }
}  // namespace

void blockMaxima(std::span<const float> logits, std::vector<float> &maxima) {
  maxima.clear();
  for (size_t begin = 0; begin < logits.size(); begin += scanBlock) {
    size_t end = std::min(logits.size(), begin + scanBlock), i = begin;
    float most[lanes];
    std::fill_n(most, lanes, -INFINITY);
    for (; i + lanes <= end; i += lanes)
      for (size_t lane = 0; lane < lanes; ++lane) most[lane] = larger(logits[i + lane], most[lane]);
    for (; i < end; ++i) most[0] = larger(logits[i], most[0]);
    for (size_t half = lanes / 2; half > 0; half /= 2)
      for (size_t lane = 0; lane < half; ++lane) most[lane] = larger(most[lane + half], most[lane]);
    maxima.push_back(most[0]);
  }
}

size_t firstLargest(std::span<const float> values) {
  size_t best = 0;
  float highest = -INFINITY;
  for (size_t i = 0; i < values.size(); ++i)
    if (values[i] > highest) highest = values[i], best = i;
  return best;
}

void weightsOf(std::span<const float> logits, float best, float scale, float *out) {
  for (size_t i = 0; i < logits.size(); ++i) out[i] = weight(logits[i] - best, scale);
}

double blockWeights(std::span<const float> logits, float best, float scale, std::vector<double> &sums) {
  sums.clear();
  double total = 0;
  for (size_t begin = 0; begin < logits.size(); begin += scanBlock) {
    auto block = logits.subspan(begin, std::min(scanBlock, logits.size() - begin));
    float weights[scanBlock] = {}, partial[lanes] = {};
    weightsOf(block, best, scale, weights);
    for (size_t i = 0; i < scanBlock; i += lanes)
      for (size_t lane = 0; lane < lanes; ++lane) partial[lane] += weights[i + lane];
    for (size_t half = lanes / 2; half > 0; half /= 2)
      for (size_t lane = 0; lane < half; ++lane) partial[lane] += partial[lane + half];
    sums.push_back(partial[0]);
    total += partial[0];
  }
  return total;
}

}  // namespace llc
