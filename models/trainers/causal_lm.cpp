// Next-token prediction: the loss that language models are trained with.
#include "models/trainer_registry.h"

namespace llc::models {

Trainer causal_lm() {
  return {.name = "causal_lm",
          .help = "every token of a text from those before it",
          .examples = Examples::text,
          .settings = additionSettings(),
          .loss =
              [](const dsl::LossInput &in, const TrainerSettings &settings) {
                return nextTokenLoss(in, {settings.number("label_smoothing"), settings.number("z_loss")});
              },
          .additions = additionNames};
}

}  // namespace llc::models
