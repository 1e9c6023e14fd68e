#include "compiler/memory/rounding.h"

#include <numeric>

#include "compiler/memory/stages.h"

namespace llc::compiler {
using namespace mlir;

namespace {
constexpr const char *roundingBody = "bf16(a)";

bool isRounding(Operation *op) {
  auto generic = dyn_cast_or_null<llm::GenericOp>(op);
  return generic && generic.getBody() == roundingBody;
}
}  // namespace

llm::GenericOp roundingOf(OpBuilder &builder, Value x) {
  auto type = cast<RankedTensorType>(x.getType());
  std::string letters;
  for (int64_t i = 0; i < type.getRank(); ++i) letters += static_cast<char>('a' + i);
  return builder.create<llm::GenericOp>(x.getLoc(), type, ValueRange{x},
                                        builder.getStringAttr(letters + "->" + letters),
                                        builder.getStringAttr(roundingBody), builder.getStringAttr(""));
}

index::ExprPtr withoutRounding(const index::ExprPtr &expression) {
  bool rounds = expression->kind == index::Expr::Call && expression->function->name == "bf16";
  return rounds ? expression->arguments[0] : expression;
}

bool isRoundedToBf16(Value value) {
  for (;;) {
    Operation *maker = value.getDefiningOp();
    if (!maker) return false;
    if (auto fused = dyn_cast<llm::FusedOp>(maker))
      value = fused.getBody().front().getTerminator()->getOperand(cast<OpResult>(value).getResultNumber());
    else if (stageKind(maker) == StageKind::alias)
      value = maker->getOperand(0);
    else if (auto attention = dyn_cast<llm::PagedAttentionOp>(maker))
      return attention->hasAttr(roundedAttribute);
    else
      break;
  }
  return isRounding(value.getDefiningOp());
}

namespace {
bool isPackedBf16(Value w) {
  auto type = cast<RankedTensorType>(w.getType());
  return llm::isPacked(type) && type.getElementType().isBF16();
}
// As the left factor of a product with packed bf16 weights.
bool isStreamedPast(OpOperand &operand) {
  Operation *op = operand.getOwner();
  if (auto fused = dyn_cast<llm::FusedOp>(op))
    return llvm::all_of(fused.getBody().getArgument(operand.getOperandNumber()).getUses(), isStreamedPast);
  if (auto linear = dyn_cast<llm::LinearOp>(op))
    return &operand == &linear.getXMutable() && isPackedBf16(linear.getW());
  if (auto loss = dyn_cast<llm::LinearLogProbOp>(op))
    return &operand == &loss.getXMutable() && isPackedBf16(loss.getW());
  return false;
}
// How many numbers a row of f32[t,...] has; 0: it is nothing like that.
int64_t columnsOf(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!type || type.getRank() < 2 || !type.isDynamicDim(0) || !type.getElementType().isF32()) return 0;
  ArrayRef<int64_t> shape = type.getShape().drop_front();
  return std::accumulate(shape.begin(), shape.end(), int64_t{1}, std::multiplies());
}
bool isStreamedPastOnly(Value value) {
  return llvm::all_of(value.getUses(), [&](OpOperand &use) {
    auto reshape = dyn_cast<llm::ReshapeOp>(use.getOwner());
    if (!reshape) return isStreamedPast(use);
    return columnsOf(reshape.getResult()) == columnsOf(value) && isStreamedPastOnly(reshape.getResult());
  });
}
// What rounds inside of a stage of several ops must be its end: whoever read it there would read f32.
bool endsWithRounding(OpResult result) {
  auto fused = dyn_cast<llm::FusedOp>(result.getOwner());
  if (!fused) return true;
  Value inside = fused.getBody().front().getTerminator()->getOperand(result.getResultNumber());
  return inside.hasOneUse();
}
}  // namespace

bool mayLieInBf16Rows(OpResult result) {
  int64_t columns = columnsOf(result);
  return columns > 0 && columns % 2 == 0 && !result.use_empty() && isRoundedToBf16(result) &&
         endsWithRounding(result) && isStreamedPastOnly(result);
}

bool roundsActivations(ModuleOp module) {
  auto rounds = [](Operation *op) {
    bool does = isRounding(op) || op->hasAttr(roundedAttribute);
    return does ? WalkResult::interrupt() : WalkResult::advance();
  };
  return module.walk(rounds).wasInterrupted();
}

}  // namespace llc::compiler
