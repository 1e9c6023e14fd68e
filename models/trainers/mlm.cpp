// Masked language modelling (Devlin et al. 2019): tokens that are hidden, from those on both sides. What is hidden is
// chosen anew for each batch (Liu et al. 2019), while it is read: runtime/data/masking.h.
#include "models/trainer_registry.h"

namespace llc::models {

Trainer mlm() {
  return {.name = "mlm",
          .help = "tokens of a text that are hidden from the model, from those on both sides",
          .examples = Examples::text,
          .settings = {{"mlm_probability", 0.15, 0.001, 1, "share of the tokens that are to be filled in"},
                       {"mask_replace_prob", 0.8, 0, 1, "of these, share in whose place the mask token stands"},
                       {"random_replace_prob", 0.1, 0, 1, "of these, share in whose place any token stands"}},
          .loss = [](const dsl::LossInput &in, const TrainerSettings &) { return hiddenTokenLoss(in); },
          .hides = {"mlm_probability", "mask_replace_prob", "random_replace_prob"}};
}

}  // namespace llc::models
