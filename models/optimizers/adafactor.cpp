// Adafactor (Shazeer and Stern 2018): the second moment of a matrix as an outer product of its rows' and columns'
// means, steps relative to the size of the weights, no first moment.
#include "frontends/dsl/sugar.h"
#include "models/optimizer_registry.h"
#include "models/updates/tensors.h"

namespace llc::models {
using namespace dsl;
namespace {
bool isFactored(const Shape &shape, const OptimizerSettings &settings) {
  int64_t least = int64_t(settings.at("min_dim_size_to_factor"));
  return shape.size() == 2 && shape[0] >= least && shape[1] >= least;
}

// decay * average + (1 - decay) * x for a decay [1] that changes from step to step.
Tensor average(Tensor average, Tensor x, Tensor decay) { return average * decay + x * (1 + -decay); }

Tensor meanOver(Tensor x, const std::string &signature, int64_t kept, int64_t summed, double eps) {
  Tensor sum = generic({x}, {.signature = signature, .body = "a*a", .combiner = "sum"}, {kept}, DType::f32);
  return sum / double(summed) + eps;
}

Tensors factored(const UpdateInput &in, Tensor decay, double eps) {
  int64_t n = in.weight.size(0), k = in.weight.size(1);
  Tensor rows = average(in.state[0], meanOver(in.gradient, "ab->a", n, k, eps), decay);
  Tensor columns = average(in.state[1], meanOver(in.gradient, "ab->b", k, n, eps), decay);
  Tensor mean = reduce(reshape(rows, {1, n}), {.signature = "ab->a", .kind = "sum"}) / double(n);
  Tensor byRow = mul(in.gradient, rsqrt(rows / mean), "ab,a->ab");
  return {byRow * rsqrt(columns), rows, columns};
}

Tensors direction(const UpdateInput &in, const OptimizerSettings &settings) {
  double eps = settings.at("eps");
  Tensor decay = 1 + -exp(log(in.step) * -settings.at("decay_rate"));
  Tensors results;
  if (isFactored(in.weight.shape(), settings)) {
    results = factored(in, decay, eps);
  } else {
    Tensor squares = average(in.state[0], square(in.gradient) + eps, decay);
    results = {in.gradient * rsqrt(squares), squares};
  }
  Tensor &step = results[0];
  step = step / maximum(rootMeanSquare(step) / settings.at("clip"), scalar(1));
  if (settings.at("multiply_by_parameter_scale") != 0)
    step = step * maximum(rootMeanSquare(in.weight), scalar(float(settings.at("min_scale"))));
  return results;
}
}  // namespace

Optimizer adafactor() {
  return {"adafactor",
          {{"decay_rate", 0.8, 0, 1, "the decay at step t is 1 - t^-decay_rate"},
           {"clip", 1, 1e-9, 1e9, "largest root mean square of a step, per parameter"},
           {"eps", 1e-30, 0, 1, "added to squared gradients"},
           {"min_scale", 1e-3, 0, 1, "least root mean square of a weight that steps are relative to"},
           {"multiply_by_parameter_scale", 1, 0, 1, "1: steps are relative to the size of the weights"},
           {"min_dim_size_to_factor", 128, 1, 1e9, "matrices with a smaller side keep all second moments"}},
          [](const Shape &weight, const OptimizerSettings &settings) {
            if (isFactored(weight, settings))
              return std::vector<OptimizerState>{{"v_row", {weight[0]}}, {"v_col", {weight[1]}}};
            return std::vector<OptimizerState>{{"v", weight, Signs::positive}};
          },
          direction};
}

}  // namespace llc::models
