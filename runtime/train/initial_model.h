// A model before any training: the directory that pretraining begins with.
#pragma once
#include <map>

#include "runtime/base/dtype.h"
#include "runtime/base/status.h"
#include "runtime/formats/initial_tensor.h"

namespace llc::train {

// Writes a safetensors file of tensors (f32, f16 or bf16), each drawn from a stream of its own: the same seed gives the
// same file.
Status writeWeights(const std::string &path, const std::vector<InitialTensor> &tensors, uint64_t seed,
                    DType type = DType::f32);

// The folder of a model that is made, with the files that belong to its tokenizer: what beginning models have besides
// weights and configuration.
Status writeTokenizerFiles(const std::string &directory, const std::map<std::string, std::string> &files);

struct InitialModel {
  std::string config;                        // text of config.json
  std::vector<InitialTensor> tensors;        // f32
  std::map<std::string, std::string> files;  // the tokenizer's, by name
};
// Writes config.json, the files and model.safetensors, the same for the same seed. The directory is made. Errors: the
// disk's.
Status writeInitialModel(const std::string &directory, const InitialModel &model, uint64_t seed);

}  // namespace llc::train
