// What adapters of virtual tokens have in common: their file holds `prompt_embeddings`, a row for each token. While it
// is trained, these may be the output of a small network on a table of its own (P-tuning, Liu et al. 2021; Li and Liang
// 2021, 4.3), whose weights then lie beside them so that training can go on.
#pragma once
#include "frontends/dsl/adapter.h"
#include "models/blocks/virtual_tokens.h"

namespace llc::models {

// A fully connected network.
struct PromptEncoder {
  std::vector<std::string> layers;  // names of its linear layers, each with NAME.weight [outputs, inputs] and NAME.bias
  dsl::Tensor (*activation)(dsl::Tensor) = nullptr;  // between them
};
inline constexpr const char *promptEmbeddings = "prompt_embeddings", *promptTable = "embedding.weight";

// What a kind reads of its file. Rows have `width` numbers; `isPrefix`: they are keys and values.
Result<dsl::Adapter> readPrompt(const dsl::AdapterFile &file, const PromptEncoder &encoder, bool isPrefix);

// Tensors of a new encoder whose layers have these sizes (inputs of the first, outputs of each), first values as
// PyTorch's.
std::vector<dsl::AdapterTensor> newEncoder(const PromptEncoder &encoder, int64_t tokens,
                                           const std::vector<int64_t> &sizes);
// Keys of adapter_config.json that all these kinds have.
std::vector<std::pair<std::string, dsl::ConfigValue>> promptKeys(const dsl::AdapterSettings &settings,
                                                                 const dsl::Model &model);
// Errors: fewer than one token.
Status checkPrompt(const dsl::AdapterSettings &settings, const dsl::Model &model);

}  // namespace llc::models
