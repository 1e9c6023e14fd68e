// Supervised fine-tuning (Ouyang et al. 2022, stage 1): next-token prediction on demonstrations. Which tokens count is
// the data's: those of completions, of assistants, or all.
#include "models/trainer_registry.h"

namespace llc::models {

Trainer sft() {
  return {.name = "sft",
          .help = "completions of prompts, answers in conversations, or whole texts, each from its beginning",
          .examples = Examples::completions,
          .settings = additionSettings(),
          .loss = nextTokenLossWithAdditions,
          .additions = additionNames()};
}

}  // namespace llc::models
