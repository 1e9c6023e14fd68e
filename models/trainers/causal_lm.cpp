#include "models/trainers/causal_lm.h"

#include "frontends/dsl/sugar.h"

namespace llc::models {
using namespace dsl;
namespace {
// The batch's rows one after the other; segments[B,S] f32.
Tokens wholeRows(Tensor ids, Tensor segments, Tensor numbers) {
  Shape shape = ids.shape(), all = {shape[0] * shape[1]};
  auto flat = [&](Tensor x) { return reshape(cast(x, DType::i32), all); };
  // How many tokens of its segment stand before or at a token, and how many there are.
  Tensor counted =
      generic({numbers, numbers}, {.signature = "bt,bs->bs", .body = "eq(a,b)*ge(@s,@t)", .combiner = "sum"}, shape,
              DType::f32);
  Tensor length = generic({numbers, numbers}, {.signature = "bt,bs->bs", .body = "eq(a,b)*lt(0,b)", .combiner = "sum"},
                          shape, DType::f32);
  Tokens tokens{.ids = flat(ids), .positions = flat(counted - 1)};
  tokens.lengths = flat(length);
  tokens.segments = segments;
  return tokens;
}

// x[B,S] with each element replaced by the next one of its row, the last by 0.
Tensor next(Tensor x) {
  return pad(slice(x, {.dim = 1, .start = 1, .size = x.size(1) - 1}), {.dim = 1, .low = 0, .high = 1});
}
}  // namespace

LossTerms causalLm(const Model &model, Tensor ids, Tensor segments, Tensor labels) {
  Tensor numbers = cast(segments, DType::f32), target = next(labels);
  Tensor weight = ge(cast(target, DType::f32), scalar(0)) * lt(scalar(0), next(numbers));
  Tensor likelihood = model.logProbabilities(wholeRows(ids, segments, numbers), reshape(target, {dynamicSize}));
  auto total = [](Tensor x) { return reduce(reshape(x, {1, dynamicSize}), {.signature = "at->a", .kind = "sum"}); };
  return {-total(likelihood * reshape(weight, {dynamicSize})), total(weight)};
}

}  // namespace llc::models
