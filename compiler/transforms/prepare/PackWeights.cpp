#include <deque>

#include "compiler/transforms/prepare/Passes.h"
#include "compiler/transforms/training/Passes.h"
#include "dialect/ops/llm.h"
#include "llvm/ADT/StringSet.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace llc::compiler {
#define GEN_PASS_DEF_PACKWEIGHTS
#include "compiler/transforms/prepare/Passes.h.inc"

namespace {
using namespace mlir;

// How a parameter is wanted: as panels of a weight [n,k] or [k,n], or as a vector of f32.
enum class Form { panels, panelsOfColumns, f32 };

StringRef suffixOf(Form form) {
  return form == Form::panels ? "#panel" : form == Form::panelsOfColumns ? "#panel_kn" : "#f32";
}

struct Wanted {
  Value value;
  Form form;
  bool operator<(const Wanted &other) const {
    return std::tuple(value.getAsOpaquePointer(), form) < std::tuple(other.value.getAsOpaquePointer(), other.form);
  }
};

bool isMatrix(Value value) {
  auto x = dyn_cast<RankedTensorType>(value.getType());
  return x && x.getRank() == 2 && x.getElementType().isF32();
}
// The allow-list of ops whose kernels stream a packed weight.
std::optional<Form> streamedForm(OpOperand &operand) {
  auto form = [](bool transposed) { return transposed ? Form::panels : Form::panelsOfColumns; };
  if (auto linear = dyn_cast<llm::LinearOp>(operand.getOwner());
      linear && &operand == &linear.getWMutable() && isMatrix(linear.getX()))
    return form(linear.getTransposed());
  if (auto loss = dyn_cast<llm::LinearLogProbOp>(operand.getOwner());
      loss && &operand == &loss.getWMutable() && isMatrix(loss.getX()))
    return form(loss.getTransposed());
  return std::nullopt;
}

// The form in which an op would rather have this operand; nothing if as it is. Vectors of halves (biases, norms) become
// f32: they are small, and epilogues read them as they are.
std::optional<Form> wantedForm(OpOperand &operand) {
  auto tensor = dyn_cast<RankedTensorType>(operand.get().getType());
  if (!tensor || !tensor.hasStaticShape() || tensor.getEncoding()) return std::nullopt;
  Type element = tensor.getElementType();
  bool half = element.isF16() || element.isBF16();
  if (tensor.getRank() == 2 && (half || element.isF32())) return streamedForm(operand);
  bool own = isa_and_nonnull<llm::LlmDialect>(operand.getOwner()->getDialect()) &&
             !isa<llm::CastOp, llm::PackOp>(operand.getOwner()) && operand.getOwner()->getNumRegions() == 0;
  if (tensor.getRank() == 1 && half && own) return Form::f32;
  return std::nullopt;
}

RankedTensorType typeOf(Type type, Form form) {
  auto tensor = cast<RankedTensorType>(type);
  if (form == Form::f32) return RankedTensorType::get(tensor.getShape(), Float32Type::get(type.getContext()));
  return RankedTensorType::get(tensor.getShape(), tensor.getElementType(), llm::PanelAttr::get(type.getContext()));
}

std::string typeText(RankedTensorType type) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  for (int64_t extent : type.getShape()) stream << extent << "x";
  stream << type.getElementType();
  return text;
}

class Packer {
 public:
  explicit Packer(ModuleOp module) : module_(module), symbols_(module) {
    module.walk([&](func::CallOp call) { callers_[call.getCallee()].push_back(call); });
    for (auto function : module.getOps<func::FuncOp>())
      for (unsigned i = 0; i < function.getNumResults(); ++i)
        if (auto name = function.getResultAttrOfType<StringAttr>(i, updatesAttribute)) updated_.insert(name.getValue());
  }
  void run() {
    noteProductsThatReadRows();
    llvm::SmallVector<std::pair<OpOperand *, Form>> uses;
    module_.walk([&](Operation *op) {
      for (OpOperand &operand : op->getOpOperands())
        if (auto form = wantedForm(operand); form && mayTakeForm(operand.get(), *form))
          uses.push_back({&operand, *form});
    });
    for (auto [operand, form] : uses) operand->set(packed({operand->get(), form}));
    while (!pending_.empty()) {
      Addition next = pending_.front();
      pending_.pop_front();
      extendCalls(next);
    }
    dropUnusedArguments();
    writePrepare();
  }

