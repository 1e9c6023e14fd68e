// Configurations of models to be trained from the beginning: one table of keys (types, defaults, ranges, help), the
// sizes tiny to xl, and what follows from them. Pure data: no MLIR.
#pragma once
#include "runtime/base/config_key.h"

namespace llc::recipe {

using OrderedJson = nlohmann::ordered_json;  // keys stay in the order of the table

// In the order in which files are written.
const std::vector<KeySpec> &configKeys();

// tiny, small, base, large, xl.
const std::vector<std::string> &sizeNames();
// The model keys of a size; `full`: also the sections (training, data ...) with their defaults. Error: no such size.
Result<OrderedJson> configOfSize(const std::string &size, bool full);

// "training.lr=3e-4". Errors: an unknown key (with the nearest ones), a value of the wrong type or out of range.
Status setKey(OrderedJson &config, const std::string &assignment);

// Checks what is there: types, ranges, and what keys must be to each other (heads divide the width ...). Keys that the
// table does not have are kept; `warnings` gets a sentence for each, with the nearest key, and for contradictions that
// are settled by a rule. `where` names the file.
Status checkConfig(const OrderedJson &config, const std::string &where, std::vector<std::string> &warnings);

struct ParameterCounts {
  int64_t embedding = 0, attention = 0, feedForward = 0, norms = 0, head = 0;
  int64_t total() const { return embedding + attention + feedForward + norms + head; }
};
// Of a checked configuration.
ParameterCounts countParameters(const OrderedJson &config);

// The width of the feed-forward layer: d_ff, or 8/3 of d_model, up to a multiple of 256.
int64_t feedForwardWidth(const OrderedJson &config);

// As a YAML document (a subset: block maps, flow lists) that YAML 1.1 and 1.2 readers understand alike.
std::string toYaml(const OrderedJson &config);

}  // namespace llc::recipe
