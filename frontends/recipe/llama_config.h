// The models that configurations describe, in the layout of Hugging Face's llama: what pretraining begins with.
#pragma once
#include "frontends/recipe/model_config.h"
#include "runtime/formats/initial_tensor.h"

namespace llc::recipe {

// config.json. Errors: choices that a llama can't have (learned positions, LayerNorm ...), each with the key. The
// configuration has been checked; `where` names it.
Result<OrderedJson> llamaConfig(const OrderedJson &config, const std::string &where);

// The weights of that model, in the order of the layers. With s = initializer_range and L layers: embedding,
// feed-forward and head s; queries, keys and values s / sqrt(2 L); the product behind attention s / sqrt(L); norms are
// ones.
std::vector<InitialTensor> llamaTensors(const OrderedJson &config);

}  // namespace llc::recipe
