#include "compiler/transforms/fusion/cost_model.h"

#include "compiler/kernels/kernels.h"
#include "compiler/kernels/panels.h"
#include "compiler/targets/target.h"

namespace llc::compiler {
using namespace mlir;
namespace {

constexpr llm::CostQuery oneRow = {1, 1};

using OpSet = llvm::SmallPtrSet<Operation *, 16>;

bool onlyReadBy(Value value, const OpSet &ops) {
  return llvm::all_of(value.getUsers(), [&](Operation *user) { return ops.count(user); });
}
}  // namespace

bool FusionCost::pays() const { return bytesSaved * flopsPerByte > flopsRecomputed && scratchBytes <= scratchLimit(); }

// Half of the cache: the other half holds the operands.
double scratchLimit() { return static_cast<double>(targetOf(IsaLevel::generic).l2Bytes) / 2; }

double rowBytes(Type type) { return llm::derive::bytesOf(type, oneRow); }

namespace {
// A result of static shape: of one of its leading indices.
double resultRowBytes(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  bool rows = tensor && tensor.getRank() > 0 && tensor.hasStaticShape();
  return rowBytes(type) / (rows ? static_cast<double>(tensor.getDimSize(0)) : 1);
}
}  // namespace

double rowFlops(Operation *op) {
  auto costed = dyn_cast<llm::Costed>(op);
  return costed ? costed.cost(oneRow).flops : 0;
}

int64_t columnChunks(Operation *stage) {
  int64_t columns = 0;
  auto add = [&](llm::LinearOp linear) {
    columns += cast<RankedTensorType>(linear.getY().getType()).getShape().back();
  };
  if (auto fused = dyn_cast<llm::FusedOp>(stage))
    for (auto linear : fused.getBody().getOps<llm::LinearOp>()) add(linear);
  else if (auto linear = dyn_cast<llm::LinearOp>(stage))
    add(linear);
  if (columns <= 0) return 1;
  int64_t chunk = kernels::chooseBlockPanels(columns) * kernels::panelColumns;
  return (columns + chunk - 1) / chunk;
}

FusionCost costOfRows(ArrayRef<Operation *> into, ArrayRef<Operation *> from) {
  OpSet all(into.begin(), into.end());
  all.insert(from.begin(), from.end());
  OpSet readers(from.begin(), from.end()), makers(into.begin(), into.end());
  FusionCost cost;
  for (Operation *op : all)
    for (Value result : op->getResults()) {
      bool stays = onlyReadBy(result, all);
      if (stays) cost.scratchBytes += resultRowBytes(result.getType());
      const OpSet &others = makers.count(op) ? readers : makers;
      bool passes = llvm::any_of(result.getUsers(), [&](Operation *user) { return others.count(user); });
      if (passes) cost.bytesSaved += resultRowBytes(result.getType()) * (stays ? 2 : 1);
    }
  return cost;
}

FusionCost costInProduct(Operation *producer, Operation *stage) {
  FusionCost cost;
  cost.flopsRecomputed = rowFlops(producer) * static_cast<double>(columnChunks(stage) - 1);
  for (Value result : producer->getResults()) {
    cost.bytesSaved += 2 * rowBytes(result.getType());
    cost.scratchBytes += rowBytes(result.getType());
  }
  return cost;
}

}  // namespace llc::compiler
