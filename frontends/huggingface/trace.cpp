// ModelSource to module.
#include <set>

#include "frontends/dsl/program.h"
#include "frontends/huggingface/import.h"

namespace llc::huggingface {
using dsl::Batch;
using dsl::Input;
using dsl::Shape;
using dsl::Tensor;
using dsl::Tokens;
using dsl::Value;
namespace {
std::string shapeText(const std::vector<int64_t> &shape) {
  std::string text = "[";
  for (int64_t size : shape) text += (text.size() > 1 ? ", " : "") + std::to_string(size);
  return text + "]";
}

// Checks a parameter against the checkpoint and decides its type.
struct WeightCheck {
  const ModelSource &source;
  std::optional<DType> wanted;
  std::set<const TensorView *> used;

  Error missing(const std::string &name, const Shape &shape) const {
    std::vector<std::string> names;
    for (const TensorView &tensor : source.checkpoint.tensors()) names.push_back(tensor.name);
    std::string near = nearestNames(name, names);
    std::string remedy =
        name.ends_with("bias") ? "if the model has no such bias, correct the *_bias keys of config.json"
        : name.find("lm_head") != name.npos || name.find("embed_out") != name.npos
            ? "if the model shares the embedding with the head, set \"tie_word_embeddings\": true in config.json"
            : "download the missing file, or compare num_hidden_layers and the like in config.json with the checkpoint";
    return diagnose(ErrorKind::invalidInput, source.checkpoint.path())
        .says("tensor '" + name + "' " + shapeText(shape) + " is missing" +
              (near.empty() ? "" : ", the nearest names are " + near))
        .toFix(remedy);
  }

  Error mismatch(const TensorView &tensor, const Shape &shape) const {
    std::string origins;
    for (size_t i = 0; i < shape.size(); ++i) {
      if (i < tensor.shape.size() && tensor.shape[i] == shape[i]) continue;
      std::string origin = source.config->originOf(shape[i]);
      if (!origin.empty()) origins += (origins.empty() ? "" : ", ") + std::to_string(shape[i]) + " is " + origin;
    }
    return diagnose(ErrorKind::invalidInput, tensor.file + ": " + tensor.name)
        .says("the file has shape " + shapeText(tensor.shape))
        .says("config.json needs " + shapeText(shape) + (origins.empty() ? "" : " (" + origins + ")"))
        .toFix(std::string("use the config.json that belongs to this checkpoint") +
               (origins.empty() ? "" : ", or correct the key named here"));
  }

  Result<DType> operator()(const std::string &name, const Shape &shape) {
    Result<const TensorView *> found = source.weight(name);
    if (!found.ok()) return missing(name, shape);
    const TensorView &tensor = **found;
    if (tensor.shape != shape) return mismatch(tensor, shape);
    if (tensor.type != DType::f32 && tensor.type != DType::f16 && tensor.type != DType::bf16 &&
        tensor.type != DType::f64)
      return diagnose(ErrorKind::unsupported, tensor.file + ": " + tensor.name)
          .says("weights of type " + std::string(dtypeName(tensor.type)) + " are not supported")
          .toFix("use a checkpoint in f32, f16 or bf16");
    used.insert(&tensor);
    // Vectors (norms, biases) cost nothing and lose nothing as f32.
    if (shape.size() < 2) return DType::f32;
    return wanted.value_or(tensor.type == DType::f64 ? DType::f32 : tensor.type);
  }

  Status nothingLeft() const {
    std::vector<std::string> left;
    for (const TensorView &tensor : source.checkpoint.tensors()) {
      bool needed = !used.contains(&tensor);
      for (const std::string &pattern : source.model.unneededTensors)
        needed = needed && !dsl::matchesPattern(pattern, tensor.name);
      if (needed) left.push_back("'" + tensor.name + "' " + tensor.describe());
    }
    if (left.empty()) return success();
    std::string names;
    for (size_t i = 0; i < left.size() && i < 3; ++i) names += (i ? ", " : "") + left[i];
    return diagnose(ErrorKind::invalidInput, source.checkpoint.path())
        .says("the checkpoint holds " + std::to_string(left.size()) +
              " tensors that config.json gives no use for: " + names + (left.size() > 3 ? ", ..." : ""))
        .toFix(
            "use the config.json that belongs to this checkpoint (biases? number of layers? another head?); tensors "
            "that are harmless "
            "are listed as unneededTensors in models/architectures/" +
            source.model.name + ".cpp");
  }
};

Input ids(const char *name, const char *dimension) { return {.name = name, .dimension = dimension}; }
const Input batch{.name = "batch", .kind = Input::batch};

Tokens tokensOf(const std::vector<Value> &inputs) {
  return {Tensor(inputs[0].handle()), Tensor(inputs[1].handle()), Batch(inputs[2].handle())};
}

Status checkPositions(const ModelSource &source, int64_t longest, const std::string &remedy) {
  if (!source.model.positionsAreLearned || longest <= source.model.maxPositions) return success();
  return diagnose(ErrorKind::invalidInput, source.config->where("n_positions"))
      .says("a context of " + std::to_string(longest) + " tokens, but the model has learned positions for " +
            std::to_string(source.model.maxPositions) + " only")
      .toFix(remedy);
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
  using Body = std::function<Tensor(const Tokens &, Tensor)>;
  auto entry = [&](const char *name, const char *last, const char *dimension, const Body &body) {
    return program.entry(
        name, {ids("tokens", "tokens"), ids("positions", "tokens"), batch, ids(last, dimension)},
        [&](const std::vector<Value> &inputs) { return body(tokensOf(inputs), Tensor(inputs[3].handle())); });
  };
  LLC_TRY(entry("step", "rows", "rows", source.model.logits));
  LLC_TRY(entry("score", "targets", "tokens", source.model.logProbabilities));
  LLC_TRY(entry("embed", "rows", "rows", source.model.embeddings));
  LLC_TRY(check.nothingLeft());
  return dsl::takeModule(program);
}

Result<mlir::OwningOpRef<mlir::ModuleOp>> traceTraining(const ModelSource &source, mlir::MLIRContext &context,
                                                        const Loss &loss, const TrainingOptions &options) {
  LLC_TRY(checkPositions(source, options.sequence, "give shorter rows"));
  WeightCheck check{source, options.dtype, {}};
  int64_t tokens = options.batch * options.sequence;
  dsl::Bounds bounds{.maxTokens = tokens, .maxRows = 1, .maxContext = options.sequence};
  dsl::Program program(dsl::makeState(context, source.model.name, bounds, DType::f32, std::ref(check)));
  std::vector<Input> inputs;
  for (const char *name : {"input_ids", "attention_mask", "labels"})
    inputs.push_back({.name = name, .shape = {options.batch, options.sequence}});
  LLC_TRY(program.entry("loss", inputs, [&](const std::vector<Value> &values) {
    auto input = [&](size_t place) { return Tensor(values[place].handle()); };
    return loss(source.model, input(0), input(1), input(2));
  }));
  LLC_TRY(check.nothingLeft());
  LLC_ASSIGN(mlir::OwningOpRef<mlir::ModuleOp> module, dsl::takeModule(program));
  mlir::Builder builder(&context);
  module->lookupSymbol("loss")->setAttr("llm.differentiate", builder.getStringAttr(options.saving));
  return module;
}

}  // namespace llc::huggingface
