#include "models/trainers/causal_lm.h"

#include "frontends/dsl/sugar.h"

namespace llc::models {
using namespace dsl;
namespace {
// The batch's rows one after the other; real[B,S] f32 is 1 at tokens, 0 at padding.
Tokens wholeRows(Tensor ids, Tensor mask, Tensor real) {
  Shape shape = ids.shape(), all = {shape[0] * shape[1]};
  auto flat = [&](Tensor x) { return reshape(cast(x, DType::i32), all); };
  Tensor counted =
      generic({real}, {.signature = "bt->bs", .body = "a*ge(@s,@t)", .combiner = "sum"}, shape, DType::f32);
  Tensor length = reduce(real, {.signature = "bs->b", .kind = "sum"});
  Tokens tokens{.ids = flat(ids), .positions = flat(maximum(counted - 1, scalar(0)))};
  tokens.lengths = flat(broadcast(length, {.signature = "b->bs"}, shape, DType::f32));
  tokens.segments = mask;
  return tokens;
}

// x[B,S] with each element replaced by the next one of its row, the last by 0.
Tensor next(Tensor x) {
  return pad(slice(x, {.dim = 1, .start = 1, .size = x.size(1) - 1}), {.dim = 1, .low = 0, .high = 1});
}
}  // namespace

Tensor causalLmLoss(const Model &model, Tensor ids, Tensor mask, Tensor labels) {
  Tensor real = cast(mask, DType::f32), target = next(labels);
  Tensor weight = ge(cast(target, DType::f32), scalar(0)) * next(real);
  Tensor likelihood = model.logProbabilities(wholeRows(ids, mask, real), reshape(target, {dynamicSize}));
  auto total = [](Tensor x) { return reduce(reshape(x, {1, dynamicSize}), {.signature = "at->a", .kind = "sum"}); };
  return -(total(likelihood * reshape(weight, {dynamicSize})) / total(weight));
}

}  // namespace llc::models
