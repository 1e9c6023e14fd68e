#include "runtime/sampling/scan.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace llc {

namespace {
constexpr size_t lanes = 16;

// 2^y = 2^n * 2^f: the nearest whole number n falls out of the low bits when 1.5 * 2^23 is added; the polynomial for
// 2^f on [-0.5, 0.5] has the least relative error of degree 5 (1e-7). At the lower end, where NaN goes too, f is 0 and
// n is -127: all bits of the power are 0.
inline float weight(float difference, float scaleToBase2) {
  float y = difference * scaleToBase2;
  y = y > -127.0f ? y : -127.0f;
  float shifted = y + 12582912.0f;
  float f = y - (shifted - 12582912.0f);
  float p = 1.3264727e-3f;
  p = p * f + 9.6715128e-3f;
  p = p * f + 5.5507337e-2f;
  p = p * f + 2.4022242e-1f;
  p = p * f + 6.9314698e-1f;
  p = p * f + 1.0f;
  return p * std::bit_cast<float>((std::bit_cast<uint32_t>(shifted) << 23) + 0x3f800000u);
}
constexpr float log2e = 1.44269504f;

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
  for (size_t i = 0; i < logits.size(); ++i) out[i] = weight(logits[i] - best, scale * log2e);
}

double blockWeights(std::span<const float> logits, float best, float scale, std::vector<double> &sums) {
  sums.clear();
  double total = 0;
  for (size_t begin = 0; begin < logits.size(); begin += scanBlock) {
    size_t end = std::min(logits.size(), begin + scanBlock), i = begin;
    float partial[lanes] = {};
    for (; i + lanes <= end; i += lanes)
      for (size_t lane = 0; lane < lanes; ++lane) partial[lane] += weight(logits[i + lane] - best, scale * log2e);
    for (; i < end; ++i) partial[0] += weight(logits[i] - best, scale * log2e);
    for (size_t half = lanes / 2; half > 0; half /= 2)
      for (size_t lane = 0; lane < half; ++lane) partial[lane] += partial[lane + half];
    sums.push_back(partial[0]);
    total += partial[0];
  }
  return total;
}

}  // namespace llc
