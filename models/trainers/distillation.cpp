// Distillation of logits (Hinton et al. 2015): a T^2 KL(teacher || student), both softened by the temperature T, mixed
// with the loss of the labels.
#include "frontends/dsl/sugar.h"
#include "models/trainer_registry.h"

namespace llc::models {
using namespace dsl;
namespace {
// x[N,V] -> log softmax(x / temperature)
Tensor logSoftmax(Tensor x, double temperature) {
  Tensor scaled = x / temperature;
  return scaled - reshape(logsumexp(scaled), {x.size(0), 1});
}

// Of N tokens [N]: KL(teacher || student).
Tensor divergence(Tensor teacher, Tensor student, double temperature) {
  Tensor of = logSoftmax(teacher, temperature), by = logSoftmax(student, temperature);
  return contract(exp(of), of - by, "nv,nv->n");
}

LossTerms loss(const LossInput &in, const TrainerSettings &settings) {
  double temperature = settings.number("temperature"), alpha = settings.number("alpha");
  Tokens tokens = wholeRows(in);
  int64_t count = tokens.ids.size(0);
  Tensor rows = iota({count}, DType::i32);
  Tensor student = in.model.logits(tokens, rows), teacher = in.teacher->logits(tokens, rows);
  Tensor weight = reshape(learned(in), {count});
  Tensor kl = total(divergence(teacher, student, temperature) * weight);
  Tensor hard = total(cross_entropy(student, reshape(next(in.labels), {count})) * weight);
  return {kl * (alpha * temperature * temperature) + hard * (1 - alpha),
          total(weight),
          {{"kl_loss", kl}, {"ce_loss", hard}}};
}
}  // namespace

Trainer distillation() {
  return {.name = "distillation",
          .help = "what a larger model (--teacher) expects to come next, and what comes next",
          .examples = Examples::completions,
          .settings = {{"temperature", 2, 0.01, 100, "softens the distributions of both models"},
                       {"alpha", 0.9, 0, 1, "weight of what the teacher says; the rest is that of the labels"}},
          .loss = loss,
          .hasTeacher = true,
          .likelihood = false,
          .defaults = {{"training.lr", 5e-5}}};
}

}  // namespace llc::models
