// A model directory with weights drawn at random: where training begins.
#pragma once
#include <string>

#include "runtime/base/dtype.h"
#include "runtime/base/status.h"

namespace llc::cli {

// Writes model.safetensors (f32, f16 or bf16) beside the config.json of `directory`, which is in Hugging Face's layout:
// matrices from N(0, deviation), those that write to the residual stream from N(0, deviation / sqrt(2 * layers))
// (Radford et al. 2019), norms 1, biases 0. The same seed gives the same file.
Status writeNewWeights(const std::string &directory, uint64_t seed, double deviation, DType type = DType::f32);

}  // namespace llc::cli
