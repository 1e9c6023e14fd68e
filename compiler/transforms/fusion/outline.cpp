#include "compiler/transforms/fusion/outline.h"

namespace llc::compiler {
using namespace mlir;
namespace {

void cloneInto(OpBuilder &builder, Operation *op, IRMapping &mapping) {
  auto fused = dyn_cast<llm::FusedOp>(op);
  if (!fused) {
    Operation *copy = builder.clone(*op, mapping);
    copy->setLoc(op->getLoc());
    return;
  }
  Block &body = fused.getBody().front();
  IRMapping inner;
  for (auto [argument, operand] : llvm::zip(body.getArguments(), fused.getInputs()))
    inner.map(argument, mapping.lookup(operand));
  for (Operation &own : body.without_terminator()) builder.clone(own, inner);
  for (auto [value, result] : llvm::zip(body.getTerminator()->getOperands(), fused.getResults()))
    mapping.map(result, inner.lookup(value));
}
}  // namespace

llm::FusedOp outline(ArrayRef<Operation *> ops) {
  llvm::SmallPtrSet<Operation *, 8> members(ops.begin(), ops.end());
  llvm::SetVector<Value> inputs, outputs;
  llvm::SmallVector<Location> locations;
  for (Operation *op : ops) {
    locations.push_back(op->getLoc());
    for (Value operand : op->getOperands())
      if (!operand.getDefiningOp() || !members.count(operand.getDefiningOp())) inputs.insert(operand);
    for (Value result : op->getResults())
      if (llvm::any_of(result.getUsers(), [&](Operation *user) { return !members.count(user); }))
        outputs.insert(result);
  }
  if (outputs.empty()) return {};
  OpBuilder builder(ops.back());
  llvm::SmallVector<Type> types;
  for (Value output : outputs) types.push_back(output.getType());
  auto fused = builder.create<llm::FusedOp>(builder.getFusedLoc(locations), types, inputs.getArrayRef());
  Block *body = builder.createBlock(&fused.getBody());
  IRMapping mapping;
  for (Value input : inputs) mapping.map(input, body->addArgument(input.getType(), input.getLoc()));
  for (Operation *op : ops) cloneInto(builder, op, mapping);
  llvm::SmallVector<Value> yielded;
  for (Value output : outputs) yielded.push_back(mapping.lookup(output));
  builder.create<llm::YieldOp>(fused.getLoc(), yielded);
  for (size_t i = 0; i < outputs.size(); ++i) Value(outputs[i]).replaceAllUsesWith(fused.getResult(i));
  for (Operation *op : llvm::reverse(ops)) op->erase();
  return fused;
}

}  // namespace llc::compiler
