// The options of training: every flag is a key of the configuration, so that what is given on the command line, in a
// file, and by default is merged, checked and written down in one place.
#pragma once
#include "frontends/recipe/model_config.h"
#include "models/objectives/trainer.h"
#include "runtime/train/run_config.h"
#include "tools/cli/command.h"

namespace llc::cli {

struct TrainVerb {
  const char *name;
  bool makesModel;  // pretrain: the configuration describes a model; otherwise there is one
  std::vector<std::pair<const char *, recipe::OrderedJson>> defaults;  // where they differ from the table's
  bool makesAdapter = false;                                           // lora-finetune: the model stays as it is
  bool hasModes = false;                                               // finetune: see trainVerbOf()
};

extern const TrainVerb pretrainVerb, trainVerb, finetuneVerb, loraFinetuneVerb;  // train.cpp

struct TrainFlags;
// What finetune's mode makes of it: one that trains an adapter, or the verb itself. Errors: the configuration's; a mode
// that is not available; a mode of another verb.
Result<TrainVerb> trainVerbOf(const TrainFlags &flags, const TrainVerb &verb);

struct TrainFlags {
  std::string config, model, runName, resume = "auto";
  std::string adapter;  // lora-finetune: a directory to begin with
  std::vector<std::string> data, set;
  std::vector<std::string> freeze, trainerSettings;
  std::map<std::string, std::string> keys;  // flags that stand for a key: path -> text as given
  int64_t threads = 0;
  bool json = false;
  bool lmsys = false;  // pretrain, train: see lmsys.h
};
// The flags that stand for keys.
void declareKeyFlags(CLI::App &app, TrainFlags &flags, const TrainVerb &verb);
// Those of adapters, which verbs have that make one.
void declareAdapterFlags(CLI::App &app, TrainFlags &flags, const TrainVerb &verb);
// Flags and help of the key; null: it has no flag.
struct KeyFlag {
  const char *flag, *key, *help;
};
const KeyFlag *flagOf(std::string_view key);
// What a flag that takes no value sets its key to; empty: it takes one.
std::string textOfFlag(const KeySpec &key);

// All flags of a verb.
void declareTrainFlags(CLI::App &app, TrainFlags &flags, const TrainVerb &verb);

// The effective configuration, and which keys were given rather than being defaults.
class TrainConfig : public train::RunConfig {
 public:
  // Command line over file over defaults. Prints warnings. Errors: the file's; values; keys that ask for what is not
  // available.
  static Result<TrainConfig> make(const TrainFlags &flags, const TrainVerb &verb,
                                  const std::function<void(const std::string &)> &warn);

  Result<const models::Trainer *> trainer() const;
  Result<models::TrainerSettings> trainerSettings() const;  // all of them. Errors: unknown ones, values out of range

 private:
  Status addTrainer(const TrainFlags &flags);
  Status settleMode(const TrainVerb &verb, const std::function<void(const std::string &)> &note);
  void settleObjective();
};

}  // namespace llc::cli
