// Reference evaluation of an op's program.
#include "dialect/interfaces/derive_internal.h"
#include "dialect/interfaces/interfaces.h"

namespace llc::llm {

std::shared_ptr<const Batch> Batch::contiguous(int64_t start, int64_t count, int64_t sequence) {
  auto batch = std::make_shared<Batch>();
  for (int64_t row = 0; row < count; ++row) batch->positions.push_back(start + row);
  batch->sequenceOf.assign(count, sequence);
  batch->sequenceLengths.assign(count, start + count);
  return batch;
}

namespace derive {

llvm::LogicalResult evaluate(mlir::Operation *op, llvm::ArrayRef<Datum> operands,
                             llvm::SmallVectorImpl<Datum> &results) {
  auto indexed = mlir::cast<Indexed>(op);
  if (!hasProgram(op))
    return op->emitOpError("has no meaning to evaluate; to fix: give it a program or write evaluate by hand");
  auto program = indexed.buildProgram();
  if (!program.ok()) return report(op, program.error());
  std::vector<Tensor> tensors;
  for (const Datum &operand : operands) tensors.push_back(operand.tensor);
  Scope<Tensor> scope = bindOperands<Tensor>(indexed.operandNames(), tensors);
  Scope<Shape> shapes;
  for (auto [name, type] : llvm::zip(resultNames(op), op->getResultTypes())) shapes[name] = shapeOf(type);
  auto step = [&](const index::Statement &concrete, const std::vector<Tensor> &inputs) {
    auto known = shapes.find(concrete.name);
    return index::evaluate(concrete, inputs, known == shapes.end() ? nullptr : &known->second);
  };
  Status status = runProgram<Tensor>(*program, scope, [](const Tensor &tensor) { return tensor.shape(); }, step);
  if (!status.ok()) return report(op, status.error());
  for (const std::string &name : resultNames(op)) results.push_back(scope[name]);
  return mlir::success();
}

}  // namespace derive
}  // namespace llc::llm
