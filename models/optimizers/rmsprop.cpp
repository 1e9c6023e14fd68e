// RMSprop (Tieleman and Hinton 2012): the gradient over the root of its mean square, without bias correction.
#include "frontends/dsl/sugar.h"
#include "models/optimizer_registry.h"

namespace llc::models {
using namespace dsl;
namespace {
Tensors direction(const UpdateInput &in, const OptimizerSettings &settings) {
  Tensor squares = movingAverage(in.state[0], square(in.gradient), settings.at("decay"));
  return {in.gradient / (sqrt(squares) + settings.at("eps")), squares};
}
}  // namespace

Optimizer rmsprop() {
  return {"rmsprop",
          {{"decay", 0.9, 0, 1, "decay of the mean of squared gradients"},
           {"eps", 1e-8, 0, 1, "added to the root of that"}},
          [](const Shape &weight, const OptimizerSettings &) {
            return std::vector<OptimizerState>{{"square_avg", weight, Signs::positive}};
          },
          direction,
          /*elementwise=*/true};
}

}  // namespace llc::models
