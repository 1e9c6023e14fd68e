#include "compiler/lowering/program_layout.h"

#include "compiler/kernels/kernels.h"
#include "compiler/memory/overwrites.h"
#include "compiler/memory/rounding.h"
#include "dialect/ops/llm.h"
#include "llvm/Config/llvm-config.h"
#include "runtime/base/sha256.h"

namespace llc::compiler {
namespace {
using namespace mlir;

Error badType(const std::string &where, Type type) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  stream << type;
  return diagnose(ErrorKind::unsupported, where)
      .says("programs can't hold values of type " + text)
      .toFix("use tensors of f32, f16, bf16 or integers");
}

Result<TensorSpec> specOf(const std::string &name, Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  auto element = type ? dtypeOf(type.getElementType()) : std::nullopt;
  if (!element) return badType(name, value.getType());
  TensorSpec spec{name, *element, {}};
  for (int64_t i = 0; i < type.getRank(); ++i)
    spec.shape.push_back(type.isDynamicDim(i) ? dynamicSize(dynamicDimension(value).value_or(LLC_DIM_TOKENS))
                                              : type.getDimSize(i));
  return spec;
}

// Arguments and results have no names in IR; these are the entries that the runtime knows, in its order. An attribute
// llm.name on an argument or result overrides.
std::string conventionalName(StringRef entry, bool result, unsigned position) {
  static const std::map<std::string, std::pair<std::vector<std::string>, std::string>> known = {
      {"step", {{"tokens", "positions", "rows"}, "logits"}},
      {"score", {{"tokens", "positions", "targets"}, "log_probs"}},
      {"classify", {{"tokens", "positions", "rows"}, "scores"}},
      {"embed", {{"tokens", "positions", "rows"}, "embedding"}}};
  auto found = known.find(entry.str());
  if (found != known.end()) {
    if (result && position == 0) return found->second.second;
    if (!result && position < found->second.first.size()) return found->second.first[position];
  }
  return (result ? "result" : "argument") + std::to_string(position);
}

Result<EntrySpec> entryOf(func::FuncOp function) {
  EntrySpec entry{function.getName().str(), {}, {}};
  unsigned position = 0;
  for (BlockArgument argument : function.getArguments()) {
    if (!isa<RankedTensorType>(argument.getType())) continue;
    auto given = function.getArgAttrOfType<StringAttr>(argument.getArgNumber(), "llm.name");
    LLC_ASSIGN(TensorSpec spec,
               specOf(given ? given.str() : conventionalName(function.getName(), false, position), argument));
    entry.inputs.push_back(std::move(spec));
    ++position;
  }
  for (auto [i, value] : llvm::enumerate(function.front().getTerminator()->getOperands())) {
    if (updatedParameter(function, i)) continue;
    auto given = function.getResultAttrOfType<StringAttr>(i, "llm.name");
    LLC_ASSIGN(TensorSpec spec, specOf(given ? given.str() : conventionalName(function.getName(), true, i), value));
    entry.outputs.push_back(std::move(spec));
  }
  return entry;
}

// The calls in @prepare that make parameters, by parameter; those that come as they are have none.
llvm::StringMap<func::CallOp> makersIn(ModuleOp module) {
  llvm::StringMap<func::CallOp> makers;
  auto prepare = functionNamed(module, prepareFunctionName);
  for (unsigned i = 0; prepare && i < prepare.getNumResults(); ++i)
    if (auto name = prepare.getResultAttrOfType<StringAttr>(i, "llm.parameter"))
      if (auto call = prepare.front().getTerminator()->getOperand(i).getDefiningOp<func::CallOp>())
        makers.try_emplace(name.getValue(), call);
  return makers;
}

class Layout {
 public:
  explicit Layout(ModuleOp module) : module_(module), makers_(makersIn(module)) {}
  Result<ProgramLayout> build() {
    LLC_TRY(checkDimensions());
    readModule();
    for (auto function : module_.getOps<func::FuncOp>()) {
      if (!isEntry(function) || function.isExternal()) continue;
      LLC_ASSIGN(EntrySpec entry, entryOf(function));
      if (!entry.outputs.empty() && entry.name == "step" && entry.outputs[0].shape.size() == 2)
        layout_.manifest.vocabulary = entry.outputs[0].shape[1];
      if (!entry.outputs.empty() && entry.name == "embed" && entry.outputs[0].shape.size() == 2)
        layout_.manifest.hidden = entry.outputs[0].shape[1];
      layout_.manifest.entries.push_back(std::move(entry));
      collectCaches(function);
      LLC_TRY(collectParameters(function));
    }
    LLC_TRY(markUpdated());
    numberCaches();
    countWork();
    if (!layout_.manifest.hidden) layout_.manifest.hidden = embeddingWidth();
    return std::move(layout_);
  }

