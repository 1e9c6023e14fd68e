// Direct preference optimization (Rafailov et al. 2023), and other losses of the same four numbers: the
// log-probabilities of two completions by the model and by the model as it was before training (the reference).
#include <algorithm>
#include <cmath>

#include "frontends/dsl/sugar.h"
#include "models/objectives/pairs.h"
#include "models/trainer_registry.h"

namespace llc::models {
using namespace dsl;
namespace {
// Of pairs [P]: log-ratios of model and reference for the chosen and the rejected completion.
struct Ratios {
  Tensor chosen, rejected;
  Tensor margin() const { return chosen - rejected; }
};

using PairLoss = Tensor (*)(const Ratios &, double beta, double smoothing);

// -(1 - e) log s(b h) - e log s(-b h); cDPO where e > 0.
Tensor sigmoid(const Ratios &r, double beta, double e) {
  Tensor x = r.margin() * beta;
  return e == 0 ? -logLogistic(x) : logLogistic(x) * -(1 - e) - logLogistic(-x) * e;
}
// SLiC (Zhao et al. 2023)
Tensor hinge(const Ratios &r, double beta, double) { return relu(r.margin() * -beta + 1); }
// IPO (Azar et al. 2023); of means over the tokens.
Tensor ipo(const Ratios &r, double beta, double) { return square(r.margin() - 1 / (2 * beta)); }
// Robust DPO (Chowdhury et al. 2024)
Tensor robust(const Ratios &r, double beta, double e) {
  Tensor x = r.margin() * beta;
  return (logLogistic(x) * -(1 - e) + logLogistic(-x) * e) / (1 - 2 * e);
}
// EXO (Ji et al. 2024)
Tensor exoPair(const Ratios &r, double beta, double smoothing) {
  Tensor x = r.margin() * beta;
  double e = std::max(smoothing, 1e-3);
  return logistic(x) * (logLogistic(x) - std::log(1 - e)) + logistic(-x) * (logLogistic(-x) - std::log(e));
}
// NCA (Chen et al. 2024)
Tensor ncaPair(const Ratios &r, double beta, double) {
  Tensor a = r.chosen * beta, b = r.rejected * beta;
  return -logLogistic(a) - (logLogistic(-a) + logLogistic(-b)) * 0.5;
}
// SPPO (Wu et al. 2024)
Tensor sppoHard(const Ratios &r, double beta, double) {
  return square(r.chosen - 0.5 / beta) + square(r.rejected + 0.5 / beta);
}
// APO (D'Oosterlinck et al. 2024)
Tensor apoZero(const Ratios &r, double beta, double) {
  return logistic(r.rejected * beta) - logistic(r.chosen * beta) + 1;
}
Tensor apoDown(const Ratios &r, double beta, double) {
  return logistic(r.chosen * beta) - logistic(r.margin() * beta) + 1;
}

const std::vector<std::pair<std::string, PairLoss>> losses = {
    {"sigmoid", sigmoid},  {"hinge", hinge},        {"ipo", ipo},          {"robust", robust},   {"exo_pair", exoPair},
    {"nca_pair", ncaPair}, {"sppo_hard", sppoHard}, {"apo_zero", apoZero}, {"apo_down", apoDown}};

std::vector<std::string> names() {
  std::vector<std::string> all;
  for (const auto &one : losses) all.push_back(one.first);
  return all;
}

LossTerms loss(const LossInput &in, const TrainerSettings &settings) {
  double beta = settings.number("beta");
  const std::string &type = settings.text("loss_type");
  RowLogProbabilities row = rowLogProbabilities(in);
  Tensor reference = in.columns.at(referenceColumn), ratio = row.sum - reference;
  if (type == "ipo") ratio = ratio / maximum(row.count, scalar(1));
  Ratios ratios{chosenOf(ratio), rejectedOf(ratio)};
  // Rows of padding, which fill up the last batch, are no pairs.
  Tensor isPair = lt(scalar(0), chosenOf(row.count) + rejectedOf(row.count));
  PairLoss pairLoss =
      std::find_if(losses.begin(), losses.end(), [&](const auto &l) { return l.first == type; })->second;
  auto sum = [&](Tensor x) { return total(x * isPair); };
  Tensor chosen = ratios.chosen * beta, rejected = ratios.rejected * beta;
  return {sum(pairLoss(ratios, beta, settings.number("label_smoothing"))),
          total(isPair),
          {{"rewards/chosen", sum(chosen)},
           {"rewards/rejected", sum(rejected)},
           {"rewards/margins", sum(chosen - rejected)},
           {"rewards/accuracies", sum(lt(rejected, chosen))},
           {"logps/chosen", sum(chosenOf(row.sum))},
           {"logps/rejected", sum(rejectedOf(row.sum))}}};
}
}  // namespace

Trainer dpo() {
  return {.name = "dpo",
          .help = "which of two completions of a prompt is better, without drifting from what the model was",
          .examples = Examples::preferences,
          .settings = {{"beta", 0.1, 1e-4, 100, "pull toward the model as it was; ipo: the margin is 1 / (2 beta)"},
                       {"label_smoothing", 0, 0, 0.499, "share of the preferences that are expected to be wrong"},
                       {"loss_type", 0, 0, 0, "loss of a pair", names()}},
          .loss = loss,
          .reference = [](const LossInput &in) { return rowLogProbabilities(in).sum; },
          .likelihood = false,
          .defaults = {{"training.lr", 1e-6}, {"data.block_size", 512}}};
}

}  // namespace llc::models
