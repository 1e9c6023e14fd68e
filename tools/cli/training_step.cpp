#include "tools/cli/training_step.h"

#include "compiler/pipelines/pipeline.h"
#include "models/trainers/causal_lm.h"
#include "models/updates/update.h"
#include "runtime/threads/limits.h"
#include "runtime/train/compiled_step.h"
#include "tools/cli/gradient_checkpointing.h"

namespace llc::cli {

namespace {
// Weights from the checkpoint; what else the program keeps begins as zeros.
compiler::TensorSource weightsAndZeros(const huggingface::ModelSource &source, const compiler::CompiledModule &compiled,
                                       Progress &progress) {
  compiler::TensorSource weights = tensorsOf(source, &progress), all;
  std::map<std::string, compiler::SourceTensor, std::less<>> zeros;
  for (const ParameterSpec &parameter : compiled.manifest.parameters)
    if (parameter.updated && train::isOptimizerState(parameter.name))
      zeros[parameter.name] = {parameter.type, parameter.shape, {}};
  all.read = [weights, zeros](std::string_view name) -> Result<compiler::SourceTensor> {
    if (auto found = zeros.find(name); found != zeros.end()) return found->second;
    return weights.read(name);
  };
  all.release = [weights, zeros](std::string_view name) {
    if (!zeros.contains(name)) weights.release(name);
  };
  return all;
}

Status trace(TracedModel &traced, const StepOptions &options) {
  models::UpdateOptions update{.optimizer = options.optimizer,
                               .settings = options.optimizerSettings,
                               .weightDecay = options.weightDecay,
                               .maxGradientNorm = options.maxGradNorm,
                               .frozen = options.frozen};
  huggingface::TrainingOptions training;
  training.batch = options.rows, training.sequence = options.length;
  training.accumulate = options.accumulate;
  training.products = options.precision, training.lossScaling = options.precision == "f16";
  training.dtype = traced.weightType;
  training.rule = [update](const std::vector<dsl::NamedShape> &weights) { return models::updateRule(update, weights); };
  LLC_ASSIGN(traced.module, huggingface::traceTraining(*traced.source, *traced.context, models::causalLm, training));
  return success();
}

Status chooseSaving(TracedModel &traced, const StepOptions &options, Progress &progress) {
  LLC_ASSIGN(std::optional<uint64_t> budget, memoryBudget(options.gradientCheckpointing));
  std::string saving = options.gradientCheckpointing;
  if (budget) {
    LLC_ASSIGN(saving, savingWithin(*traced.module, *budget, progress));
  }
  setSaving(*traced.module, saving);
  return success();
}
}  // namespace

Result<TracedModel> traceTrainingStep(const std::string &modelDirectory, const StepOptions &options,
                                      Progress &progress) {
  LLC_ASSIGN(ModelPlace place, findModelDirectory(modelDirectory, "training"));
  // Weights that nothing changes may stay in the type that they are stored in.
  std::vector<std::string> adapters;
  if (!options.adapter.empty()) adapters = {options.adapter + ":1"};
  LLC_ASSIGN(TracedModel traced, openDirectory(place, adapters.empty() ? "f32" : "", progress, adapters));
  progress.step("differentiating " + traced.name);
  LLC_TRY(trace(traced, options));
  LLC_TRY(chooseSaving(traced, options, progress));
  LLC_ASSIGN([[maybe_unused]] auto compiled,
             compiler::compile(*traced.module, {.stopAfter = compiler::Phase::differentiated}));
  return traced;
}

Result<std::unique_ptr<train::StepProgram>> makeTrainingStep(const std::string &modelDirectory,
                                                             const StepOptions &options, Progress &progress) {
  LLC_ASSIGN(TracedModel traced, traceTrainingStep(modelDirectory, options, progress));
  progress.step("compiling the training step of " + traced.name);
  compiler::CompileOptions compile{.startAt = compiler::Phase::differentiated};
  LLC_ASSIGN(compiler::CompiledModule compiled, compiler::compile(*traced.module, compile));
  progress.step("loading weights", int64_t(compiled.manifest.parameters.size()));
  int64_t threads = options.threads ? options.threads : threadLimits().threads;
  LLC_ASSIGN(
      compiler::JitProgram jit,
      compiler::loadProgram(compiled, weightsAndZeros(*traced.source, compiled, progress), {.threads = int(threads)}));
  std::map<std::string, std::string> names;  // the file may lack an optional prefix
  for (const ParameterSpec &parameter : jit.manifest.parameters)
    if (auto stored = traced.source->weight(parameter.name); stored.ok() && (*stored)->name != parameter.name)
      names[parameter.name] = (*stored)->name;
  std::shared_ptr<huggingface::ModelSource> source = std::move(traced.source);
  LLC_ASSIGN(std::shared_ptr<Program> program, programOf(std::move(jit), source));
  return train::makeStepProgram(std::move(program), threads, std::move(names));
}

}  // namespace llc::cli
