#include "runtime/sampling/scan.h"

#include <algorithm>
#include <bit>
#include <cmath>

// A multiplication and an addition stay two operations, also where the machine has one for both.
#pragma STDC FP_CONTRACT OFF

namespace llc {

namespace {
constexpr size_t lanes = 16;
constexpr float log2e = 1.44269504f;

inline float larger(float x, float y) { return x > y ? x : y; }

#define LLC_EVERY_LEVEL [[gnu::always_inline]] inline  // compiled once for each level: see Compiled

LLC_EVERY_LEVEL float blockMaximum(std::span<const float> logits, size_t block) {
  size_t i = block * scanBlock, end = std::min(logits.size(), i + scanBlock);
  float most[lanes];
  std::fill_n(most, lanes, -INFINITY);
  for (; i + lanes <= end; i += lanes)
    for (size_t lane = 0; lane < lanes; ++lane) most[lane] = larger(logits[i + lane], most[lane]);
  for (; i < end; ++i) most[0] = larger(logits[i], most[0]);
  for (size_t half = lanes / 2; half > 0; half /= 2)
    for (size_t lane = 0; lane < half; ++lane) most[lane] = larger(most[lane + half], most[lane]);
  return most[0];
}

LLC_EVERY_LEVEL size_t firstLargest(std::span<const float> values) {
  size_t best = 0;
  float highest = -INFINITY;
  for (size_t i = 0; i < values.size(); ++i)
    if (values[i] > highest) highest = values[i], best = i;
  return best;
}

LLC_EVERY_LEVEL const float *keptLogits(std::span<const float> logits, size_t block, const Border &border,
                                        LogitBlock &buffer) {
  size_t begin = block * scanBlock, count = std::min(scanBlock, logits.size() - begin);
  const float *from = logits.data() + begin;
  if (count == scanBlock && std::isinf(border.least)) return from;
  // Before the border's own block logits equal to its least are within, behind it they are not.
  int64_t last = int64_t(border.last) - int64_t(begin);
  float least = last < 0 ? std::nextafter(border.least, INFINITY) : border.least;
  if (count == scanBlock)
    for (size_t i = 0; i < scanBlock; ++i) buffer[i] = from[i] >= least ? from[i] : -INFINITY;
  else
    for (size_t i = 0; i < scanBlock; ++i) buffer[i] = i < count && from[i] >= least ? from[i] : -INFINITY;
  for (int64_t i = last + 1; last >= 0 && i < int64_t(count); ++i)
    if (buffer[size_t(i)] == least) buffer[size_t(i)] = -INFINITY;
  return buffer.data();
}

// 2^y = 2^n * 2^f: the nearest whole number n falls out of the low bits when 1.5 * 2^23 is added; the polynomial for
// 2^f on [-0.5, 0.5] has the least relative error of degree 5 (1e-7). At the lower end, where NaN goes too, f is 0 and
// n is -127: all bits of the power are 0. Loop after loop: in one, a result would wait for the one before in a chain
// longer than processors look ahead.
LLC_EVERY_LEVEL void weightsOf(const float *logits, float best, float scale, LogitBlock &out) {
  LogitBlock shifted, fraction;
  const float toBase2 = scale * log2e;
  for (size_t i = 0; i < scanBlock; ++i) {
    float y = (logits[i] - best) * toBase2;
    y = y > -127.0f ? y : -127.0f;
    shifted[i] = y + 12582912.0f;
    fraction[i] = y - (shifted[i] - 12582912.0f);
  }
  for (size_t i = 0; i < scanBlock; ++i) {
    float f = fraction[i], g = f * f;
    float p = (1.3264727e-3f * f + 9.6715128e-3f) * g + (5.5507337e-2f * f + 2.4022242e-1f);
    fraction[i] = p * g + (6.9314698e-1f * f + 1.0f);
  }
  for (size_t i = 0; i < scanBlock; ++i)
    out[i] = fraction[i] * std::bit_cast<float>((std::bit_cast<uint32_t>(shifted[i]) << 23) + 0x3f800000u);
}

LLC_EVERY_LEVEL float sumOf(const LogitBlock &weights) {
  float partial[lanes] = {};
  for (size_t i = 0; i < scanBlock; i += lanes)
    for (size_t lane = 0; lane < lanes; ++lane) partial[lane] += weights[i + lane];
  for (size_t half = lanes / 2; half > 0; half /= 2)
    for (size_t lane = 0; lane < half; ++lane) partial[lane] += partial[lane + half];
  return partial[0];
}

LLC_EVERY_LEVEL void layersOf(const float *logits, float best, float layersPerUnit, int32_t layers, LayerBlock &out) {
  const float end = float(layers - 1);
  for (size_t i = 0; i < scanBlock; ++i) {
    float depth = (best - logits[i]) * layersPerUnit;
    out[i] = int32_t(depth < end ? depth : end);
  }
}

LLC_EVERY_LEVEL void groupsWith(const float *logits, const LayerBlock &layer, int32_t wanted, GroupFlags &out) {
  for (size_t group = 0; group < out.size(); ++group) {
    int32_t any = 0;
    for (size_t i = group * scanGroup; i < (group + 1) * scanGroup; ++i)
      any |= int32_t(layer[i] == wanted) & int32_t(logits[i] > -INFINITY);
    out[group] = any;
  }
}

#undef LLC_EVERY_LEVEL

// One pass, compiled for the levels that differ in it. No level may add a fused multiply-add: see the pragma.
template <auto pass>
struct Compiled;
template <class Result, class... Arguments, Result (*pass)(Arguments...)>
struct Compiled<pass> {
  static Result generic(Arguments... arguments) { return pass(arguments...); }
#if defined(__x86_64__)
  __attribute__((target("avx2"))) static Result avx2(Arguments... arguments) { return pass(arguments...); }
  __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl"))) static Result avx512(Arguments... arguments) {
    return pass(arguments...);
  }
#endif
};

#define LLC_SCAN_CODE(level)                                                                  \
  {Compiled<blockMaximum>::level, Compiled<firstLargest>::level, Compiled<keptLogits>::level, \
   Compiled<weightsOf>::level,    Compiled<sumOf>::level,        Compiled<layersOf>::level,   \
   Compiled<groupsWith>::level}
constexpr ScanCode genericCode = LLC_SCAN_CODE(generic);
#if defined(__x86_64__)
constexpr ScanCode avx2Code = LLC_SCAN_CODE(avx2), avx512Code = LLC_SCAN_CODE(avx512);
#endif
#undef LLC_SCAN_CODE
}  // namespace

const ScanCode &scanCodeFor(IsaLevel level) {
#if defined(__x86_64__)
  if (contains(level, IsaLevel::avx512)) return avx512Code;
  if (contains(level, IsaLevel::avx2)) return avx2Code;
#endif
  return genericCode;
}

const ScanCode &scanCode() {
  static const ScanCode &code = scanCodeFor(hostCpu().level);
  return code;
}

}  // namespace llc
