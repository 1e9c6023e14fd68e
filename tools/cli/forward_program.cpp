#include "tools/cli/forward_program.h"

#include "runtime/threads/limits.h"
#include "tools/cli/training_step.h"

namespace llc::cli {

huggingface::TrainingOptions forwardOptions(const TracedModel &traced, const TrainingBatch &batch) {
  huggingface::TrainingOptions options;
  options.dtype = traced.weightType;
  options.batch = batch.rows, options.sequence = batch.width;
  options.tokenTypes = !batch.types.empty();
  return options;
}

Result<ForwardProgram> ForwardProgram::load(const TracedModel &traced, const compiler::CompiledModule &compiled,
                                            const std::string &entry, size_t results, int64_t threads,
                                            Progress &progress) {
  if (!threads) threads = threadLimits().threads;
  progress.step("loading weights", int64_t(compiled.manifest.parameters.size()));
  LLC_ASSIGN(compiler::JitProgram jit,
             compiler::loadProgram(compiled, trainingTensors(traced, compiled.manifest, progress),
                                   {.threads = int(threads), .weights = {"none"}}));
  LLC_ASSIGN(train::EntryMemory memory, train::EntryMemory::allocate(jit.manifest, threads, "give a smaller batch"));
  llc_entry function = jit.entries.at(entry);
  return ForwardProgram(std::move(jit), std::move(memory), threads, function, results);
}

std::vector<float> ForwardProgram::run(const TrainingBatch &batch) {
  std::vector<float> results(results_);
  const void *inputs[] = {batch.ids.data(), batch.mask.data(), batch.labels.data(), batch.types.data()};
  void *outputs[] = {results.data()};
  int64_t sizes[] = {batch.rows * batch.width, 0, 0};
  llc_batch step{};
  step.tokens = sizes[LLC_DIM_TOKENS];
  llc_context context = memory_.context();
  context.parameters = program_.parameters.data(), context.batch = &step;
  context.inputs = inputs, context.outputs = outputs, context.sizes = sizes;
  team_->run(entry_, context);
  return results;
}

}  // namespace llc::cli
