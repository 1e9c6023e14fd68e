// AdamW (Kingma and Ba 2015, Loshchilov and Hutter 2019), bias-corrected.
#include "frontends/dsl/sugar.h"
#include "models/optimizer_registry.h"

namespace llc::models {
using namespace dsl;
namespace {
Tensors direction(const UpdateInput &in, const OptimizerSettings &settings) {
  double beta1 = settings.at("beta1"), beta2 = settings.at("beta2");
  Tensor mean = movingAverage(in.state[0], in.gradient, beta1);
  Tensor variance = movingAverage(in.state[1], square(in.gradient), beta2);
  Tensor deviation = sqrt(variance) / sqrt(biasCorrection(in.step, beta2)) + settings.at("eps");
  return {mean / deviation / biasCorrection(in.step, beta1), mean, variance};
}
}  // namespace

Optimizer adamw() {
  return {"adamw",
          {{"beta1", 0.9, 0, 0.9999999, "decay of the mean of gradients"},
           {"beta2", 0.999, 0, 0.9999999, "decay of the mean of their squares"},
           {"eps", 1e-8, 0, 1, "added to the root of that"}},
          [](const Shape &weight, const OptimizerSettings &) {
            return std::vector<OptimizerState>{{"exp_avg", weight}, {"exp_avg_sq", weight, Signs::positive}};
          },
          direction,
          /*elementwise=*/true};
}

}  // namespace llc::models
