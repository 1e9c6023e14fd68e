// Lion (Chen et al. 2023, Symbolic Discovery of Optimization Algorithms): the sign of an interpolated momentum.
#include "frontends/dsl/sugar.h"
#include "models/optimizer_registry.h"

namespace llc::models {
using namespace dsl;
namespace {
Tensor signOf(Tensor x) { return lt(scalar(0), x) - lt(x, scalar(0)); }

Tensors direction(const UpdateInput &in, const OptimizerSettings &settings) {
  Tensor sign = signOf(movingAverage(in.state[0], in.gradient, settings.at("beta1")));
  return {sign, movingAverage(in.state[0], in.gradient, settings.at("beta2"))};
}
}  // namespace

Optimizer lion() {
  return {
      "lion",
      {{"beta1", 0.9, 0, 1, "share of the momentum in the step's direction"},
       {"beta2", 0.99, 0, 1, "decay of the momentum"}},
      [](const Shape &weight, const OptimizerSettings &) { return std::vector<OptimizerState>{{"exp_avg", weight}}; },
      direction,
      /*elementwise=*/true};
}

}  // namespace llc::models