 private:
  // Memory is laid out for rows: a dynamic dimension further inside would need strides known at run time only.
  Status checkDimensions() {
    Operation *bad = nullptr;
    module_.walk([&](Operation *op) {
      for (Type type :
           llvm::concat<const Type>(llvm::to_vector(op->getOperandTypes()), llvm::to_vector(op->getResultTypes()))) {
        auto tensor = dyn_cast<RankedTensorType>(type);
        if (tensor && llvm::is_contained(tensor.getShape().drop_front(tensor.getRank() > 0), ShapedType::kDynamic))
          bad = op;
      }
      return bad ? WalkResult::interrupt() : WalkResult::advance();
    });
    if (!bad) return success();
    return diagnose(ErrorKind::unsupported, modelName(bad))
        .says("has a tensor whose dynamic dimension is not the first; code is made for ragged rows, which come first")
        .toFix("transpose the model's tensors so that rows lead, or make the dimension static");
  }

  // The width of the first embedding, for programs without an entry `embed`.
  int64_t embeddingWidth() {
    int64_t width = 0;
    module_.walk([&](llm::GatherRowsOp op) {
      width = cast<RankedTensorType>(op.getY().getType()).getShape().back();
      return WalkResult::interrupt();
    });
    return width;
  }
  int64_t attribute(const char *name, int64_t fallback) {
    auto found = module_->getAttrOfType<IntegerAttr>(name);
    return found ? found.getInt() : fallback;
  }
  void readModule() {
    Manifest &m = layout_.manifest;
    if (auto model = module_->getAttrOfType<StringAttr>("llm.model")) m.model = model.str();
    m.maxTokens = attribute("llm.max_tokens", 0), m.maxRows = attribute("llm.max_rows", 0);
    m.maxSequences = attribute("llm.max_sequences", m.maxRows);
    m.maxContext = attribute("llm.max_context", 0);
    m.virtualTokens = attribute("llm.virtual_tokens", 0);
    m.vocabulary = attribute("llm.vocabulary", 0), m.hidden = attribute("llm.hidden", 0);
    m.arenaBytes = static_cast<uint64_t>(attribute("llm.arena", 0));
    if (module_.lookupSymbol("step")) m.versions["activations"] = roundsActivations(module_) ? "bf16" : "f32";
    m.versions["llc-model"] = LLC_VERSION;
    m.versions["llvm"] = LLVM_VERSION_STRING;
  }

  void collectCaches(func::FuncOp function) {
    function.walk([&](llm::CacheLayerOp op) {
      auto type = cast<llm::KvType>(op.getType());
      CacheSpec &spec = caches_[static_cast<int64_t>(op.getLayer())];
      spec.layer = static_cast<int64_t>(op.getLayer());
      spec.kvHeads = type.getKvHeads(), spec.keyDim = type.getKeyDim(), spec.valueDim = type.getValueDim();
      spec.element = dtypeOf(type.getElementType()).value_or(DType::f32);
      spec.window = windowOf(op.getResult());
    });
  }
  // The largest window of all attentions that read the cache, through calls; 0 (none) if one of them has none.
  int64_t windowOf(Value cache) {
    int64_t window = -1;
    std::function<void(Value)> look = [&](Value value) {
      for (OpOperand &use : value.getUses()) {
        Operation *op = use.getOwner();
        if (auto attention = dyn_cast<llm::PagedAttentionOp>(op)) {
          int64_t own = static_cast<int64_t>(attention.getWindow());
          window = own == 0 || window == 0 ? 0 : std::max(window, own);
        } else if (appendsToCache(op)) {
          for (Value result : op->getResults())
            if (isa<llm::KvType>(result.getType())) look(result);
        } else if (auto call = dyn_cast<func::CallOp>(op)) {
          auto callee = calleeOf(call);
          if (callee && !callee.isExternal()) look(callee.getArgument(use.getOperandNumber()));
        }
      }
    };
    look(cache);
    return std::max<int64_t>(window, 0);
  }
  void numberCaches() {
    for (auto &[layer, spec] : caches_) {
      layout_.cacheNumber[layer] = static_cast<int64_t>(layout_.manifest.caches.size());
      layout_.manifest.caches.push_back(spec);
    }
    if (!layout_.manifest.layers)
      layout_.manifest.layers = attribute("llm.layers", static_cast<int64_t>(caches_.size()));
  }

  Status collectParameters(func::FuncOp entry) {
    for (auto use : entry.getOps<llm::UseOp>()) {
      StringRef name = use.getName();
      if (layout_.parameterNumber.count(name)) continue;
      layout_.parameterNumber[name] = static_cast<int64_t>(layout_.manifest.parameters.size());
      LLC_TRY(addParameter(name.str(), use.getValue()));
    }
    return success();
  }

  Status markUpdated() {
    for (auto function : module_.getOps<func::FuncOp>())
      for (unsigned i = 0; i < function.getNumResults(); ++i) {
        StringAttr name = updatedParameter(function, i);
        if (!name) continue;
        auto found = layout_.parameterNumber.find(name.getValue());
        if (found == layout_.parameterNumber.end())
          return diagnose(ErrorKind::invalidInput, function.getName().str())
              .says("updates the parameter " + name.str() + ", which no entry reads")
              .toFix("leave that result out");
        layout_.manifest.parameters[static_cast<size_t>(found->second)].updated = true;
      }
    return success();
  }

