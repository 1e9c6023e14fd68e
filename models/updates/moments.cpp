#include <cmath>

#include "frontends/dsl/sugar.h"
#include "models/updates/optimizer.h"

namespace llc::models {
using namespace dsl;

Tensor biasCorrection(Tensor step, double beta) {
  Tensor half = tanh(step * (0.5 * std::log(beta)));
  return half * -2 / (1 + -half);
}

Tensor movingAverage(Tensor x, Tensor y, double decay) { return x * decay + y * (1 - decay); }

}  // namespace llc::models
