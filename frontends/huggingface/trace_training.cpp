// ModelSource to the module that trains it.
#include "frontends/dsl/program.h"
#include "frontends/dsl/sugar.h"
#include "frontends/huggingface/weight_check.h"

namespace llc::huggingface {
using dsl::Input;
using dsl::NamedShape;
using dsl::Shape;
using dsl::Tensor;
using dsl::Tensors;
using dsl::Value;
namespace {
constexpr const char *updateEntry = "update", *shareEntry = "loss_share", *drawInput = "draw", *averagePrefix = "ema/";

// Names for the run time, which finds inputs and results by them.
void nameArguments(mlir::func::FuncOp function, const std::vector<Input> &inputs) {
  mlir::Builder builder(function.getContext());
  for (unsigned i = 0; i < inputs.size(); ++i)
    function.setArgAttr(i, "llm.name", builder.getStringAttr(inputs[i].name));
}

// Traced programs have no effects: what nobody reads need not be computed.
void removeUnused(mlir::func::FuncOp function) {
  std::vector<mlir::Operation *> ops;
  for (mlir::Operation &op : function.front().without_terminator()) ops.push_back(&op);
  for (mlir::Operation *op : llvm::reverse(ops))
    if (op->use_empty()) op->erase();
}

class Training {
 public:
  Training(const ModelSource &source, mlir::MLIRContext &context, const dsl::Objective &objective,
           const TrainingOptions &options)
      : context_(context),
        objective_(objective),
        options_(options),
        source_(source),
        check_{source, options.dtype},
        program_(dsl::makeState(context, source.model.name, bounds(options), DType::f32,
                                [this](const std::string &name, const Shape &shape) { return typeOf(name, shape); })) {
    for (const char *name : {"input_ids", "segments", "labels"})
      batch_.push_back({.name = name, .shape = {options.batch, options.sequence}});
    if (options.tokenTypes) batch_.push_back({.name = "token_type_ids", .shape = {options.batch, options.sequence}});
    tokens_ = batch_;
    for (const std::string &column : objective.columns)
      batch_.push_back({.name = column, .type = DType::f32, .shape = {options.batch}});
    const dsl::DropoutRates &rates = options.dropout;
    if (options.rule && (rates.embeddings > 0 || rates.sublayers > 0 || rates.attention > 0 || source.model.drops))
      batch_.push_back({.name = drawInput, .type = DType::f32, .shape = {1}});
    if (options.teacher) {
      teacherCheck_.emplace(*options.teacher, options.dtype);
      teacher_ = scoped(options.teacher->model, std::string(teacherPrefix.substr(0, teacherPrefix.size() - 1)));
    }
  }

  Result<mlir::OwningOpRef<mlir::ModuleOp>> trace() {
    LLC_TRY(traceLoss());
    LLC_TRY(check_.nothingLeft());
    if (teacherCheck_) LLC_TRY(teacherCheck_->nothingLeft());
    if (options_.rule) LLC_TRY(traceUpdate());
    LLC_ASSIGN(mlir::OwningOpRef<mlir::ModuleOp> module, dsl::takeModule(program_));
    mlir::Builder builder(&context_);
    const char *differentiated = options_.accumulate ? shareEntry : "loss";
    (*module)->setAttr("llm.vocabulary", builder.getI64IntegerAttr(source_.model.vocabulary));
    if (source_.model.virtualTokens)
      (*module)->setAttr("llm.virtual_tokens", builder.getI64IntegerAttr(source_.model.virtualTokens));
    module->lookupSymbol(differentiated)->setAttr("llm.differentiate", builder.getStringAttr(options_.saving));
    if (options_.rule) mark(*module);
    for (const NamedShape &weight : base_) freeze(*module, weight.name);
    LLC_TRY(markProducts(*module));
    return module;
  }

  Result<mlir::OwningOpRef<mlir::ModuleOp>> traceForward() {
    LLC_TRY(program_.entry(forwardEntry, tokens_, [&](const std::vector<Value> &values) {
      return Tensors{objective_.reference(inputOf(values))};
    }));
    LLC_TRY(check_.nothingLeft());
    LLC_ASSIGN(mlir::OwningOpRef<mlir::ModuleOp> module, dsl::takeModule(program_));
    (*module)->setAttr("llm.vocabulary", mlir::Builder(&context_).getI64IntegerAttr(source_.model.vocabulary));
    nameArguments(module->lookupSymbol<mlir::func::FuncOp>(forwardEntry), tokens_);
    return module;
  }

