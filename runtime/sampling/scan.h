// Passes over the logits of a whole vocabulary: in blocks, written so that compilers make vector code of them, with the
// same order of operations on every machine. Each is compiled for several widths of vectors; which one runs is found
// out once, and does not change a bit of the results.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "runtime/base/cpu.h"

namespace llc {

inline constexpr size_t scanBlock = 128;  // logits
inline size_t scanBlocks(size_t logits) { return (logits + scanBlock - 1) / scanBlock; }

// One number for each logit of a block.
using LogitBlock = std::array<float, scanBlock>;
using LayerBlock = std::array<int32_t, scanBlock>;
// One for each so many neighbours of a block.
inline constexpr size_t scanGroup = 16;
using GroupFlags = std::array<int32_t, scanBlock / scanGroup>;

// Tokens in the order of their likelihood (among equals the lower id first) up to this one; at first, all.
struct Border {
  float least;
  int32_t last;
  bool keeps(float logit, int32_t token) const { return logit > least || (logit == least && token <= last); }
};

struct ScanCode {
  // The largest logit of a block; NaN counts as -infinity.
  float (*blockMaximum)(std::span<const float> logits, size_t block);
  // Index of the first of the largest values, 0 if there is nothing above -infinity.
  size_t (*firstLargest)(std::span<const float> values);
  // The scanBlock logits of a block, -infinity for those beyond the border or the end: where they stand, if that is so
  // already, else in `buffer`.
  const float *(*keptLogits)(std::span<const float> logits, size_t block, const Border &border, LogitBlock &buffer);
  // out[i] = exp((logits[i] - best) * scale) with a relative error below 5e-7 + 1.5e-7 |exponent|; 0 for NaN, -infinity
  // and where the exponent is below -88. No logit may be above best.
  void (*weightsOf)(const float *logits, float best, float scale, LogitBlock &out);
  float (*sumOf)(const LogitBlock &weights);
  // layers[i] = floor((best - logits[i]) * layersPerUnit), at most `layers` - 1, where NaN goes too.
  void (*layersOf)(const float *logits, float best, float layersPerUnit, int32_t layers, LayerBlock &out);
  // out[g] = whether a logit of group g is above -infinity and in the layer `wanted`.
  void (*groupsWith)(const float *logits, const LayerBlock &layer, int32_t wanted, GroupFlags &out);
};
// The code for a level: the machine must have it.
const ScanCode &scanCodeFor(IsaLevel level);
// The code for this machine.
const ScanCode &scanCode();

}  // namespace llc