 private:
  struct Addition {
    func::FuncOp function;
    unsigned argument;
    Form form;
  };

  // True if every value that reaches `value` is a parameter as it is, and stays what it is; adds their names.
  bool comesFromParameters(Value value, llvm::StringSet<> &names) {
    if (auto use = value.getDefiningOp<llm::UseOp>()) {
      names.insert(use.getName());
      return !updated_.contains(use.getName());
    }
    auto argument = dyn_cast<BlockArgument>(value);
    if (!argument) return false;
    auto function = dyn_cast<func::FuncOp>(argument.getOwner()->getParentOp());
    if (!function || !function.isPrivate()) return false;
    auto &calls = callers_[function.getName()];
    return !calls.empty() && llvm::all_of(calls, [&](func::CallOp call) {
      return comesFromParameters(call.getOperand(argument.getArgNumber()), names);
    });
  }

  // In training steps: backward passes multiply by a frozen weight the other way round, as it lies in the checkpoint:
  // with a packed copy beside it there would be two of it in memory, and products of many rows are as fast without.
  void noteProductsThatReadRows() {
    if (updated_.empty()) return;
    module_.walk([&](Operation *op) {
      if (!isa<llm::ContractOp, llm::LinearLogProbBackwardOp>(op)) return;
      for (Value value : op->getOperands())
        if (auto type = dyn_cast<RankedTensorType>(value.getType()); type && type.getRank() == 2) {
          llvm::StringSet<> names;
          if (comesFromParameters(value, names))
            for (StringRef name : names.keys()) readByRows_.insert(name);
        }
    });
  }
  bool mayTakeForm(Value value, Form form) {
    llvm::StringSet<> names;
    if (!comesFromParameters(value, names)) return false;
    return form == Form::f32 || llvm::none_of(names.keys(), [&](StringRef name) { return readByRows_.contains(name); });
  }

  // The packed form of a parameter's value or of a block's argument; made on first use.
  Value packed(Wanted weight) {
    Value &result = packed_[weight];
    if (result) return result;
    if (auto use = weight.value.getDefiningOp<llm::UseOp>()) {
      OpBuilder builder(use);
      auto type = typeOf(use.getType(), weight.form);
      result = builder.create<llm::UseOp>(use.getLoc(), type, packedParameter(use, type, weight.form));
    } else {
      auto argument = cast<BlockArgument>(weight.value);
      auto function = cast<func::FuncOp>(argument.getOwner()->getParentOp());
      unsigned number = function.getNumArguments();
      function.insertArgument(number, typeOf(argument.getType(), weight.form), {}, argument.getLoc());
      pending_.push_back({function, argument.getArgNumber(), weight.form});
      touched_.insert(argument.getArgNumber() | uint64_t(functionNumber(function)) << 32);
      result = function.getArgument(number);
    }
    return result;
  }

  void extendCalls(Addition addition) {
    for (func::CallOp call : callers_[addition.function.getName()]) {
      Value value = packed({call.getOperand(addition.argument), addition.form});
      call->insertOperands(call->getNumOperands(), value);
    }
  }

  StringRef packedParameter(llm::UseOp use, RankedTensorType type, Form form) {
    std::string name = (use.getName() + suffixOf(form)).str();
    auto [found, isNew] = prepared_.try_emplace(name);
    if (isNew) {
      auto original = symbols_.lookup<llm::ParameterOp>(use.getName());
      OpBuilder builder(module_.getContext());
      builder.setInsertionPointAfter(original);
      auto parameter =
          builder.create<llm::ParameterOp>(original.getLoc(), builder.getStringAttr(name), TypeAttr::get(type));
      symbols_.insert(parameter);
      found->second = {use.getName().str(), use.getType(), type, form};
      order_.push_back(name);
    }
    return found->first();
  }

  unsigned functionNumber(func::FuncOp function) {
    return functions_.try_emplace(function, static_cast<unsigned>(functions_.size())).first->second;
  }

