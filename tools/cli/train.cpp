// pretrain, train, finetune, lora-finetune: one run, four sets of defaults.
#include "tools/cli/train_run.h"

namespace llc::cli {

namespace {
const TrainVerb pretrain = {"pretrain", true, {{"training.lr", 3e-4}, {"training.early_stopping_patience", 0}}};
const TrainVerb train = {"train", false, {{"training.lr", 1e-5}, {"training.early_stopping_patience", 0}}};
const TrainVerb finetune = {"finetune",
                            false,
                            {{"training.batch_size", 4},
                             {"training.lr", 5e-6},
                             {"training.epochs", 3},
                             {"training.gradient_accumulation_steps", 8},
                             {"training.warmup_steps", 100},
                             {"training.early_stopping_patience", 0}}};

const TrainVerb loraFinetune = {"lora-finetune",
                                false,
                                {{"training.batch_size", 4},
                                 {"training.lr", 5e-4},
                                 {"training.epochs", 3},
                                 {"training.gradient_accumulation_steps", 8},
                                 {"training.weight_decay", 0.01},
                                 {"training.warmup_steps", 100},
                                 {"training.early_stopping_patience", 0}},
                                true};

void add(Context &context, const TrainVerb &verb, const char *description) {
  addCommand<TrainFlags>(
      context, verb.name, description, [&verb](CLI::App &app, TrainFlags &o) { declareTrainFlags(app, o, verb); },
      [&verb](Context &c, CLI::App &, TrainFlags &o) { return runTraining(c, o, verb); });
}
}  // namespace

void addPretrain(Context &context) {
  add(context, pretrain, "Trains a new model on texts, by a configuration of create-config");
}
void addTrain(Context &context) { add(context, train, "Goes on training a model that exists"); }
void addFinetune(Context &context) {
  add(context, finetune, "The same with defaults for adapting a model to few texts");
}

void addLoraFinetune(Context &context) {
  add(context, loraFinetune, "Trains a LoRA: small matrices beside the weights of a model, which stay as they are");
}

}  // namespace llc::cli
