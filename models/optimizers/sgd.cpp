// Stochastic gradient descent with momentum (Sutskever et al. 2013, in PyTorch's form: the first step is undamped).
#include "frontends/dsl/sugar.h"
#include "models/optimizer_registry.h"

namespace llc::models {
using namespace dsl;
namespace {
Tensors direction(const UpdateInput &in, const OptimizerSettings &settings) {
  double momentum = settings.at("momentum");
  if (momentum == 0) return {in.gradient};
  Tensor moving = in.state[0] * momentum + in.gradient;
  return {settings.at("nesterov") != 0 ? in.gradient + moving * momentum : moving, moving};
}
}  // namespace

Optimizer sgd() {
  return {"sgd",
          {{"momentum", 0.9, 0, 1, "decay of the momentum; 0: none, and no memory for it"},
           {"nesterov", 0, 0, 1, "1: look ahead (Nesterov)"}},
          [](const Shape &weight, const OptimizerSettings &settings) {
            if (settings.at("momentum") == 0) return std::vector<OptimizerState>();
            return std::vector<OptimizerState>{{"momentum", weight}};
          },
          direction,
          /*elementwise=*/true};
}

}  // namespace llc::models
