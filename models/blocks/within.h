// Functions of a model that are traced while something holds: an object of type Guard, made of `state`.
#pragma once
#include <memory>

#include "frontends/dsl/architecture.h"

namespace llc::models {

template <class Guard, class State, class... Arguments>
std::function<dsl::Tensor(Arguments...)> within(std::function<dsl::Tensor(Arguments...)> inner,
                                                std::shared_ptr<const State> state) {
  return [inner = std::move(inner), state = std::move(state)](Arguments... arguments) {
    Guard now(*state);
    return inner(arguments...);
  };
}

// The functions that see tokens.
template <class Guard, class State>
dsl::Model withTokensWithin(const dsl::Model &model, const std::shared_ptr<const State> &state) {
  dsl::Model changed = model;
  for (auto function : {&dsl::Model::logits, &dsl::Model::logProbabilities, &dsl::Model::embeddings})
    changed.*function = within<Guard>(model.*function, state);
  return changed;
}

}  // namespace llc::models
