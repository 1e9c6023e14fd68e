// What an optimizer is: one short file each in this folder. It says in which direction a weight moves; the learning
// rate, decoupled weight decay, clipping and the check that everything is finite are the same for all (update.h).
#pragma once
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "models/updates/blocks.h"

namespace llc::models {

struct OptimizerSetting {
  std::string name;
  double initial, least, most;
  std::string help;
};
using OptimizerSettings = std::map<std::string, double>;  // all of them, by name

// Zeros before the first step. Kept as "NAME/PARAMETER", in f32 or in blocks of 8 bits (blocks.h).
struct OptimizerState {
  std::string name;
  dsl::Shape shape;
  Signs signs = Signs::both;
};

struct UpdateInput {
  dsl::Tensor weight, gradient;    // the gradient is clipped already
  std::vector<dsl::Tensor> state;  // as `state` lists them
  dsl::Tensor learningRate, step;  // [1]; step counts updates from 1
};

struct Optimizer {
  std::string name;
  std::vector<OptimizerSetting> settings;
  std::function<std::vector<OptimizerState>(const dsl::Shape &weight, const OptimizerSettings &)> state;
  // The direction d of weight -= learningRate * d, then the new state. To be written in place, so that nothing has to
  // be copied: each old value is read no later than by the statement that makes its new one.
  std::function<dsl::Tensors(const UpdateInput &, const OptimizerSettings &)> direction;
  // Each element of the weight moves by itself: all that `direction` gets may be given in another shape.
  bool elementwise = false;
};

// 1 - beta^step [1], exact for small exponents too: -expm1(x) = -2 tanh(x/2) / (1 - tanh(x/2)), x = step * log(beta).
dsl::Tensor biasCorrection(dsl::Tensor step, double beta);
// decay * x + (1 - decay) * y
dsl::Tensor movingAverage(dsl::Tensor x, dsl::Tensor y, double decay);

}  // namespace llc::models
