// Runs blocks op by op through Evaluable and the call interface; no op is named.
#include "dialect/reference/interpreter.h"

#include <cmath>

#include "dialect/interfaces/interfaces.h"
#include "dialect/types/types.h"
#include "mlir/Interfaces/CallInterfaces.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "runtime/base/dtype.h"

namespace llc::llm {
namespace {

constexpr size_t deepestCall = 100;  // a recursive module must not exhaust the stack

double rounded(mlir::Type element, double value) {
  if (element.isF64()) return value;
  if (element.isF32()) return static_cast<float>(value);
  if (element.isBF16()) return fromBf16(toBf16(static_cast<float>(value)));
  if (element.isF16()) return fromF16(toF16(static_cast<float>(value)));
  return std::trunc(value);
}

llvm::LogicalResult checkShape(mlir::Operation *op, mlir::Type type, const Datum &datum) {
  if ((mlir::isa<BatchType>(type) && !datum.batch) || (mlir::isa<KvType>(type) && !datum.cache))
    return op->emitError() << "the interpreter met no handle where " << type
                           << " belongs; to fix: pass a Batch or Cache";
  auto tensor = mlir::dyn_cast<mlir::RankedTensorType>(type);
  if (!tensor) return mlir::success();
  const Shape &shape = datum.tensor.shape();
  bool fits = !datum.tensor.empty() && static_cast<int64_t>(shape.size()) == tensor.getRank();
  for (size_t d = 0; fits && d < shape.size(); ++d) fits = tensor.isDynamicDim(d) || tensor.getDimSize(d) == shape[d];
  if (fits) return mlir::success();
  std::string text;
  for (int64_t extent : shape) text += std::to_string(extent) + "x";
  return op->emitError() << "the interpreter met a value of shape " << text << " where " << type
                         << " belongs; to fix: give arguments of the function's types";
}

class BlockRun {
 public:
  BlockRun(mlir::Block &block, Environment &environment) : block_(block), environment_(environment) {}

  llvm::LogicalResult run(llvm::ArrayRef<Datum> arguments, llvm::SmallVectorImpl<Datum> &results) {
    mlir::Operation *parent = block_.getParentOp();
    if (arguments.size() != block_.getNumArguments())
      return parent->emitError() << "takes " << block_.getNumArguments() << " arguments, the interpreter was given "
                                 << arguments.size() << "; to fix: pass one value per argument";
    for (auto [argument, datum] : llvm::zip(block_.getArguments(), arguments)) {
      if (mlir::failed(checkShape(parent, argument.getType(), datum))) return mlir::failure();
      values_[argument] = datum;
    }
    for (mlir::Operation &op : block_) {
      llvm::SmallVector<Datum> operands;
      for (mlir::Value operand : op.getOperands()) operands.push_back(values_[operand]);
      if (op.hasTrait<mlir::OpTrait::IsTerminator>()) {
        results.assign(operands.begin(), operands.end());
        return mlir::success();
      }
      if (mlir::failed(step(op, operands))) return mlir::failure();
    }
    return parent->emitError("has a block without terminator; to fix: end it with a return");
  }

 private:
  llvm::LogicalResult step(mlir::Operation &op, llvm::ArrayRef<Datum> operands) {
    llvm::SmallVector<Datum> results;
    if (mlir::failed(evaluate(op, operands, results))) return mlir::failure();
    for (auto [result, datum] : llvm::zip(op.getResults(), results)) {
      if (auto tensor = mlir::dyn_cast<mlir::RankedTensorType>(result.getType()); tensor && environment_.roundToType)
        datum.tensor = roundedTo(tensor.getElementType(), datum.tensor);
      if (mlir::failed(checkShape(&op, result.getType(), datum))) return mlir::failure();
      values_[result] = datum;
    }
    if (environment_.observer && op.getNumResults()) return environment_.observer(&op, operands, results);
    return mlir::success();
  }
  llvm::LogicalResult evaluate(mlir::Operation &op, llvm::ArrayRef<Datum> operands,
                               llvm::SmallVectorImpl<Datum> &results) {
    if (auto evaluable = mlir::dyn_cast<Evaluable>(op)) return evaluable.evaluate(operands, environment_, results);
    if (auto call = mlir::dyn_cast<mlir::CallOpInterface>(op)) return runCall(call, operands, results);
    return op.emitOpError(
        "has no meaning for the interpreter; to fix: run a module of llm and func ops (a phase up to scheduled)");
  }
  llvm::LogicalResult runCall(mlir::CallOpInterface call, llvm::ArrayRef<Datum> operands,
                              llvm::SmallVectorImpl<Datum> &results) {
    auto callee = mlir::dyn_cast_or_null<mlir::FunctionOpInterface>(call.resolveCallable());
    if (!callee || callee.isExternal())
      return call.emitOpError("calls a function without a body; to fix: define it in the module");
    if (environment_.callers.size() >= deepestCall)
      return call.emitOpError("calls too deeply; to fix: remove the recursion");
    environment_.callers.push_back(call);
    llvm::LogicalResult status = interpretBlock(callee.getFunctionBody().front(), operands, environment_, results);
    environment_.callers.pop_back();
    return status;
  }

  mlir::Block &block_;
  Environment &environment_;
  llvm::DenseMap<mlir::Value, Datum> values_;
};

}  // namespace

std::map<int64_t, std::shared_ptr<Cache>> Environment::copyOfCaches() const {
  std::map<int64_t, std::shared_ptr<Cache>> copy;
  for (const auto &[layer, cache] : caches) copy[layer] = std::make_shared<Cache>(*cache);
  return copy;
}

Tensor roundedTo(mlir::Type element, const Tensor &tensor) {
  if (element.isF64() || tensor.empty()) return tensor;
  for (double value : tensor.values())
    if (rounded(element, value) != value && !std::isnan(value)) {
      Tensor result = tensor;
      for (double &item : result.mutableValues()) item = rounded(element, item);
      return result;
    }
  return tensor;
}

llvm::LogicalResult interpretBlock(mlir::Block &block, llvm::ArrayRef<Datum> arguments, Environment &environment,
                                   llvm::SmallVectorImpl<Datum> &results) {
  return BlockRun(block, environment).run(arguments, results);
}

llvm::FailureOr<std::vector<Datum>> interpret(mlir::ModuleOp module, llvm::StringRef name,
                                              llvm::ArrayRef<Datum> arguments, Environment &environment) {
  auto function = module.lookupSymbol<mlir::FunctionOpInterface>(name);
  if (!function || function.isExternal()) {
    module.emitError() << "has no function @" << name << " to interpret; to fix: name one that the module defines";
    return mlir::failure();
  }
  llvm::SmallVector<Datum> results;
  if (mlir::failed(interpretBlock(function.getFunctionBody().front(), arguments, environment, results)))
    return mlir::failure();
  return std::vector<Datum>(results.begin(), results.end());
}

}  // namespace llc::llm
