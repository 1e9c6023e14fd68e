// A Hugging Face directory as a model: config.json, generation_config.json, one or several safetensors files.
#pragma once
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "frontends/dsl/training.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "runtime/formats/safetensors.h"

namespace llc::huggingface {

// generation_config.json, with config.json behind it: what the model's makers advise.
struct GenerationDefaults {
  std::vector<int64_t> eosIds;
  std::optional<int64_t> bosId, padId;
  std::optional<double> temperature, topP, minP, repetitionPenalty;
  std::optional<int64_t> topK, maxNewTokens;
  bool sample = false;  // do_sample
};

struct AttachedAdapter;  // adapter.h

class ModelSource {
 public:
  dsl::Model model;
  GenerationDefaults generation;
  std::filesystem::path directory;
  std::string className;              // of the model that predicts tokens: "LlamaForCausalLM"
  std::vector<std::string> warnings;  // to be shown to the user: keys that were not understood, and the like
  std::optional<DType> storedType;    // the type of most weights

  SafeTensors checkpoint;
  std::vector<std::shared_ptr<const AttachedAdapter>> adapters;  // attachAdapter

  // The checkpoint's tensor behind a parameter of the traced module. Its name in the file may lack an optional prefix,
  // and its stored type may differ from the parameter's: convert with loadElement/storeElement or copyWeight.
  Result<const TensorView *> weight(std::string_view parameter) const;
  // The elements converted to `type` (f32, f16 or bf16); `out` must hold exactly all of them.
  Status copyWeight(std::string_view parameter, DType type, std::span<std::byte> out) const;

  // The same of the model itself, whatever adapters hold; null: none.
  const TensorView *ownWeight(std::string_view parameter) const;

  // Whether an adapter, not the model itself, has this parameter.
  bool isAdapterParameter(std::string_view parameter) const;
  // What tells these weights from others, and giving a weight's pages back: as SafeTensors has them.
  std::string identity() const;
  void release(std::string_view parameter) const;

  std::shared_ptr<dsl::Config> config;  // which keys were read; for messages about shapes
};

// Reads everything but the weights' bytes. `architectures`: models::architectures().
Result<ModelSource> openHuggingFace(const std::filesystem::path &directory,
                                    const std::vector<dsl::Architecture> &architectures);

// The same from the configuration files alone: a model without weights.
Result<ModelSource> openConfig(const std::filesystem::path &directory,
                               const std::vector<dsl::Architecture> &architectures);
// The parameters of a model, in the order in which it reads them.
Result<std::vector<dsl::NamedShape>> parametersOf(const dsl::Model &model, mlir::MLIRContext &context);

struct TraceOptions {
  std::optional<DType> dtype;  // of matrices; without it as the checkpoint holds them. Vectors are always f32
  dsl::Bounds bounds = {};
  DType cacheType = DType::f32;
};

// The module with the entries step, score and embed; of a classifier classify and embed. Every parameter is checked
// against the checkpoint: missing tensors, other shapes, and tensors that nothing uses are errors.
Result<mlir::OwningOpRef<mlir::ModuleOp>> traceModel(const ModelSource &source, mlir::MLIRContext &context,
                                                     const TraceOptions &options);

struct TrainingOptions {
  // As in TraceOptions, and of weights that change too; without it, these are f32, as adapters always are.
  std::optional<DType> dtype = {};
  int64_t batch = 1, sequence = 2;             // of the inputs: the program is made for these sizes
  bool tokenTypes = false;                     // one more input: token_type_ids, behind labels
  std::string saving = "everything_saveable";  // value of the mark: transforms/autodiff/Passes.td
  dsl::MakeUpdateRule rule = nullptr;          // how parameters change; null: loss and gradients only
  bool accumulate = false;                     // gradients of several batches make one step
  const ModelSource *teacher = nullptr;        // its weights are frozen parameters, named "teacher." + their names
  // What products of matrices read: f32, bf16, f16 or fp8 (transforms/precision/Passes.td).
  std::string products = "f32";
  bool lossScaling = false;  // with a rule: gradients are those of the loss times an input loss_scale [1]
  // With a rule: where one is not 0, or the model drops, entries of the loss have an input `draw` [1], see
  // dsl::Dropout.
  dsl::DropoutRates dropout = {};
  uint64_t seed = 0;
  // With a rule: tokens of the row of nextLogitsEntry, which gives the logits behind one of its tokens; 0: no such
  // entry.
  int64_t sampleLength = 0;
};
// next_logits(input_ids [1,L], segments [1,L], place f32 [1]) -> next_logits [1,V]: as the loss computes them.
inline constexpr const char *nextLogitsEntry = "next_logits";
inline constexpr std::string_view teacherPrefix = "teacher.";

// The module with the entry loss(input_ids, segments, labels, [token_type_ids], columns ...) -> loss, marked to be
// differentiated. With a rule -> (loss, weight, metrics ...; result names "metric/NAME"), and what --llm-compose-step
// makes the step of:
// @update, for several batches also @loss_share (... normalizer [1]), which divides by that instead of the batch's own
// weight, and @loss_weight. An objective with a reference has the entry reference(input_ids, segments, labels) ->
// reference [B]. Parameters are checked as in traceModel. With adapters the
// model's own weights are frozen: they keep their types, and only adapters get gradients.
Result<mlir::OwningOpRef<mlir::ModuleOp>> traceTraining(const ModelSource &source, mlir::MLIRContext &context,
                                                        const dsl::Objective &objective,
                                                        const TrainingOptions &options);

// The module with the entry forward(input_ids, segments, labels, [token_type_ids]) alone, whose result is that of
// `forward`. Of the options only sizes and types count.
inline constexpr const char *forwardEntry = "forward";
Result<mlir::OwningOpRef<mlir::ModuleOp>> traceForward(
    const ModelSource &source, mlir::MLIRContext &context,
    const std::function<dsl::Tensor(const dsl::LossInput &)> &forward, const TrainingOptions &options);

}  // namespace llc::huggingface