 private:
  static dsl::Bounds bounds(const TrainingOptions &options) {
    return {.maxTokens = options.batch * options.sequence, .maxRows = 1, .maxContext = options.sequence};
  }

  // The same model with all its weights in a scope of their own, and without dropout.
  static dsl::Model scoped(dsl::Model model, const std::string &name) {
    auto inside = [&name](auto function) {
      return [function, name](dsl::Tokens tokens, Tensor rows) {
        dsl::Scope scope(name);
        tokens.dropout = {};
        return function(tokens, rows);
      };
    };
    model.logits = inside(model.logits);
    model.logProbabilities = inside(model.logProbabilities);
    model.embeddings = inside(model.embeddings);
    auto onStates = [&name](auto function) {
      return [function, name](Tensor embeddings) {
        dsl::Scope scope(name);
        return function(embeddings);
      };
    };
    model.head = onStates(model.head);
    if (model.labels) model.scores = onStates(model.scores);
    return model;
  }

  Result<DType> typeOf(const std::string &name, const Shape &shape) {
    if (auto state = stateTypes_.find(name); state != stateTypes_.end()) return state->second;
    if (teacherCheck_ && name.starts_with(teacherPrefix)) {
      teacherNames_.insert(name);
      return (*teacherCheck_)(name.substr(teacherPrefix.size()), shape);
    }
    LLC_ASSIGN(DType type, check_(name, shape));
    bool trains = source_.adapters.empty() || source_.isAdapterParameter(name);
    if (weightNames_.insert(name).second) (trains ? weights_ : base_).push_back({name, shape});
    bool widens = source_.adapters.empty() ? options_.rule && !options_.dtype : trains;
    return widens ? DType::f32 : type;
  }

  dsl::LossInput inputOf(const std::vector<Value> &values) const {
    auto input = [&](size_t place) { return Tensor(values[place].handle()); };
    dsl::LossInput in{.model = source_.model, .ids = input(0), .segments = input(1), .labels = input(2), .columns = {}};
    for (size_t i = tokens_.size(); i < values.size() && i < batch_.size(); ++i) {
      if (batch_[i].name == drawInput)
        in.dropout = {input(i), options_.seed, options_.dropout.sublayers, options_.dropout.embeddings,
                      options_.dropout.attention};
      else
        in.columns[batch_[i].name] = input(i);
    }
    if (options_.tokenTypes) in.types = input(3);
    if (teacher_) in.teacher = &*teacher_;
    return in;
  }

  // The loss, then what is reported beside it, all divided by `weight`.
  static Tensors shares(const dsl::LossTerms &terms, Tensor weight) {
    Tensors all{terms.total / weight};
    for (const dsl::LossTerms::Metric &metric : terms.metrics) all.push_back(metric.total / weight);
    return all;
  }

  Status traceLoss() {
    auto terms = [this](const std::vector<Value> &values) { return objective_.loss(inputOf(values)); };
    LLC_TRY(program_.entry("loss", batch_, [&](const std::vector<Value> &values) {
      dsl::LossTerms loss = terms(values);
      Tensors results = shares(loss, loss.weight);
      if (!options_.rule) return Tensors{results.front()};
      results.insert(results.begin() + 1, loss.weight);
      for (const dsl::LossTerms::Metric &metric : loss.metrics) metrics_.push_back("metric/" + metric.name);
      return results;
    }));
    if (options_.rule && objective_.reference)
      LLC_TRY(program_.entry(dsl::referenceColumn, tokens_, [&](const std::vector<Value> &values) {
        return Tensors{objective_.reference(inputOf(values))};
      }));
    if (options_.sampleLength) LLC_TRY(traceNextLogits());
    if (!options_.accumulate) return success();
    LLC_TRY(program_.entry("loss_weight", batch_,
                           [&](const std::vector<Value> &values) { return Tensors{terms(values).weight}; }));
    share_ = batch_;
    share_.push_back({.name = "normalizer", .type = DType::f32, .shape = {1}});
    return program_.entry(shareEntry, share_, [&](const std::vector<Value> &values) {
      return shares(terms(values), Tensor(values.back().handle()));
    });
  }

