#include "compiler/memory/rounding.h"

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

bool roundsActivations(ModuleOp module) {
  auto rounds = [](Operation *op) {
    bool does = isRounding(op) || op->hasAttr(roundedAttribute);
    return does ? WalkResult::interrupt() : WalkResult::advance();
  };
  return module.walk(rounds).wasInterrupted();
}

}  // namespace llc::compiler
