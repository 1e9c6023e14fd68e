// The models that configurations with objective mlm describe, in the layout of Hugging Face's BERT: what pretraining on
// hidden tokens begins with.
#pragma once
#include "frontends/recipe/model_config.h"
#include "runtime/formats/initial_tensor.h"

namespace llc::recipe {

// Whether the configuration asks for a model that fills in hidden tokens.
bool fillsIn(const OrderedJson &config);
// What keys are for such a model, where that is not the table's default.
const std::vector<std::pair<std::string, OrderedJson>> &bertDefaults();

// config.json. Errors: choices that a BERT can't have (rotary positions, RMS norms ...), each with the key. The
// configuration has been checked; `where` names it.
Result<OrderedJson> bertConfig(const OrderedJson &config, const std::string &where);

// The weights of that model: matrices with initializer_range, biases zeros, norms ones (Devlin et al. 2019).
std::vector<InitialTensor> bertTensors(const OrderedJson &config);

}  // namespace llc::recipe