  // Of one row, which is all that a text in the making has.
  Status traceNextLogits() {
    for (const char *name : {"input_ids", "segments"})
      sample_.push_back({.name = name, .shape = {1, options_.sampleLength}});
    sample_.push_back({.name = "place", .type = DType::f32, .shape = {1}});
    return program_.entry(nextLogitsEntry, sample_, [&](const std::vector<Value> &values) {
      Tensor ids(values[0].handle()), segments(values[1].handle()), place(values[2].handle());
      dsl::LossInput in{.model = source_.model, .ids = ids, .segments = segments, .labels = ids, .columns = {}};
      return Tensors{objective_.nextLogits(in, dsl::cast(place, DType::i32))};
    });
  }

  Status traceUpdate() {
    LLC_ASSIGN(rule_, options_.rule(weights_));
    addDerived();
    std::map<std::string, Shape> shapes;
    for (const NamedShape &weight : weights_) shapes[weight.name] = weight.shape;
    for (const dsl::UpdateRule::State &state : rule_.state) stateTypes_[state.name] = state.type;
    for (const std::string &weight : rule_.weights)
      update_.push_back({.name = "gradient/" + weight, .type = DType::f32, .shape = shapes[weight]});
    std::vector<const char *> numbers = {"loss", "learning_rate", "step"};
    if (options_.lossScaling) numbers.push_back("loss_scale");
    for (const char *name : numbers) update_.push_back({.name = name, .type = DType::f32, .shape = {1}});
    return program_.entry(updateEntry, update_, [&](const std::vector<Value> &values) {
      dsl::UpdateRule::Input in;
      for (size_t i = 0; i < rule_.weights.size(); ++i) in.gradients.push_back(Tensor(values[i].handle()));
      const Value *rest = values.data() + rule_.weights.size();
      in.loss = Tensor(rest[0].handle()), in.learningRate = Tensor(rest[1].handle()),
      in.step = Tensor(rest[2].handle());
      if (options_.lossScaling) in.lossScale = Tensor(rest[3].handle());
      return rule_.update(in);
    });
  }

  // Derived parameters are written after what they follow from: of the weights, and of their averages if there are any.
  void addDerived() {
    bool averages =
        std::ranges::any_of(rule_.changed, [](const auto &name) { return name.starts_with(averagePrefix); });
    for (const dsl::DerivedParameter &derived : source_.model.derived) {
      addDerived(derived, "");
      if (averages) addDerived(derived, averagePrefix);
    }
  }
  void addDerived(const dsl::DerivedParameter &derived, const std::string &prefix) {
    std::string written = prefix + derived.name;
    stateTypes_[written] = DType::f32;
    rule_.update = [derived, prefix, written, before = rule_.update, numbers = rule_.numberNames().size(),
                    changed = rule_.changed](const dsl::UpdateRule::Input &in) {
      Tensors results = before(in);
      Tensor now = derived.value([&](const std::string &name, const Shape &shape) {
        auto place = std::find(changed.begin(), changed.end(), prefix + name);
        // What is frozen stays.
        return place == changed.end() ? dsl::parameter(name, shape)
                                      : results[size_t(place - changed.begin()) + numbers];
      });
      Tensor finite = dsl::isFinite(in.loss);
      results.push_back(dsl::select(finite, now, dsl::parameter(written, derived.shape)));
      return results;
    };
    rule_.changed.push_back(written);
  }

  // Results have the names `first`, and then those of the metrics.
  void nameResults(mlir::func::FuncOp function, std::vector<std::string> first) {
    first.insert(first.end(), metrics_.begin(), metrics_.end());
    for (unsigned i = 0; i < first.size(); ++i)
      function.setResultAttr(i, "llm.name", mlir::StringAttr::get(&context_, first[i]));
  }

