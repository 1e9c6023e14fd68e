// Stages that stream a packed weight: matrix products with their epilogues, and log-probabilities.
#include "compiler/lowering/epilogue.h"
#include "compiler/lowering/kernel_choice.h"
#include "compiler/memory/stages.h"
#include "dialect/ops/llm.h"

namespace llc::compiler {
using namespace mlir;
namespace {

struct WeightShape {
  int64_t k, n;
  DType type;
};
WeightShape weightShape(Type type, bool transposed) {
  auto tensor = cast<RankedTensorType>(type);
  return {tensor.getDimSize(transposed ? 1 : 0), tensor.getDimSize(transposed ? 0 : 1),
          *dtypeOf(tensor.getElementType())};
}

bool streams(llm::LinearOp op) {
  auto x = cast<RankedTensorType>(op.getX().getType());
  return llm::isPacked(op.getW().getType()) && x.getRank() == 2 && x.getElementType().isF32();
}

// The region of llm.fused read as products and one scalar expression over them and further operands.
class FusedProduct {
 public:
  explicit FusedProduct(llm::FusedOp op) : op_(op) {}

  // nullopt: the region is no product with an epilogue.
  std::optional<KernelChoice> choose(const KernelContext &context) {
    Block &body = op_.getBody().front();
    for (auto linear : body.getOps<llm::LinearOp>()) products_.push_back(linear);
    if (products_.empty() || products_.size() > 2 || op_.getNumResults() != 1) return std::nullopt;
    for (llm::LinearOp linear : products_) {
      if (!streams(linear) || linear.getX() != products_[0].getX()) return std::nullopt;
      values_[linear.getY()] = index::operand(static_cast<int>(values_.size()));
    }
    for (Operation &inner : body.without_terminator())
      if (!isa<llm::LinearOp>(inner) && !compose(&inner)) return std::nullopt;
    index::ExprPtr expression = values_[body.getTerminator()->getOperand(0)];
    if (!expression) return std::nullopt;
    return emit(context, index::print(expression));
  }

 private:
  bool compose(Operation *inner) {
    auto elementwise = asElementwise(inner);
    if (!elementwise) return false;
    std::vector<index::ExprPtr> operands;
    for (auto [i, value] : llvm::enumerate(inner->getOperands())) {
      index::ExprPtr &expression = values_[value];
      if (expression && isInner(value) && elementwise->reads[i] != readsMatrix) return false;
      if (!expression) {
        expression = index::operand(static_cast<int>(products_.size() + extras_.size()));
        extras_.push_back(elementwise->reads[i]);
        extraOperands_.push_back(outside(value));
      } else if (!isInner(value) &&
                 extras_[static_cast<size_t>(expression->operand) - products_.size()] != elementwise->reads[i]) {
        return false;
      }
      operands.push_back(expression);
    }
    values_[inner->getResult(0)] = index::rewrite(elementwise->body, [&](const index::ExprPtr &node) -> index::ExprPtr {
      return node->kind == index::Expr::Operand ? operands[static_cast<size_t>(node->operand)] : nullptr;
    });
    return true;
  }
  static bool isInner(Value value) { return value.getDefiningOp() != nullptr; }
  Value outside(Value argument) { return op_->getOperand(cast<BlockArgument>(argument).getArgNumber()); }

  KernelChoice emit(const KernelContext &context, const std::string &epilogue) {
    WeightShape weight = weightShape(products_[0].getW().getType(), products_[0].getTransposed());
    KernelChoice choice;
    choice.operands = {outside(products_[0].getX())};
    for (llm::LinearOp linear : products_) choice.operands.push_back(outside(linear.getW()));
    choice.operands.append(extraOperands_);
    kernels::GatedMatmulSpec spec;
    spec.k = weight.k, spec.n = weight.n, spec.weights = weight.type, spec.epilogue = epilogue, spec.extras = extras_;
    choice.function = products_.size() == 2 ? kernels::emitGatedMatmul(context.emitter, spec)
                                            : kernels::emitMatmul(context.emitter, spec);
    return choice;
  }

  llm::FusedOp op_;
  llvm::SmallVector<llm::LinearOp> products_;
  llvm::DenseMap<Value, index::ExprPtr> values_;
  std::vector<std::string> extras_;
  llvm::SmallVector<Value> extraOperands_;
};

Error packedElsewhere(Operation *op) {
  return diagnose(ErrorKind::unsupported, modelName(op))
      .says("reads a packed weight in a way that no kernel can")
      .toFix("please report this; until then compile with the weight used by llm.linear on x[t,k] only");
}
}  // namespace

Result<std::optional<KernelChoice>> matmulKernel(Operation *op, const KernelContext &context) {
  if (auto linear = dyn_cast<llm::LinearOp>(op); linear && llm::isPacked(linear.getW().getType())) {
    if (!streams(linear)) return packedElsewhere(op);
    WeightShape weight = weightShape(linear.getW().getType(), linear.getTransposed());
    kernels::MatmulSpec spec{.k = weight.k, .n = weight.n, .weights = weight.type, .epilogue = "a", .extras = {}};
    return std::optional(KernelChoice{kernels::emitMatmul(context.emitter, spec), {linear.getX(), linear.getW()}});
  }
  if (auto loss = dyn_cast<llm::LinearLogProbOp>(op); loss && llm::isPacked(loss.getW().getType())) {
    WeightShape weight = weightShape(loss.getW().getType(), loss.getTransposed());
    kernels::LogProbSpec spec{.k = weight.k,
                              .n = weight.n,
                              .weights = weight.type,
                              .softCap = static_cast<float>(loss.getSoftCap().convertToDouble()),
                              .scale = static_cast<float>(loss.getScale().convertToDouble())};
    return std::optional(
        KernelChoice{kernels::emitLogProb(context.emitter, spec), {loss.getX(), loss.getW(), loss.getTargets()}});
  }
  if (auto fused = dyn_cast<llm::FusedOp>(op)) {
    if (auto choice = FusedProduct(fused).choose(context)) return choice;
    for (Value operand : fused.getInputs())
      if (llm::isPacked(operand.getType())) return packedElsewhere(op);
  }
  return std::optional<KernelChoice>();
}

}  // namespace llc::compiler
