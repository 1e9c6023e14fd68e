// Passes over the logits of a whole vocabulary: in blocks, written so that compilers make vector code of them, with the
// same order of operations on every machine.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace llc {

inline constexpr size_t scanBlock = 128;  // logits

// The largest logit of every block; NaN counts as -infinity.
void blockMaxima(std::span<const float> logits, std::vector<float> &maxima);
// Index of the first of the largest values, 0 if there is nothing above -infinity.
size_t firstLargest(std::span<const float> values);

// out[i] = exp((logits[i] - best) * scale) with a relative error below 5e-7 + 1.5e-7 |exponent|; 0 for NaN and where
// the exponent is below -88. No logit may be above best.
void weightsOf(std::span<const float> logits, float best, float scale, float *out);
// The sums of these weights over every block; returns the sum of all.
double blockWeights(std::span<const float> logits, float best, float scale, std::vector<double> &sums);

}  // namespace llc
