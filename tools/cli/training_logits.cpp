#include "tools/cli/training_logits.h"

#include "compiler/pipelines/pipeline.h"
#include "frontends/dsl/sugar.h"
#include "models/objectives/sequences.h"
#include "models/updates/update.h"
#include "runtime/threads/limits.h"
#include "runtime/threads/team.h"
#include "runtime/train/entry_memory.h"
#include "tools/cli/training_step.h"

namespace llc::cli {

namespace {
// What training compares with is a forward of its program: here, the logits of all tokens.
dsl::Tensor logitsOfAll(const dsl::LossInput &in) {
  dsl::Tensor rows = dsl::iota({in.ids.size(0) * in.ids.size(1)}, DType::i32);
  return in.model.logits(models::wholeRows(in), rows);
}

Status traceForLogits(TracedModel &traced, const TrainingBatch &batch) {
  huggingface::TrainingOptions options;
  options.dtype = traced.weightType;
  options.batch = batch.rows, options.sequence = batch.width;
  options.rule = [](const std::vector<dsl::NamedShape> &weights) {
    return models::updateRule(models::UpdateOptions(), weights);
  };
  dsl::Objective objective{.loss = models::nextTokenLoss, .reference = logitsOfAll};
  LLC_ASSIGN(traced.module, huggingface::traceTraining(*traced.source, *traced.context, objective, options));
  LLC_ASSIGN([[maybe_unused]] auto compiled,
             compiler::compile(*traced.module, {.stopAfter = compiler::Phase::differentiated}));
  return success();
}

void zeroPadding(const TrainingBatch &batch, std::vector<float> &logits) {
  size_t vocabulary = logits.size() / batch.mask.size();
  for (size_t i = 0; i < batch.mask.size(); ++i)
    if (!batch.mask[i]) std::fill_n(logits.begin() + int64_t(i * vocabulary), vocabulary, 0.0f);
}
}  // namespace

Result<std::vector<float>> trainingLogits(TracedModel &traced, const TrainingBatch &batch, int64_t threads,
                                          Progress &progress) {
  if (!threads) threads = threadLimits().threads;
  progress.step("compiling the training step of " + traced.name);
  LLC_TRY(traceForLogits(traced, batch));
  LLC_ASSIGN(compiler::CompiledModule compiled,
             compiler::compile(*traced.module, {.startAt = compiler::Phase::differentiated}));
  progress.step("loading weights", int64_t(compiled.manifest.parameters.size()));
  LLC_ASSIGN(compiler::JitProgram jit,
             compiler::loadProgram(compiled, trainingTensors(traced, compiled.manifest, progress),
                                   {.threads = int(threads), .weights = {"none"}}));
  LLC_ASSIGN(train::EntryMemory memory, train::EntryMemory::allocate(jit.manifest, threads, "give a smaller batch"));
  std::vector<float> logits(batch.ids.size() * size_t(traced.source->model.vocabulary));
  std::vector<int32_t> labels(batch.ids.size(), ignoredLabel);
  const void *inputs[] = {batch.ids.data(), batch.mask.data(), labels.data()};
  void *outputs[] = {logits.data()};
  int64_t sizes[] = {batch.rows * batch.width, 0, 0};
  llc_batch none{};
  llc_context context = memory.context();
  context.parameters = jit.parameters.data(), context.batch = &none;
  context.inputs = inputs, context.outputs = outputs, context.sizes = sizes;
  ThreadTeam team(threads);
  team.run(jit.entries.at(dsl::referenceColumn), context);
  zeroPadding(batch, logits);
  return logits;
}

}  // namespace llc::cli
