#include "tools/cli/training_logits.h"

#include "compiler/pipelines/pipeline.h"
#include "frontends/dsl/sugar.h"
#include "models/objectives/sequences.h"
#include "models/updates/update.h"
#include "tools/cli/forward_program.h"
#include "tools/cli/interpreted.h"

namespace llc::cli {

namespace {
// What training compares with is a forward of its program: here, the logits of all tokens.
dsl::Tensor logitsOfAll(const dsl::LossInput &in) {
  dsl::Tensor rows = dsl::iota({in.ids.size(0) * in.ids.size(1)}, DType::i32);
  return in.model.logits(models::wholeRows(in), rows);
}

Status traceStep(TracedModel &traced, const TrainingBatch &batch) {
  huggingface::TrainingOptions options = forwardOptions(traced, batch);
  options.rule = [](const std::vector<dsl::NamedShape> &weights) {
    return models::updateRule(models::UpdateOptions(), weights);
  };
  dsl::Objective objective{.loss = models::tokenLoss, .reference = logitsOfAll};
  LLC_ASSIGN(traced.module, huggingface::traceTraining(*traced.source, *traced.context, objective, options));
  LLC_ASSIGN([[maybe_unused]] auto compiled,
             compiler::compile(*traced.module, {.stopAfter = compiler::Phase::differentiated}));
  return success();
}

TrainingBatch withoutLabels(TrainingBatch batch) {
  batch.labels.assign(batch.ids.size(), ignoredLabel);
  return batch;
}

Result<std::vector<float>> interpret(TracedModel &traced, const TrainingBatch &batch, const char *entry,
                                     Progress &progress) {
  progress.step("interpreting " + traced.name);
  InterpretedWeights weights(*traced.source, *traced.module);
  llm::Environment environment;
  environment.parameters = [&](llvm::StringRef name) { return weights.get(name); };
  Diagnostics diagnostics(*traced.context);
  auto results = llm::interpret(*traced.module, entry, batchArguments(batch), environment);
  if (mlir::failed(results)) return diagnostics.error(entry);
  auto values = results->front().tensor.values();
  return std::vector<float>(values.begin(), values.end());
}

Result<std::vector<float>> runCompiled(const TracedModel &traced, const compiler::CompiledModule &compiled,
                                       const TrainingBatch &batch, const char *entry, int64_t threads,
                                       Progress &progress) {
  size_t logits = batch.ids.size() * size_t(traced.source->model.vocabulary);
  LLC_ASSIGN(ForwardProgram program, ForwardProgram::load(traced, compiled, entry, logits, threads, progress));
  return program.run(batch);
}

void zeroPadding(const TrainingBatch &batch, std::vector<float> &logits) {
  size_t vocabulary = logits.size() / batch.mask.size();
  for (size_t i = 0; i < batch.mask.size(); ++i)
    if (!batch.mask[i]) std::fill_n(logits.begin() + int64_t(i * vocabulary), vocabulary, 0.0f);
}
}  // namespace

Result<std::vector<float>> trainingLogits(TracedModel &traced, const TrainingBatch &batch, int64_t threads,
                                          Progress &progress) {
  progress.step("compiling the training step of " + traced.name);
  LLC_TRY(traceStep(traced, batch));
  LLC_ASSIGN(compiler::CompiledModule compiled,
             compiler::compile(*traced.module, {.startAt = compiler::Phase::differentiated}));
  LLC_ASSIGN(std::vector<float> logits,
             runCompiled(traced, compiled, withoutLabels(batch), dsl::referenceColumn, threads, progress));
  zeroPadding(batch, logits);
  return logits;
}

Result<std::vector<float>> wholeLogits(TracedModel &traced, const TrainingBatch &batch, const std::string &activations,
                                       bool interpreted, int64_t threads, Progress &progress) {
  progress.step("compiling " + traced.name);
  LLC_ASSIGN(traced.module,
             huggingface::traceForward(*traced.source, *traced.context, logitsOfAll, forwardOptions(traced, batch)));
  LLC_TRY(roundAsAsked(traced, activations));
  std::vector<float> logits;
  if (interpreted) {
    LLC_ASSIGN(logits, interpret(traced, withoutLabels(batch), huggingface::forwardEntry, progress));
  } else {
    LLC_ASSIGN(compiler::CompiledModule compiled, compiler::compile(*traced.module, {}));
    LLC_ASSIGN(logits,
               runCompiled(traced, compiled, withoutLabels(batch), huggingface::forwardEntry, threads, progress));
  }
  zeroPadding(batch, logits);
  return logits;
}

}  // namespace llc::cli