  void mark(mlir::ModuleOp module) {
    mlir::Builder builder(&context_);
    auto function = [&](const char *name) { return module.lookupSymbol<mlir::func::FuncOp>(name); };
    nameArguments(function("loss"), batch_);
    nameResults(function("loss"), {"loss", "weight"});
    if (objective_.reference) {
      nameArguments(function(dsl::referenceColumn), tokens_);
      function(dsl::referenceColumn).setResultAttr(0, "llm.name", builder.getStringAttr(dsl::referenceColumn));
    }
    if (options_.sampleLength) {
      nameArguments(function(nextLogitsEntry), sample_);
      function(nextLogitsEntry).setResultAttr(0, "llm.name", builder.getStringAttr(nextLogitsEntry));
    }
    if (options_.accumulate) {
      nameArguments(function("loss_weight"), batch_);
      function("loss_weight").setResultAttr(0, "llm.name", builder.getStringAttr("weight"));
      removeUnused(function("loss_weight"));
      nameArguments(function(shareEntry), share_);
      nameResults(function(shareEntry), {"loss"});
    }
    mlir::func::FuncOp update = function(updateEntry);
    nameArguments(update, update_);
    for (unsigned i = 0; i < rule_.weights.size(); ++i)
      update.setArgAttr(i, "llm.gradient", builder.getStringAttr(rule_.weights[i]));
    std::vector<std::string> numbers = rule_.numberNames();
    for (unsigned i = 0; i < numbers.size(); ++i)
      update.setResultAttr(i, "llm.name", builder.getStringAttr(numbers[i]));
    for (unsigned i = 0; i < rule_.changed.size(); ++i)
      update.setResultAttr(unsigned(numbers.size()) + i, "llm.updates", builder.getStringAttr(rule_.changed[i]));
    update->setAttr("llm.step_of", builder.getStringAttr(options_.accumulate ? shareEntry : "loss"));
    if (options_.accumulate) update->setAttr("llm.accumulate", builder.getUnitAttr());
    if (options_.lossScaling)
      function(options_.accumulate ? shareEntry : "loss")
          ->setAttr("llm.scale_loss", builder.getStringAttr("loss_scale"));
    std::set<std::string> moving(rule_.weights.begin(), rule_.weights.end());
    for (const NamedShape &weight : weights_)
      if (!moving.contains(weight.name)) freeze(module, weight.name);
    for (const std::string &name : teacherNames_) freeze(module, name);
  }

  static void freeze(mlir::ModuleOp module, const std::string &weight) {
    module.lookupSymbol(weight)->setAttr("llm.frozen", mlir::UnitAttr::get(module.getContext()));
  }

  // Entries that run the model; the optimizer computes in f32.
  Status markProducts(mlir::ModuleOp module) {
    mlir::Builder builder(&context_);
    const std::map<std::string, mlir::Type> types = {{"f32", builder.getF32Type()},
                                                     {"bf16", builder.getBF16Type()},
                                                     {"f16", builder.getF16Type()},
                                                     {"fp8", builder.getFloat8E4M3FNType()}};
    auto found = types.find(options_.products);
    if (found == types.end())
      return diagnose(ErrorKind::invalidInput, "precision")
          .says("there is no '" + options_.products + "'")
          .toFix("use f32, bf16, f16 or fp8");
    for (const char *name : {"loss", shareEntry, dsl::referenceColumn, nextLogitsEntry})
      if (mlir::Operation *entry = module.lookupSymbol(name); entry && !found->second.isF32())
        entry->setAttr("llm.products", mlir::TypeAttr::get(found->second));
    return success();
  }

  mlir::MLIRContext &context_;
  const dsl::Objective &objective_;
  const TrainingOptions &options_;
  const ModelSource &source_;
  WeightCheck check_;
  std::optional<WeightCheck> teacherCheck_;
  std::optional<dsl::Model> teacher_;
  std::set<std::string> teacherNames_;
  dsl::UpdateRule rule_;
  std::vector<NamedShape> weights_;  // in the order of first reading
  std::vector<NamedShape> base_;     // those of a model with adapters, which stay as they are
  std::set<std::string> weightNames_;
  std::map<std::string, DType> stateTypes_;
  std::vector<Input> sample_;
  std::vector<Input> tokens_, batch_, share_, update_;  // batch: tokens, columns, and what decides about dropout
  std::vector<std::string> metrics_;                    // names of the results that they are
  dsl::Program program_;
};
}  // namespace

Result<mlir::OwningOpRef<mlir::ModuleOp>> traceTraining(const ModelSource &source, mlir::MLIRContext &context,
                                                        const dsl::Objective &objective,
                                                        const TrainingOptions &options) {
  LLC_TRY(checkPositions(source, options.sequence, "give shorter rows"));
  if (options.teacher) LLC_TRY(checkPositions(*options.teacher, options.sequence, "give shorter rows"));
  return Training(source, context, objective, options).trace();
}

Result<mlir::OwningOpRef<mlir::ModuleOp>> traceForward(
    const ModelSource &source, mlir::MLIRContext &context,
    const std::function<dsl::Tensor(const dsl::LossInput &)> &forward, const TrainingOptions &options) {
  LLC_TRY(checkPositions(source, options.sequence, "give shorter rows"));
  return Training(source, context, {.loss = nullptr, .reference = forward}, options).traceForward();
}

}  // namespace llc::huggingface
