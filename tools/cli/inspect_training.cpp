#include "tools/cli/inspect_training.h"

#include "runtime/train/run_start.h"
#include "tools/cli/early_updates.h"
#include "tools/cli/gradient_checkpointing.h"

namespace llc::cli {

CLI::Option *addTrainingFlags(CLI::App &app, StepOptions &step) {
  step.rows = 0;
  CLI::Option *training = app.add_flag_callback(
      "--training", [&step] { step.rows = std::max<int64_t>(step.rows, 1); },
      "The program of a training step instead of that which serves; with --memory: what it takes");
  auto add = [&](CLI::Option *option) { option->capture_default_str()->needs(training)->group("Training"); };
  training->group("Training");
  step.length = 0;
  add(app.add_option("--batch-size", step.rows, "Rows of a micro-batch, of preferences pairs of rows (default: 1)")
          ->check(CLI::Range(1, 1 << 20)));
  app.add_option("--block-size", step.length, "Tokens of a row; default: those of training")
      ->check(CLI::Range(2, 1 << 24))
      ->needs(training)
      ->group("Training");
  add(app.add_option("--optimizer", step.optimizer, "Optimizer"));
  add(app.add_option("--optimizer-state", step.optimizerState, "What it keeps: f32, 8bit")
          ->check(CLI::IsMember({"f32", "8bit"})));
  add(app.add_option("--precision", step.precision, "What products of matrices read")
          ->check(CLI::IsMember({"f32", "bf16", "f16", "fp8"})));
  add(app.add_option("--weight-dtype", step.weightType, "Of matrices that are trained")
          ->check(CLI::IsMember({"f32", "bf16"})));
  add(app.add_option("--trainer", step.trainer, "What is learned"));
  add(app.add_option("--teacher", step.teacher, "Model to learn from, for trainers that have a teacher"));
  add(app.add_option("--ema-decay", step.emaDecay, "Averages of the weights; 0: none")
          ->check(CLI::Range(0.0, 0.9999999)));
  add(app.add_flag("--accumulate", step.accumulate, "Steps of several micro-batches"));
  add(app.add_option("--freeze", step.frozen, "Pattern of names of weights that stay as they are"));
  addGradientCheckpointingFlag(app, step.gradientCheckpointing, /*budgets=*/true);
  addEarlyUpdatesFlags(app, step);
  for (const char *flag : {"--gradient-checkpointing", "--max-grad-norm", "--early-updates"})
    app.get_option(flag)->needs(training)->group("Training");
  return training;
}

namespace {
// As a run chooses it that is told nothing else.
Result<int64_t> usualLength(const models::Trainer &trainer, const std::string &model) {
  LLC_ASSIGN(train::ModelSizes sizes, train::readModelSizes(model));
  auto own = std::ranges::find(trainer.defaults, "data.block_size", &std::pair<std::string, double>::first);
  std::optional<int64_t> asked;
  if (own != trainer.defaults.end()) asked = int64_t(own->second);
  return train::usualLength(asked, sizes);
}
}  // namespace

Result<ProgramReport> reportTraining(const std::string &model, StepOptions step, Progress &progress) {
  LLC_ASSIGN(ModelPlace place, findModelDirectory(model, "training"));
  LLC_ASSIGN(const models::Trainer *trainer, models::trainerNamed(step.trainer));
  if (models::arePairs(trainer->examples)) step.rows *= 2;
  if (step.length == 0) {
    LLC_ASSIGN(step.length, usualLength(*trainer, place.path));
  }
  LLC_ASSIGN(TracedModel traced, traceTrainingStep(place.path, step, progress));
  return reportProgram(std::move(traced), {.differentiated = true}, progress);
}

}  // namespace llc::cli
