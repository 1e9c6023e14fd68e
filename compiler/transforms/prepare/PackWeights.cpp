#include "compiler/transforms/prepare/Passes.h"

#include <deque>

#include "dialect/ops/llm.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace llc::compiler {
#define GEN_PASS_DEF_PACKWEIGHTS
#include "compiler/transforms/prepare/Passes.h.inc"

namespace {
using namespace mlir;

// A weight in one of its two orientations: [n,k] (transposed) or [k,n].
struct Weight {
  Value value;
  bool transposed;
  bool operator<(const Weight &other) const {
    return std::tuple(value.getAsOpaquePointer(), transposed) < std::tuple(other.value.getAsOpaquePointer(), other.transposed);
  }
};

// The allow-list of ops whose kernels stream a packed weight: its operand and orientation.
OpOperand *streamedWeight(Operation *op, bool &transposed) {
  if (auto linear = dyn_cast<llm::LinearOp>(op)) return transposed = linear.getTransposed(), &linear.getWMutable();
  if (auto loss = dyn_cast<llm::LinearLogProbOp>(op)) return transposed = loss.getTransposed(), &loss.getWMutable();
  return nullptr;
}

bool packable(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor || tensor.getRank() != 2 || !tensor.hasStaticShape() || tensor.getEncoding()) return false;
  Type element = tensor.getElementType();
  return element.isF32() || element.isF16() || element.isBF16();
}

RankedTensorType packedType(Type type) {
  auto tensor = cast<RankedTensorType>(type);
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
  }
  void run() {
    llvm::SmallVector<std::pair<OpOperand *, bool>> uses;
    module_.walk([&](Operation *op) {
      bool transposed = true;
      if (OpOperand *weight = streamedWeight(op, transposed); weight && packable(weight->get().getType()))
        uses.push_back({weight, transposed});
    });
    for (auto [operand, transposed] : uses)
      if (comesFromParameters(operand->get())) operand->set(packed({operand->get(), transposed}));
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
    bool transposed;
  };

  // True if every value that reaches `value` is a parameter as it is.
  bool comesFromParameters(Value value) {
    if (value.getDefiningOp<llm::UseOp>()) return true;
    auto argument = dyn_cast<BlockArgument>(value);
    if (!argument) return false;
    auto function = dyn_cast<func::FuncOp>(argument.getOwner()->getParentOp());
    if (!function || !function.isPrivate()) return false;
    auto &calls = callers_[function.getName()];
    return !calls.empty() && llvm::all_of(calls, [&](func::CallOp call) { return comesFromParameters(call.getOperand(argument.getArgNumber())); });
  }

  // The packed form of a parameter's value or of a block's argument; made on first use.
  Value packed(Weight weight) {
    Value &result = packed_[weight];
    if (result) return result;
    if (auto use = weight.value.getDefiningOp<llm::UseOp>()) {
      OpBuilder builder(use);
      auto type = packedType(use.getType());
      result = builder.create<llm::UseOp>(use.getLoc(), type, packedParameter(use, type, weight.transposed));
    } else {
      auto argument = cast<BlockArgument>(weight.value);
      auto function = cast<func::FuncOp>(argument.getOwner()->getParentOp());
      unsigned number = function.getNumArguments();
      function.insertArgument(number, packedType(argument.getType()), {}, argument.getLoc());
      pending_.push_back({function, argument.getArgNumber(), weight.transposed});
      touched_.insert(argument.getArgNumber() | uint64_t(functionNumber(function)) << 32);
      result = function.getArgument(number);
    }
    return result;
  }

  void extendCalls(Addition addition) {
    for (func::CallOp call : callers_[addition.function.getName()]) {
      Value value = packed({call.getOperand(addition.argument), addition.transposed});
      call->insertOperands(call->getNumOperands(), value);
    }
  }

  StringRef packedParameter(llm::UseOp use, RankedTensorType type, bool transposed) {
    std::string name = (use.getName() + (transposed ? "#panel" : "#panel_kn")).str();
    auto [found, isNew] = prepared_.try_emplace(name);
    if (isNew) {
      auto original = symbols_.lookup<llm::ParameterOp>(use.getName());
      OpBuilder builder(module_.getContext());
      builder.setInsertionPointAfter(original);
      auto parameter = builder.create<llm::ParameterOp>(original.getLoc(), builder.getStringAttr(name), TypeAttr::get(type));
      symbols_.insert(parameter);
      found->second = {use.getName().str(), type, transposed};
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

  func::FuncOp packingFunction(RankedTensorType packed, bool transposed) {
    auto plain = RankedTensorType::get(packed.getShape(), packed.getElementType());
    std::string name = "prepare.pack_" + typeText(plain) + (transposed ? "" : "_kn");
    if (auto found = module_.lookupSymbol<func::FuncOp>(name)) return found;
    OpBuilder builder = OpBuilder::atBlockEnd(module_.getBody());
    Location location = NameLoc::get(builder.getStringAttr(name));
    auto function = builder.create<func::FuncOp>(location, name, builder.getFunctionType({plain}, {packed}));
    function.setPrivate();
    function->setAttr("llm.prepare", builder.getUnitAttr());
    builder.setInsertionPointToStart(function.addEntryBlock());
    auto pack = builder.create<llm::PackOp>(location, packed, function.getArgument(0), llm::PanelAttr::get(builder.getContext()), TypeAttr());
    if (!transposed) pack->setAttr("llm.transposed", builder.getBoolAttr(false));
    builder.create<func::ReturnOp>(location, pack->getResults());
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
      func::FuncOp pack = packingFunction(prepared.type, prepared.transposed);
      builder.setInsertionPointToEnd(body);
      Location at = NameLoc::get(builder.getStringAttr(prepared.source));
      auto plain = RankedTensorType::get(prepared.type.getShape(), prepared.type.getElementType());
      Value source = builder.create<llm::UseOp>(at, plain, prepared.source);
      results.push_back(builder.create<func::CallOp>(at, pack, ValueRange{source}).getResult(0));
      prepare.setResultAttr(i, "llm.parameter", builder.getStringAttr(name));
    }
    builder.setInsertionPointToEnd(body);
    builder.create<func::ReturnOp>(location, results);
  }

  struct Prepared {
    std::string source;
    RankedTensorType type;
    bool transposed;
  };
  ModuleOp module_;
  SymbolTable symbols_;
  llvm::StringMap<std::vector<func::CallOp>> callers_;
  std::map<Weight, Value> packed_;
  std::deque<Addition> pending_;
  llvm::StringMap<Prepared> prepared_;
  std::vector<std::string> order_;
  llvm::DenseMap<Operation *, unsigned> functions_;
  std::set<uint64_t> touched_;
};

struct PackWeights final : impl::PackWeightsBase<PackWeights> {
  void runOnOperation() override {
    if (getOperation().lookupSymbol("prepare")) {
      getOperation().emitError("already has a function @prepare; to fix: run llm-pack-weights once, on a module in phase quantized");
      return signalPassFailure();
    }
    Packer(getOperation()).run();
  }
};
}  // namespace
}  // namespace llc::compiler
