// The feed-forward block: down(activation(up(x))), or with a gate down(activation(gate(x)) * up(x)) (Shazeer 2020).
#pragma once
#include <string>
#include <vector>

#include "frontends/dsl/config.h"
#include "models/blocks/projection.h"

namespace llc::models {

using Activation = dsl::Tensor (*)(dsl::Tensor);

// The activation a configuration names under `key`; an unknown name is noted in `config` together with the known ones.
Activation readActivation(dsl::Config &config, std::string_view key, std::string_view fallback);

struct Mlp {
  int64_t inner = 0;
  Activation activation = nullptr;
  bool bias = false;
  WeightLayout layout = WeightLayout::outputsFirst;
  std::string name = "mlp";        // in front of the others
  std::string gate = "gate_proj";  // empty: no gate
  std::string up = "up_proj", down = "down_proj";
};

// x[T,hidden] -> [T,hidden]
dsl::Tensor feedForward(dsl::Tensor x, const Mlp &mlp);

}  // namespace llc::models
