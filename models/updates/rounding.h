// Stochastic rounding to bf16: up or down with the probability of the distance, so that the mean of many is exact and
// steps smaller than the spacing of bf16 are not lost. Random numbers are functions of seed, step, weight and place:
// the same for any number of threads, and for a run that goes on.
#pragma once
#include "frontends/dsl/dsl.h"

namespace llc::models {

// [1]; `step` [1] and `number` are below 2^24.
dsl::Tensor drawKey(dsl::Tensor step, uint64_t seed, int64_t number);
// x f32, as bf16.
dsl::Tensor stochasticallyRounded(dsl::Tensor x, dsl::Tensor key);

}  // namespace llc::models
