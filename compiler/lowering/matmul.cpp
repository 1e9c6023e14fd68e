// Stages that stream a packed weight: matrix products with their epilogues, and log-probabilities.
#include "compiler/lowering/epilogue.h"
#include "compiler/lowering/kernel_choice.h"
#include "compiler/memory/rounding.h"
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

// The region of llm.fused read as products and one scalar expression over them and further operands. nullopt: it is no
// product with an epilogue.
std::optional<KernelChoice> fusedProduct(llm::FusedOp op, const KernelContext &context) {
  Block &body = op.getBody().front();
  llvm::SmallVector<llm::LinearOp> products(body.getOps<llm::LinearOp>());
  if (products.empty() || products.size() > 2 || op.getNumResults() != 1) return std::nullopt;
  Epilogue epilogue(op);
  for (llm::LinearOp linear : products) {
    if (!streams(linear) || linear.getX() != products[0].getX()) return std::nullopt;
    epilogue.addProduct(linear.getY());
  }
  for (Operation &inner : body.without_terminator())
    if (!isa<llm::LinearOp>(inner) && !epilogue.add(&inner)) return std::nullopt;
  index::ExprPtr expression = epilogue.expressionOf(body.getTerminator()->getOperand(0));
  if (!expression) return std::nullopt;
  auto outside = [&](Value argument) { return op->getOperand(cast<BlockArgument>(argument).getArgNumber()); };
  WeightShape weight = weightShape(products[0].getW().getType(), products[0].getTransposed());
  KernelChoice choice;
  choice.operands = {outside(products[0].getX())};
  for (llm::LinearOp linear : products) choice.operands.push_back(outside(linear.getW()));
  choice.operands.append(epilogue.operands().begin(), epilogue.operands().end());
  kernels::GatedMatmulSpec spec;
  spec.k = weight.k, spec.n = weight.n, spec.weights = weight.type;
  spec.xInBf16 = context.hasBf16Rows(choice.operands[0]), spec.yInBf16 = context.wantsBf16Rows(op->getResult(0));
  if (spec.yInBf16) choice.bf16Rows.push_back(op->getResult(0)), expression = withoutRounding(expression);
  spec.epilogue = index::print(expression), spec.extras = epilogue.readings();
  choice.function = products.size() == 2 ? kernels::emitGatedMatmul(context.emitter, spec)
                                         : kernels::emitMatmul(context.emitter, spec);
  return choice;
}

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
    spec.xInBf16 = context.hasBf16Rows(linear.getX());
    return std::optional(KernelChoice{kernels::emitMatmul(context.emitter, spec), {linear.getX(), linear.getW()}});
  }
  if (auto loss = dyn_cast<llm::LinearLogProbOp>(op); loss && llm::isPacked(loss.getW().getType())) {
    WeightShape weight = weightShape(loss.getW().getType(), loss.getTransposed());
    kernels::LogProbSpec spec{.k = weight.k,
                              .n = weight.n,
                              .weights = weight.type,
                              .softCap = static_cast<float>(loss.getSoftCap().convertToDouble()),
                              .scale = static_cast<float>(loss.getScale().convertToDouble()),
                              .xInBf16 = context.hasBf16Rows(loss.getX())};
    return std::optional(
        KernelChoice{kernels::emitLogProb(context.emitter, spec), {loss.getX(), loss.getW(), loss.getTargets()}});
  }
  if (auto fused = dyn_cast<llm::FusedOp>(op)) {
    if (auto choice = fusedProduct(fused, context)) return choice;
    for (Value operand : fused.getInputs())
      if (llm::isPacked(operand.getType())) return packedElsewhere(op);
  }
  return std::optional<KernelChoice>();
}

}  // namespace llc::compiler
