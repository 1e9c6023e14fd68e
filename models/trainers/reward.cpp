// Reward models (Stiennon et al. 2020; Ouyang et al. 2022): a score for a text, such that what people chose scores
// higher than what they rejected, by the probability of Bradley and Terry.
#include "frontends/dsl/sugar.h"
#include "models/objectives/pairs.h"
#include "models/trainer_registry.h"

namespace llc::models {
using namespace dsl;
namespace {
constexpr const char *marginColumn = "margin";

// Of rows [B]: the score of what ends with the row's last token.
Tensor rewards(const LossInput &in) {
  if (in.model.labels != 1)
    fail(diagnose(ErrorKind::invalidInput)
             .says(in.model.labels
                       ? "the model scores " + std::to_string(in.model.labels) + " labels, a reward model one"
                       : "the model predicts tokens, it has no head for scores")
             .toFix("begin with a model that predicts tokens: llc-model finetune gives it a head"));
  Tensor states = in.model.embeddings(wholeRows(in), lastTokens(in));
  return reshape(in.model.scores(states), {in.segments.size(0)});
}

LossTerms loss(const LossInput &in, const TrainerSettings &settings) {
  Tensor reward = rewards(in), chosen = chosenOf(reward), rejected = rejectedOf(reward);
  Tensor ahead = chosen - rejected;
  Tensor each = -logLogistic(ahead - chosenOf(in.columns.at(marginColumn)));
  // Scores are free up to a constant; this keeps them around 0 (Eisenstein et al. 2023).
  if (double center = settings.number("center_rewards_coefficient"); center > 0)
    each = each + square(chosen + rejected) * center;
  // Rows of padding, which fill up the last batch, are no pairs.
  Tensor hasTokens = reduce(cast(in.segments, DType::f32), {.signature = "bs->b", .kind = "max"});
  Tensor isPair = lt(scalar(0), chosenOf(hasTokens));
  auto sum = [&](Tensor x) { return total(x * isPair); };
  return {sum(each),
          total(isPair),
          {{"rewards/chosen", sum(chosen)},
           {"rewards/rejected", sum(rejected)},
           {"rewards/margins", sum(ahead)},
           {"rewards/accuracies", sum(lt(rejected, chosen))}}};
}
}  // namespace

Trainer reward() {
  return {.name = "reward",
          .help = "a score for texts, by which of two is better; a model without a head for scores gets a new one",
          .examples = Examples::comparisons,
          .settings = {{"center_rewards_coefficient", 0, 0, 100, "pull of the scores of a pair toward a sum of 0"}},
          .loss = loss,
          .columns = {marginColumn},
          .scores = true,
          .likelihood = false,
          .defaults = {{"training.lr", 5e-5}, {"data.block_size", 1024}}};
}

}  // namespace llc::models
