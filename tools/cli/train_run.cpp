#include "tools/cli/train_run.h"

#include <filesystem>

#include "runtime/train/initial_model.h"
#include "runtime/train/run_start.h"
#include "tools/cli/gradient_checkpointing.h"
#include "tools/cli/merge.h"
#include "tools/cli/model.h"
#include "tools/cli/resize_vocabulary.h"
#include "tools/cli/score_head.h"
#include "tools/cli/train_adapter.h"
#include "tools/cli/train_start.h"

namespace llc::cli {

namespace {
// Compiles the program when the run asks for it.
class CompilingHost : public train::RunHost {
 public:
  CompilingHost(const TrainConfig &config, Progress &progress) : config_(config), progress_(progress) {}
  std::optional<train::InitialModel> initial;  // pretrain
  std::optional<AdapterStart> adapter;         // lora-finetune
  std::string base;                            // directory of the adapter's model, or of one that gets a head or rows
  std::optional<train::OrderedJson> larger;    // configuration of the latter
  std::map<std::string, std::string> files;    // the tokenizer's, for that one
  StepOptions step;                            // all but rows, length and adapter

  Status writeModel(const std::string &directory) override {
    if (initial) return train::writeInitialModel(directory, *initial, seed());
    if (larger) return writeResized(base, *larger, files, seed(), directory);
    return writeWithScoreHead(base, files, seed(), directory);
  }
  Result<std::string> beginAdapter(const std::string &checkpoint, const std::string &directory) override {
    return cli::beginAdapter(*adapter, checkpoint, directory, seed());
  }
  Result<std::unique_ptr<train::StepProgram>> makeProgram(const train::ProgramRequest &request) override {
    step.rows = request.rows, step.length = request.length, step.adapter = request.adapter;
    return makeTrainingStep(request.model, step, progress_);
  }
  Status finish(const std::string &directory, const std::string &checkpoint) override {
    if (!adapter || !config_.flag("lora.merge")) return success();
    std::error_code error;
    std::filesystem::remove_all(directory + "/merged", error);
    return mergeAdapters(base, {{checkpoint + ":1"}}, directory + "/merged", progress_);
  }

 private:
  uint64_t seed() const { return uint64_t(config_.integer("training.seed")); }
  const TrainConfig &config_;
  Progress &progress_;
};
}  // namespace

Status runTraining(Context &context, const TrainFlags &flags, const TrainVerb &verb) {
  Progress progress(context.quiet);
  LLC_ASSIGN(TrainConfig config, TrainConfig::make(flags, verb, [&](const std::string &text) { progress.note(text); }));
  LLC_TRY(checkGradientCheckpointing(gradientCheckpointingOf(config), /*budgets=*/true));
  LLC_ASSIGN(const models::Trainer *trainer, config.trainer());
  LLC_ASSIGN(models::TrainerSettings settings, config.trainerSettings());
  CompilingHost host(config, progress);
  LLC_ASSIGN(train::RunStart start, findRunStart(config, flags, verb, progress));
  LLC_ASSIGN(std::optional<int64_t> grown, growVocabulary(config, verb, start, progress));
  if (verb.makesAdapter) {
    LLC_ASSIGN(host.adapter, planAdapterTraining(config, flags, start.model, *start.tokenizer.tokenizer));
    host.base = start.model;
    start.adapter = adapterRunOf(*host.adapter);
  } else if (verb.makesModel) {
    host.initial = initialModelOf(config, start);
  } else if (grown) {
    host.larger = start.modelConfig;
    host.base = std::exchange(start.model, ""), host.files = start.tokenizer.files;
  } else if (trainer->scores) {
    LLC_ASSIGN(bool hasHead, hasScoreHead(start.model));
    // The model that the run begins with is to be made, then.
    if (!hasHead) host.base = std::exchange(start.model, ""), host.files = start.tokenizer.files;
  }
  LLC_ASSIGN(host.step, stepOptionsOf(config, flags));
  train::RunOptions options{verb.name, config.text("checkpoint.dir"), flags.runName, flags.resume, flags.threads,
                            flags.json};
  return train::runTraining(host, config, traitsOf(*trainer, settings), std::move(start), options, progress);
}

}  // namespace llc::cli
