// ModelSource to module.
#include "frontends/dsl/program.h"
#include "frontends/huggingface/weight_check.h"

namespace llc::huggingface {
using dsl::Batch;
using dsl::Input;
using dsl::Shape;
using dsl::Tensor;
using dsl::Tokens;
using dsl::Value;
namespace {
Input ids(const char *name, const char *dimension) { return {.name = name, .dimension = dimension}; }
const Input batch{.name = "batch", .kind = Input::batch};

// Of a model that sees sequences only whole: tokens, positions, segments, targets.
const std::vector<Input> wholeSequence = {{.name = "tokens", .shape = {2}},
                                          {.name = "positions", .shape = {2}},
                                          {.name = "segments", .shape = {1, 2}},
                                          {.name = "targets", .shape = {2}}};

Tokens tokensOf(const std::vector<Value> &inputs) {
  return {Tensor(inputs[0].handle()), Tensor(inputs[1].handle()), Batch(inputs[2].handle())};
}

using Body = std::function<Tensor(const Tokens &, Tensor)>;
Body scoresOf(const dsl::Model &model) {
  return [&model](const Tokens &tokens, Tensor rows) { return model.scores(model.embeddings(tokens, rows)); };
}

Status checkOptions(const ModelSource &source, const TraceOptions &options) {
  if (options.bounds.maxTokens < 1 || options.bounds.maxRows < 1 || options.bounds.maxContext < 1)
    return diagnose(ErrorKind::invalidInput)
        .says("the largest step, number of rows and context must be at least 1")
        .toFix("give larger numbers");
  LLC_TRY(checkPositions(source, options.bounds.maxContext,
                         "use --max-context " + std::to_string(source.model.maxPositions) + " or less"));
  for (std::optional<DType> type : {options.dtype, std::optional(options.cacheType)})
    if (type && *type != DType::f32 && *type != DType::f16 && *type != DType::bf16)
      return diagnose(ErrorKind::invalidInput)
          .says("type " + std::string(dtypeName(*type)) + " for weights or caches")
          .toFix("use f32, f16 or bf16");
  return success();
}
}  // namespace

Result<mlir::OwningOpRef<mlir::ModuleOp>> traceModel(const ModelSource &source, mlir::MLIRContext &context,
                                                     const TraceOptions &options) {
  LLC_TRY(checkOptions(source, options));
  WeightCheck check{source, options.dtype, {}};
  dsl::Program program(dsl::makeState(context, source.model.name, options.bounds, options.cacheType, std::ref(check)));
  auto entry = [&](const char *name, const char *last, const char *dimension, const Body &body) {
    return program.entry(
        name, {ids("tokens", "tokens"), ids("positions", "tokens"), batch, ids(last, dimension)},
        [&](const std::vector<Value> &inputs) { return body(tokensOf(inputs), Tensor(inputs[3].handle())); });
  };
  const dsl::Model &model = source.model;
  if (model.labels) {
    LLC_TRY(entry("classify", "rows", "rows", scoresOf(model)));
  } else {
    LLC_TRY(entry("step", "rows", "rows", model.logits));
    LLC_TRY(entry("score", "targets", "tokens", model.logProbabilities));
  }
  LLC_TRY(entry("embed", "rows", "rows", model.embeddings));
  LLC_TRY(check.nothingLeft());
  LLC_ASSIGN(mlir::OwningOpRef<mlir::ModuleOp> module, dsl::takeModule(program));
  // Results of its entries don't tell.
  if (model.virtualTokens)
    (*module)->setAttr("llm.virtual_tokens", mlir::Builder(&context).getI64IntegerAttr(model.virtualTokens));
  if (model.labels) (*module)->setAttr("llm.vocabulary", mlir::Builder(&context).getI64IntegerAttr(model.vocabulary));
  return module;
}

Result<std::vector<dsl::NamedShape>> parametersOf(const dsl::Model &model, mlir::MLIRContext &context) {
  std::vector<dsl::NamedShape> parameters;
  auto note = [&](const std::string &name, const Shape &shape) -> Result<DType> {
    parameters.push_back({name, shape});  // asked once per name
    return DType::f32;
  };
  dsl::Program program(dsl::makeState(context, model.name, {}, DType::f32, note));
  if (model.bidirectional) {
    LLC_TRY(program.entry("all", wholeSequence, [&](const std::vector<Value> &inputs) {
      auto input = [&](size_t place) { return Tensor(inputs[place].handle()); };
      Tokens tokens{.ids = input(0), .positions = input(1), .segments = input(2)};
      return model.logProbabilities(tokens, input(3));
    }));
    return parameters;
  }
  Body all = model.labels ? scoresOf(model) : model.logProbabilities;
  LLC_TRY(program.entry(
      "all", {ids("tokens", "tokens"), ids("positions", "tokens"), batch, ids("last", "tokens")},
      [&](const std::vector<Value> &inputs) { return all(tokensOf(inputs), Tensor(inputs[3].handle())); }));
  return parameters;
}

}  // namespace llc::huggingface
