// A model before any training: the directory that pretraining begins with.
#pragma once
#include <map>
#include <string>

#include "frontends/recipe/llama_config.h"
#include "runtime/base/dtype.h"

namespace llc::cli {

// Writes a safetensors file of tensors (f32, f16 or bf16), each drawn from a stream of its own: the same seed gives the
// same file.
Status writeWeights(const std::string &path, const std::vector<recipe::InitialTensor> &tensors, uint64_t seed,
                    DType type = DType::f32);

// Writes config.json, `files` (the tokenizer's) and model.safetensors with random weights in f32, the same for the same
// seed. The directory is made. Errors: those of llamaConfig; the disk's.
Status writeInitialModel(const std::string &directory, const recipe::OrderedJson &config,
                         const std::map<std::string, std::string> &files, uint64_t seed);

}  // namespace llc::cli
