// MARS-AdamW, approximate form (Yuan et al. 2024, Make Variance Reduction Shine): AdamW on gradients corrected by how
// they changed since the last step. Vectors are moved by AdamW alone, as the authors do.
#include "frontends/dsl/sugar.h"
#include "models/optimizer_registry.h"
#include "models/updates/tensors.h"

namespace llc::models {
using namespace dsl;
namespace {
Tensor corrected(const UpdateInput &in, double gamma, double beta, double most) {
  Tensor change = in.gradient - in.state[2];
  Tensor sum = change * (gamma * beta / (1 - beta)) + in.gradient;
  return sum / maximum(sqrt(sumOfSquares(sum)) / most, scalar(1));
}

Tensors direction(const UpdateInput &in, const OptimizerSettings &settings) {
  double beta1 = settings.at("beta1"), beta2 = settings.at("beta2");
  bool matrix = in.weight.rank() > 1;
  Tensor gradient = matrix ? corrected(in, settings.at("gamma"), beta1, settings.at("clip")) : in.gradient;
  Tensor mean = movingAverage(in.state[0], gradient, beta1);
  Tensor variance = movingAverage(in.state[1], square(gradient), beta2);
  Tensor deviation = sqrt(variance) / sqrt(biasCorrection(in.step, beta2)) + settings.at("eps");
  Tensors results = {mean / deviation / biasCorrection(in.step, beta1), mean, variance};
  if (matrix) results.push_back(in.gradient * 1);
  return results;
}
}  // namespace

Optimizer mars() {
  return {"mars",
          {{"beta1", 0.95, 0, 0.9999999, "decay of the mean of corrected gradients"},
           {"beta2", 0.99, 0, 0.9999999, "decay of the mean of their squares"},
           {"gamma", 0.025, 0, 1, "strength of the correction"},
           {"clip", 1, 1e-9, 1e9, "largest norm of a corrected gradient, per parameter"},
           {"eps", 1e-8, 0, 1, "added to the root of the mean square"}},
          [](const Shape &weight, const OptimizerSettings &) {
            std::vector<OptimizerState> state = {{"exp_avg", weight}, {"exp_avg_sq", weight, Signs::positive}};
            if (weight.size() > 1) state.push_back({"last_gradient", weight});
            return state;
          },
          direction};
}

}  // namespace llc::models
