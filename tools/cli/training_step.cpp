#include "tools/cli/training_step.h"

#include "compiler/pipelines/pipeline.h"
#include "models/objectives/sequences.h"
#include "models/objectives/trainer.h"
#include "models/registry.h"
#include "runtime/base/memory.h"
#include "runtime/threads/limits.h"
#include "runtime/train/compiled_step.h"
#include "tools/cli/early_updates.h"
#include "tools/cli/gradient_checkpointing.h"

namespace llc::cli {

namespace {
// Names with the teacher's prefix are its own.
compiler::TensorSource withTeacher(compiler::TensorSource student, compiler::TensorSource teacher) {
  constexpr std::string_view prefix = huggingface::teacherPrefix;
  compiler::TensorSource both;
  both.read = [=](std::string_view name) {
    return name.starts_with(prefix) ? teacher.read(name.substr(prefix.size())) : student.read(name);
  };
  both.release = [=](std::string_view name) {
    name.starts_with(prefix) ? teacher.release(name.substr(prefix.size())) : student.release(name);
  };
  return both;
}

Status openTeacher(TracedModel &traced, const StepOptions &options, Progress &progress) {
  if (options.teacher.empty())
    return diagnose(ErrorKind::invalidInput, "--teacher")
        .says("is missing: the trainer " + options.trainer + " learns from another model")
        .toFix("give the directory of a model with the same vocabulary");
  LLC_ASSIGN(ModelPlace place, findModelDirectory(options.teacher, "training"));
  progress.step("reading " + place.name);
  LLC_ASSIGN(huggingface::ModelSource source, huggingface::openHuggingFace(place.path, models::architectures()));
  if (source.model.vocabulary != traced.source->model.vocabulary)
    return diagnose(ErrorKind::invalidInput, options.teacher)
        .says("has a vocabulary of " + std::to_string(source.model.vocabulary) + " tokens, the model that learns " +
              std::to_string(traced.source->model.vocabulary))
        .toFix("take a teacher with the same tokenizer");
  traced.teacher = std::make_shared<huggingface::ModelSource>(std::move(source));
  return success();
}

Status trace(TracedModel &traced, const StepOptions &options, Progress &progress) {
  LLC_ASSIGN(const models::Trainer *trainer, models::trainerNamed(options.trainer));
  LLC_ASSIGN(models::TrainerSettings settings, models::completeSettings(*trainer, options.trainerSettings));
  if (trainer->hasTeacher) LLC_TRY(openTeacher(traced, options, progress));
  if (options.optimizerState != "f32" && options.optimizerState != "8bit")
    return diagnose(ErrorKind::invalidInput, "optimizer_state")
        .says("there is no '" + options.optimizerState + "'")
        .toFix("use f32 or 8bit");
  LLC_ASSIGN(bool early, updatesEarly(options));
  models::UpdateOptions update{
      .optimizer = options.optimizer,
      .state = options.optimizerState == "8bit" ? models::StateType::eightBit : models::StateType::f32,
      .settings = options.optimizerSettings,
      .weightDecay = options.weightDecay,
      .maxGradientNorm = options.maxGradNorm,
      .layerDecay = options.layerDecay,
      .early = early,
      .emaDecay = options.emaDecay,
      .rounding = options.stochasticRounding ? models::Rounding::stochastic : models::Rounding::nearest,
      .seed = options.seed,
      .groups = options.groups,
      .frozen = options.frozen};
  huggingface::TrainingOptions training;
  training.batch = options.rows, training.sequence = options.length;
  training.accumulate = options.accumulate;
  training.products = options.precision, training.lossScaling = options.precision == "f16";
  training.dtype = traced.weightType;
  training.dropout = options.dropout;
  training.seed = options.seed;
  training.rule = [update](const std::vector<dsl::NamedShape> &weights) { return models::updateRule(update, weights); };
  training.teacher = traced.teacher.get();
  training.sampleLength = std::min(options.sampleLength, options.length);
  dsl::Objective objective = models::objectiveOf(*trainer, settings);
  objective.nextLogits = [](const dsl::LossInput &in, dsl::Tensor place) {
    return in.model.logits(models::wholeRows(in), place);
  };
  LLC_ASSIGN(traced.module, huggingface::traceTraining(*traced.source, *traced.context, objective, training));
  return success();
}

Status checkWeightType(const StepOptions &options) {
  auto refuse = [&](const char *why, const char *remedy) {
    return diagnose(ErrorKind::invalidInput, "weight_dtype").says(options.weightType + why).toFix(remedy);
  };
  if (options.weightType == "f32") return success();
  if (options.weightType != "bf16") return refuse(" is no type for weights that are trained", "use f32 or bf16");
  if (!options.adapter.empty()) return refuse(": adapters are f32, and the model keeps its own type", "leave it out");
  if (options.emaDecay > 0) return refuse(": averages need weights in f32", "leave out one of both");
  return success();
}

Status chooseSaving(TracedModel &traced, const StepOptions &options, Progress &progress) {
  LLC_ASSIGN(std::optional<uint64_t> budget, memoryBudget(options.gradientCheckpointing));
  std::string saving = options.gradientCheckpointing;
  LLC_TRY(checkSavedPlaces(*traced.module, saving));
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
  LLC_TRY(checkWeightType(options));
  LLC_ASSIGN(TracedModel traced, openDirectory(place, adapters.empty() ? options.weightType : "", progress, adapters));
  progress.step("differentiating " + traced.name);
  LLC_TRY(trace(traced, options, progress));
  LLC_TRY(chooseSaving(traced, options, progress));
  LLC_ASSIGN([[maybe_unused]] auto compiled,
             compiler::compile(*traced.module, {.stopAfter = compiler::Phase::differentiated}));
  return traced;
}

compiler::TensorSource trainingTensors(const TracedModel &traced, const Manifest &manifest, Progress &progress) {
  compiler::TensorSource weights = tensorsOf(*traced.source, &progress), all;
  if (traced.teacher) weights = withTeacher(std::move(weights), tensorsOf(*traced.teacher, &progress));
  std::map<std::string, compiler::SourceTensor, std::less<>> zeros;
  for (const ParameterSpec &parameter : manifest.parameters)
    if (parameter.updated && train::isOptimizerState(parameter.name))
      zeros[parameter.name] = {parameter.type, parameter.shape, {}};
  for (const dsl::DerivedParameter &derived : traced.source->model.derived)  // written by the first step
    zeros[derived.name] = {DType::f32, derived.shape, {}};
  all.read = [weights, zeros](std::string_view name) -> Result<compiler::SourceTensor> {
    if (auto found = zeros.find(name); found != zeros.end()) return found->second;
    return weights.read(name);
  };
  all.release = [weights, zeros](std::string_view name) {
    if (!zeros.contains(name)) weights.release(name);
  };
  return all;
}

std::map<std::string, std::string> checkpointNames(const TracedModel &traced, const Manifest &manifest) {
  std::map<std::string, std::string> names;  // the file may lack an optional prefix
  for (const ParameterSpec &parameter : manifest.parameters)
    if (auto stored = traced.source->weight(parameter.name); stored.ok() && (*stored)->name != parameter.name)
      names[parameter.name] = (*stored)->name;
  return names;
}

namespace {
Result<std::unique_ptr<train::StepProgram>> compileStep(const std::string &modelDirectory, const StepOptions &options,
                                                        Progress &progress) {
  LLC_ASSIGN(TracedModel traced, traceTrainingStep(modelDirectory, options, progress));
  progress.step("compiling the training step of " + traced.name);
  compiler::CompileOptions compile{.startAt = compiler::Phase::differentiated};
  LLC_ASSIGN(compiler::CompiledModule compiled, compiler::compile(*traced.module, compile));
  progress.step("loading weights", int64_t(compiled.manifest.parameters.size()));
  int64_t threads = options.threads ? options.threads : threadLimits().threads;
  LLC_ASSIGN(compiler::JitProgram jit,
             compiler::loadProgram(compiled, trainingTensors(traced, compiled.manifest, progress), {.threads = int(threads)}));
  std::map<std::string, std::string> names = checkpointNames(traced, jit.manifest);
  using Sources = std::pair<std::shared_ptr<huggingface::ModelSource>, std::shared_ptr<huggingface::ModelSource>>;
  auto sources = std::make_shared<Sources>(std::move(traced.source), std::move(traced.teacher));
  LLC_ASSIGN(std::shared_ptr<Program> program, programOf(std::move(jit), sources));
  return train::makeStepProgram(std::move(program), threads, std::move(names), options.model);
}
}  // namespace

Result<std::unique_ptr<train::StepProgram>> makeTrainingStep(const std::string &modelDirectory,
                                                             const StepOptions &options, Progress &progress) {
  auto program = compileStep(modelDirectory, options, progress);
  releaseFreedMemory();  // what the compiler had is of no use to hours of steps
  return program;
}

}  // namespace llc::cli
