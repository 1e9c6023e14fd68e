// Next-token prediction: the loss that language models are trained with.
#include "models/trainer_registry.h"

namespace llc::models {

Trainer causal_lm() {
  return {.name = "causal_lm",
          .help = "every token of a text from those before it",
          .examples = Examples::text,
          .settings = additionSettings(),
          .loss = nextTokenLossWithAdditions,
          .additions = additionNames()};
}

}  // namespace llc::models
