// Muon (Jordan et al. 2024): a matrix moves along its momentum made orthogonal by Newton-Schulz iterations; everything
// else along AdamW's direction.
#include <cmath>

#include "frontends/dsl/sugar.h"
#include "models/optimizer_registry.h"
#include "models/updates/tensors.h"

namespace llc::models {
using namespace dsl;
namespace {
// x[n,k] with its singular values brought near 1: x <- a x + (b A + c A A) x, A = x x^T, on the shorter side.
Tensor orthogonal(Tensor x, int64_t iterations) {
  constexpr double a = 3.4445, b = -4.775, c = 2.0315;
  bool tall = x.size(0) > x.size(1);
  x = x / (sqrt(sumOfSquares(x)) + 1e-7);
  const char *gram = tall ? "na,nb->ab" : "an,bn->ab", *apply = tall ? "ab,nb->na" : "ab,bn->an";
  for (int64_t i = 0; i < iterations; ++i) {
    Tensor square = contract(x, x, gram);
    Tensor polynomial = square * b + contract(square, square, "ab,bc->ac") * c;
    x = x * a + contract(polynomial, x, apply);
  }
  return x;
}

Tensors matrixDirection(const UpdateInput &in, const OptimizerSettings &settings) {
  double beta = settings.at("beta"), n = double(in.weight.size(0)), k = double(in.weight.size(1));
  Tensor moving = movingAverage(in.state[0], in.gradient, beta);
  Tensor ahead = settings.at("nesterov") != 0 ? movingAverage(moving, in.gradient, beta) : moving;
  return {orthogonal(ahead, int64_t(settings.at("ns_steps"))) * std::sqrt(std::max(1.0, n / k)), moving};
}

Tensors direction(const UpdateInput &in, const OptimizerSettings &settings) {
  if (in.weight.rank() == 2) return matrixDirection(in, settings);
  Optimizer adam = adamw();
  return adam.direction(
      in,
      {{"beta1", settings.at("adam_beta1")}, {"beta2", settings.at("adam_beta2")}, {"eps", settings.at("adam_eps")}});
}
}  // namespace

Optimizer muon() {
  return {"muon",
          {{"beta", 0.95, 0, 1, "decay of the momentum"},
           {"nesterov", 1, 0, 1, "1: look ahead (Nesterov)"},
           {"ns_steps", 5, 1, 20, "Newton-Schulz iterations"},
           {"adam_beta1", 0.9, 0, 0.9999999, "of what is no matrix"},
           {"adam_beta2", 0.999, 0, 0.9999999, "of what is no matrix"},
           {"adam_eps", 1e-8, 0, 1, "of what is no matrix"}},
          [](const Shape &weight, const OptimizerSettings &) {
            if (weight.size() == 2) return std::vector<OptimizerState>{{"momentum", weight}};
            return std::vector<OptimizerState>{{"exp_avg", weight}, {"exp_avg_sq", weight, Signs::positive}};
          },
          direction};
}

}  // namespace llc::models
