// Distillation of logits (Hinton et al. 2015): a T^2 KL(teacher || student), both softened by the temperature T, mixed
// with the loss of the labels, and if wanted with the distance of the last hidden states.
#include "frontends/dsl/sugar.h"
#include "models/objectives/sequences.h"
#include "models/trainer_registry.h"

namespace llc::models {
using namespace dsl;
namespace {
// Of N tokens [N]: KL(teacher || student) of distributions softened by the temperature. What needs all logits is one
// sum for each token, sum p (t - s) with p the teacher's probabilities; the rest are numbers of the token.
Tensor divergence(Tensor teacher, Tensor student, double temperature) {
  Tensor of = teacher / temperature, by = student / temperature;
  Tensor ofSum = logsumexp(of), bySum = logsumexp(by);
  Tensor apart = generic({of, by, ofSum}, {.signature = "nv,nv,n->n", .body = "exp(a-c)*(a-b)", .combiner = "sum"},
                         {teacher.size(0)}, DType::f32);
  return apart - ofSum + bySum;
}

// Of N tokens [N]: mean of the squared differences of the hidden states.
Tensor distance(const LossInput &in, Tensor student, Tensor teacher) {
  if (in.model.hidden != in.teacher->hidden)
    fail(diagnose(ErrorKind::invalidInput)
             .says("hidden states of " + std::to_string(in.model.hidden) + " numbers can't be compared with those of " +
                   std::to_string(in.teacher->hidden) + " of the teacher")
             .toFix("set hidden_weight to 0, or take a teacher of the same width"));
  return reduce(square(student - teacher), {.signature = "nh->n", .kind = "sum"}) / double(in.model.hidden);
}

LossTerms loss(const LossInput &in, const TrainerSettings &settings) {
  double temperature = settings.number("temperature"), alpha = settings.number("alpha");
  Tokens tokens = wholeRows(in);
  int64_t count = tokens.ids.size(0);
  Tensor rows = iota({count}, DType::i32);
  Tensor studentStates = in.model.embeddings(tokens, rows), teacherStates = in.teacher->embeddings(tokens, rows);
  // Logits of both models for some tokens at a time.
  Tensors of =
      byRows({studentStates, teacherStates, reshape(next(in.labels), {count})}, in.model.vocabulary,
             [&](const Tensors &rows) -> Tensors {
               Tensor student = in.model.head(rows[0]), teacher = in.teacher->head(rows[1]);
               return {divergence(teacher, student, temperature), logsumexp(student) - ofLabels(student, rows[2])};
             });
  Tensor weight = reshape(learned(in), {count});
  Tensor kl = total(of[0] * weight), hard = total(of[1] * weight);
  LossTerms terms{kl * (alpha * temperature * temperature) + hard * (1 - alpha),
                  total(weight),
                  {{"kl_loss", kl}, {"ce_loss", hard}}};
  if (double hidden = settings.number("hidden_weight"); hidden > 0) {
    Tensor apart = total(distance(in, studentStates, teacherStates) * weight);
    terms.total = terms.total + apart * hidden;
    terms.metrics.push_back({"hidden_state_loss", apart});
  }
  return terms;
}
}  // namespace

Trainer distillation() {
  return {.name = "distillation",
          .help = "what a larger model (--teacher) expects to come next, and what comes next",
          .examples = Examples::completions,
          .settings = {{"temperature", 2, 0.01, 100, "softens the distributions of both models"},
                       {"alpha", 0.9, 0, 1, "weight of what the teacher says; the rest is that of the labels"},
                       {"hidden_weight", 0, 0, 1e6, "weight of the distance of the last hidden states, in squares"}},
          .loss = loss,
          .hasTeacher = true,
          .likelihood = false,
          .defaults = {{"training.lr", 5e-5}}};
}

}  // namespace llc::models
