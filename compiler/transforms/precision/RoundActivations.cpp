#include "compiler/memory/rounding.h"
#include "compiler/memory/stages.h"
#include "compiler/transforms/precision/Passes.h"
#include "compiler/transforms/precision/factors.h"
#include "dialect/interfaces/interfaces.h"
#include "dialect/ops/llm.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace llc::compiler {
#define GEN_PASS_DEF_ROUNDACTIVATIONS
#include "compiler/transforms/precision/Passes.h.inc"

namespace {
using namespace mlir;

bool hasElement(Value value, llvm::function_ref<bool(Type)> is) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  return type && type.getRank() > 1 && is(type.getElementType());
}
bool isF32(Value value) {
  return hasElement(value, [](Type type) { return type.isF32(); });
}
bool isBf16(Value value) {
  return hasElement(value, [](Type type) { return type.isBF16(); });
}
bool isParameter(Value value) {
  auto reader = dyn_cast_or_null<llm::Differentiable>(memoryOf(value).getDefiningOp());
  return reader && reader.readParameter();
}

// One function's products.
class Rounder {
 public:
  void run(func::FuncOp function) {
    llvm::SmallVector<Operation *> ops;
    function.walk([&](Operation *op) { ops.push_back(op); });
    for (Operation *op : ops) round(op);
    for (Operation *shape : llvm::reverse(shapes_))
      if (shape->use_empty()) shape->erase();
    for (llm::GenericOp rounding : roundings_) joinAttention(rounding);
  }

 private:
  void round(Operation *op) {
    // Nothing else is asked what its factors are: attention over a cache could not say.
    if (llvm::none_of(op->getOperands(), isBf16)) return;
    llvm::SmallVector<OpOperand *> factors = matrixFactors(op);
    if (llvm::none_of(factors, [](OpOperand *factor) { return isBf16(factor->get()); })) return;
    for (OpOperand *factor : factors) {
      Value value = factor->get();
      if (isF32(value) && !isParameter(value) && !isRoundedToBf16(value)) factor->set(rounded(value));
    }
  }

  // One rounding for all readers, of the value as its maker gives it, so that it can become a part of that stage.
  Value rounded(Value value) {
    if (Value known = rounded_.lookup(value)) return known;
    OpBuilder builder(value.getContext());
    builder.setInsertionPointAfterValue(value);
    Operation *maker = value.getDefiningOp();
    Value result;
    if (maker && stageKind(maker) == StageKind::alias && isF32(maker->getOperand(0))) {
      IRMapping mapping;
      mapping.map(maker->getOperand(0), rounded(maker->getOperand(0)));
      result = builder.clone(*maker, mapping)->getResult(0);
      shapes_.push_back(maker);
    } else {
      auto rounding = roundingOf(builder, value);
      roundings_.push_back(rounding);
      result = rounding.getResult();
    }
    rounded_[value] = result;
    return result;
  }

  // Attention over the cache rounds what it stores, where nobody wants the rest.
  static void joinAttention(llm::GenericOp rounding) {
    auto attention = rounding.getOperand(0).getDefiningOp<llm::PagedAttentionOp>();
    if (!attention || !attention->hasOneUse()) return;
    attention->setAttr(roundedAttribute, UnitAttr::get(attention.getContext()));
    rounding.replaceAllUsesWith(attention.getY());
    rounding.erase();
  }

  llvm::DenseMap<Value, Value> rounded_;
  llvm::SmallVector<Operation *> shapes_;  // other shapes of values that were rounded
  llvm::SmallVector<llm::GenericOp> roundings_;
};

struct RoundActivations final : impl::RoundActivationsBase<RoundActivations> {
  void runOnOperation() override {
    for (auto function : getOperation().getOps<func::FuncOp>()) Rounder().run(function);
  }
};
}  // namespace
}  // namespace llc::compiler
