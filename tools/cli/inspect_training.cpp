#include "tools/cli/inspect_training.h"

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
  step.length = 512;
  add(app.add_option("--batch-size", step.rows, "Rows of a micro-batch (default: 1)")->check(CLI::Range(1, 1 << 20)));
  add(app.add_option("--block-size", step.length, "Tokens of a row")->check(CLI::Range(2, 1 << 24)));
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

Result<ProgramReport> reportTraining(const std::string &model, const StepOptions &step, Progress &progress) {
  LLC_ASSIGN(ModelPlace place, findModelDirectory(model, "training"));
  LLC_ASSIGN(TracedModel traced, traceTrainingStep(place.path, step, progress));
  return reportProgram(std::move(traced), {.differentiated = true}, progress);
}

}  // namespace llc::cli
