#include "tools/cli/compiled_training.h"

#include "compiler/pipelines/pipeline.h"
#include "runtime/base/clock.h"
#include "runtime/threads/team.h"
#include "runtime/train/entry_memory.h"

namespace llc::cli {

namespace {
// The memory of a call.
class Call {
 public:
  Call(const compiler::JitProgram &program, const TrainingBatch &batch) : program_(program), batch_(batch) {}

  // Errors: no memory.
  Status allocate(int64_t threads) {
    LLC_ASSIGN(memory_, train::EntryMemory::allocate(program_.manifest, threads, "give a smaller batch"));
    plannedBytes_ = memory_->bytes();
    for (const TensorSpec &spec : program_.manifest.entry(trainingEntry)->outputs) {
      size_t elements = 1;
      for (int64_t size : spec.shape) elements *= size_t(size);
      outputs_.emplace_back(elements);
      plannedBytes_ += elements * sizeof(float);
    }
    for (auto &output : outputs_) pointers_.push_back(output.data());
    return success();
  }

  // `observer` may be null.
  void run(ThreadTeam &team, StepObserver *observer) {
    const void *inputs[] = {batch_.ids.data(), batch_.mask.data(), batch_.labels.data(), batch_.types.data()};
    int64_t sizes[] = {batch_.rows * batch_.width, 0, 0};
    llc_batch batch{};
    batch.tokens = sizes[LLC_DIM_TOKENS];
    std::vector<int32_t> positions(size_t(batch.tokens), 0);
    batch.positions = positions.data();
    llc_context context = memory_->context();
    context.parameters = program_.parameters.data(), context.batch = &batch;
    context.inputs = inputs, context.outputs = pointers_.data(), context.sizes = sizes;
    if (observer) observer->before(context);
    team.run(program_.entries.at(trainingEntry), context);
    if (observer) observer->after(context);
  }

  uint64_t plannedBytes() const { return plannedBytes_; }
  std::vector<std::vector<float>> takeOutputs() { return std::move(outputs_); }

 private:
  const compiler::JitProgram &program_;
  const TrainingBatch &batch_;
  std::optional<train::EntryMemory> memory_;
  uint64_t plannedBytes_ = 0;
  std::vector<std::vector<float>> outputs_;
  std::vector<void *> pointers_;
};

Profile emptyProfile(const TracedModel &traced, const compiler::JitProgram &jit, const TrainingBatch &batch,
                     const TrainingRun &options) {
  Profile profile;
  profile.model = traced.name, profile.level = jit.level;
  profile.promptTokens = batch.rows * batch.width, profile.repeats = options.repeat, profile.threads = options.threads;
  return profile;
}

Status measure(Call &call, ThreadTeam &team, const TrainingRun &options, std::vector<StageSpec> stages,
               TrainingMeasures &measures) {
  std::optional<ProfileRecorder> recorder;
  PhaseTotal phase;
  if (measures.profile) {
    recorder.emplace(stages, options.threads);
    measures.profile->stages = std::move(stages);
    phase.name = trainingEntry;
  }
  for (int64_t i = 0; i < options.repeat; ++i) {
    Clock::time_point begin = Clock::now();
    call.run(team, recorder ? &*recorder : nullptr);
    measures.seconds.push_back(secondsSince(begin));
    if (recorder) recorder->finishCall(phase, measures.seconds.back(), measures.profile->promptTokens);
  }
  if (!measures.profile) return success();
  measures.profile->phases.push_back(std::move(phase));
  LLC_ASSIGN(measures.profile->readBandwidth, measureReadBandwidth(team));
  measures.profile->peakFlops = measurePeakFlops(team, measures.profile->level, "f32");
  applyBounds(*measures.profile);
  return success();
}
}  // namespace

Result<std::vector<std::vector<float>>> runCompiledTraining(TracedModel &traced, const TrainingBatch &batch,
                                                            const TrainingRun &options, TrainingMeasures &measures,
                                                            Progress &progress) {
  progress.step("compiling the training program of " + traced.name);
  Clock::time_point begin = Clock::now();
  traced.module->lookupSymbol("loss")->erase();  // for evaluation, which is not asked for
  compiler::CompileOptions compile{
      .startAt = compiler::Phase::differentiated, .dumpDirectory = options.dumpDirectory, .profile = options.profile};
  LLC_ASSIGN(compiler::CompiledModule compiled, compiler::compile(*traced.module, compile));
  measures.compileSeconds = secondsSince(begin);
  progress.step("loading weights", int64_t(compiled.manifest.parameters.size()));
  LLC_ASSIGN(compiler::JitProgram jit, compiler::loadProgram(compiled, tensorsOf(*traced.source, &progress),
                                                             {.threads = int(options.threads), .weights = {"none"}}));
  progress.step("computing gradients");
  ThreadTeam team(options.threads);
  Call call(jit, batch);
  LLC_TRY(call.allocate(options.threads));
  measures.plannedBytes = call.plannedBytes();
  call.run(team, nullptr);
  if (options.profile) measures.profile = emptyProfile(traced, jit, batch, options);
  LLC_TRY(measure(call, team, options, std::move(compiled.stages), measures));
  return call.takeOutputs();
}

}  // namespace llc::cli
