// pretrain, train, finetune, lora-finetune: one run, four sets of defaults.
#include "tools/cli/lmsys.h"
#include "tools/cli/train_run.h"

namespace llc::cli {

const TrainVerb pretrainVerb = {"pretrain", true, {}};
const TrainVerb trainVerb = {"train", false, {{"training.lr", 1e-5}}};
const TrainVerb finetuneVerb = {"finetune",
                                false,
                                {{"training.batch_size", 4},
                                 {"training.lr", 5e-6},
                                 {"training.epochs", 3},
                                 {"training.gradient_accumulation_steps", 8},
                                 {"training.warmup_steps", 100}},
                                /*makesAdapter=*/false,
                                /*hasModes=*/true};

const TrainVerb loraFinetuneVerb = {"lora-finetune",
                                    false,
                                    {{"training.batch_size", 4},
                                     {"training.lr", 5e-4},
                                     {"training.epochs", 3},
                                     {"training.gradient_accumulation_steps", 8},
                                     {"training.weight_decay", 0.01},
                                     {"training.warmup_steps", 100}},
                                    true};

namespace {
void add(Context &context, const TrainVerb &verb, const char *description) {
  addCommand<TrainFlags>(
      context, verb.name, description, [&verb](CLI::App &app, TrainFlags &o) { declareTrainFlags(app, o, verb); },
      [&verb](Context &c, CLI::App &, TrainFlags &o) -> Status {
        if (o.lmsys) {
          Progress progress(c.quiet);
          LLC_TRY(useLmsysDataset(o, verb, progress));
        }
        LLC_ASSIGN(TrainVerb chosen, trainVerbOf(o, verb));
        return runTraining(c, o, chosen);
      });
}
}  // namespace

void addPretrain(Context &context) {
  add(context, pretrainVerb, "Trains a new model on texts, by a configuration of create-config");
}
void addTrain(Context &context) { add(context, trainVerb, "Goes on training a model that exists"); }
void addFinetune(Context &context) {
  add(context, finetuneVerb, "The same with defaults for adapting a model to few texts");
}

void addLoraFinetune(Context &context) {
  add(context, loraFinetuneVerb,
      "Trains a LoRA, small matrices beside the weights of a model, or another adapter; the model stays as it is");
}

}  // namespace llc::cli