  void dropUnusedArguments() {
    for (auto function : llvm::make_early_inc_range(module_.getOps<func::FuncOp>())) {
      if (!functions_.count(function)) continue;
      BitVector unused(function.getNumArguments());
      for (BlockArgument argument : function.getArguments())
        if (argument.use_empty() && touched_.count(argument.getArgNumber() | uint64_t(functionNumber(function)) << 32))
          unused.set(argument.getArgNumber());
      for (func::CallOp call : callers_[function.getName()]) call->eraseOperands(unused);
      function.eraseArguments(unused);
    }
  }

  func::FuncOp packingFunction(RankedTensorType plain, RankedTensorType made, Form form) {
    std::string name = "prepare." + std::string(form == Form::f32 ? "cast_" : "pack_") + typeText(plain) +
                       (form == Form::panelsOfColumns ? "_kn" : "");
    func::FuncOp &function = packers_[name];
    if (function) return function;
    OpBuilder builder = OpBuilder::atBlockEnd(module_.getBody());
    Location location = NameLoc::get(builder.getStringAttr(name));
    function = builder.create<func::FuncOp>(location, name, builder.getFunctionType({plain}, {made}));
    function.setPrivate();
    function->setAttr("llm.prepare", builder.getUnitAttr());
    builder.setInsertionPointToStart(function.addEntryBlock());
    Value source = function.getArgument(0);
    Operation *op =
        form == Form::f32
            ? builder.create<llm::CastOp>(location, made, source).getOperation()
            : builder.create<llm::PackOp>(location, made, source, llm::PanelAttr::get(builder.getContext()), TypeAttr())
                  .getOperation();
    if (form == Form::panelsOfColumns) op->setAttr("llm.transposed", builder.getBoolAttr(false));
    builder.create<func::ReturnOp>(location, op->getResults());
    return function;
  }

  void writePrepare() {
    if (order_.empty()) return;
    OpBuilder builder = OpBuilder::atBlockEnd(module_.getBody());
    llvm::SmallVector<Type> types;
    for (const std::string &name : order_) types.push_back(prepared_[name].type);
    Location location = NameLoc::get(builder.getStringAttr("prepare"));
    auto prepare = builder.create<func::FuncOp>(location, "prepare", builder.getFunctionType({}, types));
    Block *body = prepare.addEntryBlock();
    llvm::SmallVector<Value> results;
    for (auto [i, name] : llvm::enumerate(order_)) {
      const Prepared &prepared = prepared_[name];
      func::FuncOp pack = packingFunction(prepared.sourceType, prepared.type, prepared.form);
      builder.setInsertionPointToEnd(body);
      Location at = NameLoc::get(builder.getStringAttr(prepared.source));
      Value source = builder.create<llm::UseOp>(at, prepared.sourceType, prepared.source);
      results.push_back(builder.create<func::CallOp>(at, pack, ValueRange{source}).getResult(0));
      prepare.setResultAttr(i, "llm.parameter", builder.getStringAttr(name));
    }
    builder.setInsertionPointToEnd(body);
    builder.create<func::ReturnOp>(location, results);
  }

  struct Prepared {
    std::string source;
    RankedTensorType sourceType, type;
    Form form;
  };
  ModuleOp module_;
  SymbolTable symbols_;
  llvm::StringMap<std::vector<func::CallOp>> callers_;
  llvm::StringSet<> updated_;     // parameters that a step changes
  llvm::StringSet<> readByRows_;  // parameters that some product reads as they lie
  std::map<Wanted, Value> packed_;
  std::deque<Addition> pending_;
  llvm::StringMap<Prepared> prepared_;
  llvm::StringMap<func::FuncOp> packers_;  // by name
  std::vector<std::string> order_;
  llvm::DenseMap<Operation *, unsigned> functions_;
  std::set<uint64_t> touched_;
};

struct PackWeights final : impl::PackWeightsBase<PackWeights> {
  void runOnOperation() override {
    if (getOperation().lookupSymbol("prepare")) {
      getOperation().emitError(
          "already has a function @prepare; to fix: run llm-pack-weights once, on a module in phase quantized");
      return signalPassFailure();
    }
    Packer(getOperation()).run();
  }
};
}  // namespace
}  // namespace llc::compiler
