#include "models/objectives/pairs.h"

#include "frontends/dsl/sugar.h"

namespace llc::models {
using namespace dsl;
namespace {
Tensor everySecond(Tensor rows, int64_t first) {
  Tensor pairs = reshape(rows, {rows.size(0) / 2, 2});
  return reshape(slice(pairs, {.dim = 1, .start = first, .size = 1}), {rows.size(0) / 2});
}
}  // namespace

Tensor chosenOf(Tensor rows) { return everySecond(rows, 0); }
Tensor rejectedOf(Tensor rows) { return everySecond(rows, 1); }

// -log(e^0 + e^-x)
Tensor logLogistic(Tensor x) {
  int64_t pairs = x.size(0);
  Tensor zeros = constant(std::vector<float>(size_t(pairs)), {pairs, 1});
  return -logsumexp(concat({zeros, reshape(-x, {pairs, 1})}, 1));
}

}  // namespace llc::models