  // Parameters of one shape share a function. To print it costs a walk through the whole module: once for each, or
  // compiling would take the square of the depth.
  const std::string &meaningOf(func::FuncOp function) {
    auto [found, isNew] = meanings_.try_emplace(function.getName());
    if (!isNew) return found->second;
    std::string text;
    llvm::raw_string_ostream stream(text);
    function.print(stream);
    return found->second = sha256OfText(text);
  }

  Status addParameter(const std::string &name, Value value) {
    LLC_ASSIGN(TensorSpec own, specOf(name, value));
    ParameterSpec spec{name, own.type, own.shape, "rows", 0, 0};
    PrepareStep step;
    if (func::CallOp maker = makers_.lookup(name)) {
      step.function = maker.getCallee().str();
      auto callee = calleeOf(maker);
      if (auto frame = callee->getAttrOfType<IntegerAttr>("llm.frame")) step.arenaBytes = frame.getInt();
      step.meaning = meaningOf(callee);
      for (Value operand : maker.getOperands()) {
        auto use = operand.getDefiningOp<llm::UseOp>();
        if (!use)
          return diagnose(ErrorKind::internal, name)
              .says("@prepare computes it from something else than parameters")
              .toFix("please report this");
        LLC_ASSIGN(TensorSpec source, specOf(use.getName().str(), use.getValue()));
        step.sources.push_back(std::move(source));
      }
      layout_.manifest.prepare.push_back(step.function.substr(sizeof("prepare.") - 1) + ": " + name);
    } else {
      step.sources.push_back(own);
    }
    spec.bytes = parameterBytes(name, value);
    if (llm::isPacked(value.getType())) spec.layout = "panel";
    if (byteSize(spec.type) > 0 && spec.shape.size() > 1) layout_.manifest.dtype = std::string(dtypeName(spec.type));
    layout_.manifest.parameters.push_back(std::move(spec));
    layout_.prepare.push_back(std::move(step));
    return success();
  }

  // Bytes as the program holds them: of packed weights exactly what the packing kernel writes.
  uint64_t parameterBytes(const std::string &name, Value value) {
    uint64_t bytes = static_cast<uint64_t>(boundedBytes(value, {1, 1}));
    func::CallOp maker = makers_.lookup(name);
    if (!maker) return bytes;
    calleeOf(maker).walk([&](llm::PackOp pack) {
      auto type = cast<RankedTensorType>(pack.getType());
      auto transposed = pack->getAttrOfType<BoolAttr>("llm.transposed");
      bool columns = transposed && !transposed.getValue();  // the weight is [k,n]
      bytes = static_cast<uint64_t>(kernels::packedBytes(
          type.getDimSize(columns ? 0 : 1), type.getDimSize(columns ? 1 : 0), *dtypeOf(type.getElementType())));
    });
    return bytes;
  }

  // What one decode step of one sequence costs, per function, calls included.
  llm::Cost costOf(func::FuncOp function) {
    llm::Cost total;
    function.walk([&](Operation *op) {
      if (auto call = dyn_cast<func::CallOp>(op)) {
        if (auto callee = calleeOf(call); callee && !callee.isExternal()) {
          auto [found, isNew] = costs_.try_emplace(callee.getName());
          if (isNew) found->second = costOf(callee);
          const llm::Cost &cost = costs_[callee.getName()];
          total.flops += cost.flops, total.bytes += cost.bytes;
        }
      } else if (auto costed = dyn_cast<llm::Costed>(op); costed && !isa<llm::PagedAttentionOp, llm::FusedOp>(op)) {
        total.flops += costed.cost({1, 1}).flops;
      }
    });
    return total;
  }
  void countWork() {
    auto step = functionNamed(module_, "step");
    if (!step) step = functionNamed(module_, "classify");
    if (!step) return countTraining();
    layout_.manifest.flopsPerToken = costOf(step).flops;
    for (auto use : step.getOps<llm::UseOp>()) {
      // A table of which a step reads single rows does not count.
      bool gathered = llvm::all_of(use->getUsers(), [](Operation *user) { return isa<llm::GatherRowsOp>(user); });
      if (!gathered) layout_.manifest.bytesPerToken += parameterBytes(use.getName().str(), use.getValue());
    }
  }

  // Of training programs, whose batches have one size: the whole step's work over its tokens.
  void countTraining() {
    for (const char *name : {"train_step", "accumulate"})
      if (auto step = functionNamed(module_, name); step && layout_.manifest.maxTokens)
        layout_.manifest.flopsPerToken = costOf(step).flops / double(layout_.manifest.maxTokens);
  }

  ModuleOp module_;
  const llvm::StringMap<func::CallOp> makers_;
  llvm::StringMap<std::string> meanings_;
  ProgramLayout layout_;
  std::map<int64_t, CacheSpec> caches_;
  llvm::StringMap<llm::Cost> costs_;
};
}  // namespace

Result<ProgramLayout> layoutOf(ModuleOp scheduled) { return Layout(scheduled).build(); }

}  // namespace llc::compiler
