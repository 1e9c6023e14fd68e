#include "models/objectives/sequences.h"

#include <cmath>

#include "frontends/dsl/sugar.h"

namespace llc::models {
using namespace dsl;

Tokens wholeRows(const LossInput &in) {
  Shape shape = in.ids.shape(), all = {shape[0] * shape[1]};
  auto flat = [&](Tensor x) { return reshape(cast(x, DType::i32), all); };
  Tensor numbers = cast(in.segments, DType::f32);
  // How many tokens of its segment stand before or at a token, and how many there are.
  Tensor counted =
      generic({numbers, numbers}, {.signature = "bt,bs->bs", .body = "eq(a,b)*ge(@s,@t)", .combiner = "sum"}, shape,
              DType::f32);
  Tensor length = generic({numbers, numbers}, {.signature = "bt,bs->bs", .body = "eq(a,b)*lt(0,b)", .combiner = "sum"},
                          shape, DType::f32);
  Tokens tokens{.ids = flat(in.ids), .positions = flat(counted - 1)};
  tokens.lengths = flat(length);
  tokens.segments = in.segments;
  tokens.dropout = in.dropout;
  if (in.types) tokens.types = flat(in.types);
  return tokens;
}

Tensor next(Tensor x) {
  return pad(slice(x, {.dim = 1, .start = 1, .size = x.size(1) - 1}), {.dim = 1, .low = 0, .high = 1});
}

Tensor learned(const LossInput &in) {
  if (in.model.bidirectional)
    fail(diagnose(ErrorKind::unsupported)
             .says("the model sees the tokens after a token, too: there is nothing to predict of the next one")
             .toFix("use --trainer mlm, which hides tokens from it"));
  Tensor numbers = cast(in.segments, DType::f32), target = next(in.labels);
  return ge(cast(target, DType::f32), scalar(0)) * lt(scalar(0), next(numbers));
}

Tensor nextLogProbabilities(const LossInput &in) {
  return in.model.logProbabilities(wholeRows(in), reshape(next(in.labels), {dynamicSize}));
}

Tensor ofLabels(Tensor logits, Tensor labels) {
  return generic({logits, cast(labels, DType::f32)}, {.signature = "tv,t->t", .body = "a*eq(@v,b)", .combiner = "sum"},
                 labels.shape(), DType::f32);
}

Tensor lastTokens(const LossInput &in) {
  int64_t rows = in.segments.size(0), width = in.segments.size(1);
  Tensor numbers = cast(in.segments, DType::f32);
  Tensor last = generic({numbers}, {.signature = "bs->b", .body = "lt(0,a)*@s", .combiner = "max"}, {rows}, DType::f32);
  std::vector<float> firsts;
  for (int64_t row = 0; row < rows; ++row) firsts.push_back(float(row * width));
  return cast(last + constant(firsts, {rows}), DType::i32);
}

Tensor total(Tensor x) { return reduce(reshape(x, {1, dynamicSize}), {.signature = "at->a", .kind = "sum"}); }

LossTerms nextTokenLoss(const LossInput &in) {
  Tensor weight = learned(in);
  return {-total(nextLogProbabilities(in) * reshape(weight, {dynamicSize})), total(weight)};
}

namespace {
// Of N tokens with these logits [N,V] and -log p [N] of their labels: the cross entropy [N] with what the labels
// become.
Tensor smoothed(Tensor logits, Tensor plain, Tensor logSum, double smoothing) {
  double others = double(logits.size(1) - 1), share = smoothing / others;
  // -log p of all tokens together, the label's left out.
  Tensor rest = logSum * (others + 1) - reduce(logits, {.signature = "nv->n", .kind = "sum"}) - plain;
  double least = -(1 - smoothing) * std::log(1 - smoothing) - smoothing * std::log(share);
  return plain * (1 - smoothing) + rest * share - least;
}
}  // namespace

LossTerms nextTokenLoss(const LossInput &in, const LossAdditions &additions) {
  if (additions.smoothing == 0 && additions.z == 0) return nextTokenLoss(in);
  Tokens tokens = wholeRows(in);
  int64_t count = tokens.ids.size(0);
  Tensor weight = reshape(learned(in), {count}), states = in.model.embeddings(tokens, iota({count}, DType::i32));
  auto ofTokens = [&](const Tensors &rows) -> Tensors {
    Tensor logits = in.model.head(rows[0]), logSum = logsumexp(logits), plain = logSum - ofLabels(logits, rows[1]);
    Tensor loss = additions.smoothing > 0 ? smoothed(logits, plain, logSum, additions.smoothing) : plain;
    return {loss, plain, square(logSum)};
  };
  Tensors found = byRows({states, reshape(next(in.labels), {count})}, in.model.vocabulary, ofTokens);
  Tensor zLoss = total(found[2] * weight) * additions.z;
  return {total(found[0] * weight) + zLoss, total(weight), {{"ce_loss", total(found[1] * weight)}, {"z_loss", zLoss}}};
}

HiddenTokens hiddenTokens(const LossInput &in) {
  if (!in.model.bidirectional)
    fail(diagnose(ErrorKind::unsupported)
             .says("the model sees only the tokens before a token, it can't fill in one from both sides")
             .toFix("use a bidirectional model (bert, roberta), or --trainer causal_lm"));
  if (in.model.virtualTokens)
    fail(diagnose(ErrorKind::unsupported)
             .says("adapters of virtual tokens are for models that generate")
             .toFix("use LoRA (lora-finetune --target-modules query,value)"));
  Tokens tokens = wholeRows(in);
  int64_t count = tokens.ids.size(0);
  Tensor states = in.model.embeddings(tokens, iota({count}, DType::i32));
  Tensor labels = reshape(in.labels, {count}), numbers = reshape(cast(in.segments, DType::f32), {count});
  Tensor weight = ge(cast(labels, DType::f32), scalar(0)) * lt(scalar(0), numbers);
  Tensors found = byRows({states, labels}, in.model.vocabulary, [&](const Tensors &rows) -> Tensors {
    Tensor logits = in.model.head(rows[0]), ofLabel = ofLabels(logits, rows[1]);
    Tensor best = reduce(logits, {.signature = "tv->t", .kind = "max"});
    return {logsumexp(logits) - ofLabel, ge(ofLabel, best)};
  });
  return {found[0] * weight, found[1] * weight, weight};
}

LossTerms hiddenTokenLoss(const LossInput &in) {
  HiddenTokens tokens = hiddenTokens(in);
  return {total(tokens.losses), total(tokens.weight), {{"accuracy", total(tokens.hits)}}};
}

LossTerms tokenLoss(const LossInput &in) { return in.model.bidirectional ? hiddenTokenLoss(in) : nextTokenLoss(in); }

RowLogProbabilities rowLogProbabilities(const LossInput &in) {
  Tensor weight = learned(in);
  Tensor each = reshape(nextLogProbabilities(in), weight.shape()) * weight;
  auto ofRow = [](Tensor x) { return reduce(x, {.signature = "bs->b", .kind = "sum"}); };
  return {ofRow(each), ofRow(weight)};
}

}  // namespace llc::models
