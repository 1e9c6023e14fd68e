#include "tools/cli/tracing.h"

#include <fmt/format.h>

#include "compiler/pipelines/pipeline.h"
#include "models/registry.h"
#include "models/trainer_registry.h"
#include "tools/cli/adapters.h"
#include "tools/cli/gradient_checkpointing.h"

namespace llc::cli {

namespace {
Result<std::optional<DType>> elementType(const char *flag, const std::string &name) {
  if (name.empty()) return std::optional<DType>();
  std::optional<DType> type = parseDType(name);
  if (type && (*type == DType::f32 || *type == DType::f16 || *type == DType::bf16)) return type;
  return diagnose(ErrorKind::invalidInput, flag).says("unknown element type '" + name + "'").toFix("use f32, f16 or bf16");
}

// Attention at depth is bound by reading the cache, and weights of 16 bits have rounded more than it. f16 whatever the
// weights are: it rounds to 11 bits where bf16 keeps 8, and keys and values stay far below its largest number.
DType defaultCacheType(DType weights) { return weights == DType::f32 ? DType::f32 : DType::f16; }

// What products read. Sums of rounded values differ from those of f32 by less than the rounding of the weights already
// made; PyTorch and others round them, too.
Result<std::string> activationsFor(const std::string &asked, const std::string &weights) {
  if (asked == "auto") return std::string(weights == "bf16" ? "bf16" : "f32");
  if (asked == "f32" || weights == "bf16") return asked;
  return diagnose(ErrorKind::invalidInput, "--activations")
      .says("products with " + weights + " weights read f32: only beside bf16 weights is rounding to bf16 of use")
      .toFix("leave it out, or add --dtype bf16");
}

DType weightTypeOf(const TracedModel &traced) {
  return traced.weightType.value_or(traced.source->storedType.value_or(DType::f32));
}

int64_t contextFor(const dsl::Model &model, int64_t asked) {
  if (asked > 0) return asked;
  if (model.maxPositions <= 0) return defaultMaxContext;
  // Learned positions end where their table ends; rotations only get worse beyond what the model was made for.
  int64_t made = model.positionsAreLearned ? model.maxPositions : std::max<int64_t>(model.maxPositions, 1024);
  return std::min(made, defaultMaxContext);
}
}  // namespace

void addCacheTypeFlag(CLI::App &app, std::string &cacheDtype) {
  app.add_option("--cache-dtype", cacheDtype,
                 "Element type of cached keys and values: f32, f16, bf16 (default: f16 where weights have 16 bits, else f32)")
      ->group("Compilation");
}

void addActivationsFlag(CLI::App &app, std::string &activations) {
  app.add_option("--activations", activations,
                 "What products with bf16 weights read: values rounded to bf16 (auto, bf16), or f32, which is slower "
                 "where the CPU multiplies bf16 (AVX512-BF16, AMX). With other weights auto is f32")
      ->capture_default_str()
      ->check(CLI::IsMember({"auto", "f32", "bf16"}))
      ->group("Compilation");
}

Result<TracedModel> openDirectory(const ModelPlace &place, const std::string &dtype, Progress &progress,
                                  const std::vector<std::string> &adapters, bool adapterSharesAtRunTime) {
  progress.step("reading " + place.name);
  TracedModel traced;
  traced.name = place.name;
  LLC_ASSIGN(traced.weightType, elementType("--dtype", dtype));
  LLC_ASSIGN(huggingface::ModelSource source, huggingface::openHuggingFace(place.path, models::architectures()));
  traced.source = std::make_unique<huggingface::ModelSource>(std::move(source));
  LLC_TRY(attachAdapters(*traced.source, adapters, adapterSharesAtRunTime));
  for (const std::string &warning : traced.source->warnings) progress.note("warning: " + warning);
  traced.context = compiler::makeContext();
  traced.dtype = dtypeName(weightTypeOf(traced));
  return traced;
}

Result<TracedModel> traceDirectory(const ModelPlace &place, const TraceOptions &options, Progress &progress) {
  LLC_ASSIGN(TracedModel traced,
             openDirectory(place, options.dtype, progress, options.adapters, options.adapterSharesAtRunTime));
  huggingface::TraceOptions trace;
  trace.dtype = traced.weightType;
  LLC_ASSIGN(std::optional<DType> cacheType, elementType("--cache-dtype", options.cacheDtype));
  trace.cacheType = cacheType ? *cacheType : defaultCacheType(weightTypeOf(traced));
  const dsl::Model &model = traced.source->model;
  trace.bounds.maxContext = contextFor(model, options.maxContext);
  if (model.maxPositions > 0 && !model.positionsAreLearned && options.maxContext > model.maxPositions)
    progress.note(fmt::format("warning: a context of {} tokens, but the model was made for {}: texts get worse beyond that",
                              options.maxContext, model.maxPositions));
  LLC_ASSIGN(traced.module, huggingface::traceModel(*traced.source, *traced.context, trace));
  LLC_TRY(roundAsAsked(traced, options.activations));
  return traced;
}

Status roundAsAsked(TracedModel &traced, const std::string &activations) {
  LLC_ASSIGN(traced.activations, activationsFor(activations, traced.dtype));
  return traced.activations == "bf16" ? compiler::roundActivations(*traced.module) : success();
}

Result<bool> isBidirectional(const ModelPlace &place) {
  if (place.kind != ModelKind::directory) return false;
  LLC_ASSIGN(huggingface::ModelSource source, huggingface::openConfig(place.path, models::architectures()));
  return source.model.bidirectional;
}

Status traceTraining(TracedModel &traced, huggingface::TrainingOptions options, Progress &progress) {
  progress.step("differentiating " + traced.name);
  options.dtype = traced.weightType;
  LLC_ASSIGN(traced.module,
             huggingface::traceTraining(*traced.source, *traced.context, {.loss = models::tokenLoss}, options));
  LLC_TRY(checkSavedPlaces(*traced.module, options.saving));
  auto compiled = compiler::compile(*traced.module, {.stopAfter = compiler::Phase::differentiated});
  return compiled ? success() : Status(std::move(compiled.error()));
}

compiler::TensorSource tensorsOf(const huggingface::ModelSource &source, Progress *progress) {
  compiler::TensorSource tensors;
  tensors.read = [&source, progress](std::string_view name) -> Result<compiler::SourceTensor> {
    LLC_ASSIGN(const TensorView *view, source.weight(name));
    if (progress) progress->advance();
    return compiler::SourceTensor{view->type, view->shape, view->bytes};
  };
  tensors.release = [&source](std::string_view name) { source.release(name); };
  tensors.identity = source.identity();
  return tensors;
}

Result<std::shared_ptr<Program>> programOf(compiler::JitProgram jit, std::shared_ptr<const void> also) {
  using Kept = std::pair<std::shared_ptr<const void>, std::shared_ptr<const void>>;
  auto keep = std::make_shared<Kept>(std::move(jit.keepAlive), std::move(also));
  LLC_ASSIGN(Program program, Program::fromPointers(std::move(jit.manifest), std::move(jit.entries), std::move(jit.parameters),
                                                    std::move(jit.level), std::move(keep)));
  return std::make_shared<Program>(std::move(program));
}

Result<std::unique_ptr<Tokenizer>> tokenizerIn(const std::string &directory, int64_t vocabulary) {
  auto loaded = Tokenizer::load(directory);
  if (!loaded) {
    if (loaded.error().kind == ErrorKind::notFound) return std::unique_ptr<Tokenizer>();
    return std::move(loaded.error());
  }
  int64_t tokens = int64_t((*loaded)->vocabularySize());
  if (tokens <= vocabulary) return std::move(*loaded);
  return diagnose(ErrorKind::invalidInput, directory)
      .says(fmt::format("the tokenizer ({}) has {} tokens, the model's vocabulary holds {}", (*loaded)->kind(), tokens, vocabulary))
      .toFix("use the tokenizer that the model was trained with, or compare vocab_size in config.json");
}

void noteVocabulary(const Tokenizer *tokenizer, int64_t vocabulary, Progress &progress) {
  // Some rows of padding are usual; half a vocabulary is another model's tokenizer.
  int64_t tokens = tokenizer ? int64_t(tokenizer->vocabularySize()) : vocabulary;
  if (tokens < vocabulary / 2)
    progress.note(fmt::format("warning: the tokenizer has {} tokens, the model's vocabulary {}; to fix: see that they belong together",
                              tokens, vocabulary));
}

void completeManifest(Manifest &manifest, const TracedModel &traced, const Tokenizer *tokenizer) {
  manifest.name = traced.name;
  manifest.dtype = traced.dtype;
  manifest.trainedLength = traced.source->model.maxPositions;
  if (!manifest.layers) manifest.layers = traced.source->model.layers;  // programs without caches do not show them
  const huggingface::GenerationDefaults &from = traced.source->generation;
  GenerationDefaults &to = manifest.generation;
  to.temperature = from.sample ? from.temperature.value_or(1.0) : 0;
  to.topK = from.sample ? from.topK.value_or(0) : 0;
  to.topP = from.sample ? from.topP.value_or(1.0) : 1;
  to.minP = from.sample ? from.minP.value_or(0.0) : 0;
  to.repeatPenalty = from.repetitionPenalty.value_or(1.0);
  to.eos.assign(from.eosIds.begin(), from.eosIds.end());
  if (to.eos.empty() && tokenizer) to.eos = tokenizer->stopIds();
  to.bos = int32_t(from.bosId.value_or(-1));
  to.pad = int32_t(from.padId.value_or(-1));
}

}  // namespace llc::cli
