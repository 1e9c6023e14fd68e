// Reverse mode for tests: over straight-line functions, with nothing but the Differentiable interface.
#pragma once
#include "tests/dialect/ops/support.h"

namespace llc::llm::test {

class Backward {
 public:
  explicit Backward(mlir::func::FuncOp function) : function_(function), builder_(function.getContext()) {}

  mlir::func::FuncOp run() {
    mlir::func::FuncOp backward = declare();
    mlir::Block *entry = backward.addEntryBlock();
    builder_.setInsertionPointToStart(entry);
    mlir::IRMapping mapping;
    for (auto [argument, copy] : llvm::zip(function_.getArguments(), entry->getArguments()))
      mapping.map(argument, copy);
    llvm::SmallVector<mlir::Operation *> tape;
    mlir::Block &body = function_.getBody().front();
    for (mlir::Operation &op : body.without_terminator()) tape.push_back(builder_.clone(op, mapping));
    for (auto [result, cotangent] :
         llvm::zip(body.getTerminator()->getOperands(), entry->getArguments().drop_front(function_.getNumArguments())))
      add(mapping.lookup(result), cotangent);
    for (mlir::Operation *op : llvm::reverse(tape))
      if (mlir::failed(step(op))) return nullptr;
    llvm::SmallVector<mlir::Value> gradients;
    for (mlir::Value argument : entry->getArguments().take_front(function_.getNumArguments()))
      if (derive::isFloat(argument.getType()))
        gradients.push_back(sums_.count(argument) ? sums_[argument]
                                                  : derive::zerosLike(builder_, function_.getLoc(), argument));
    builder_.create<mlir::func::ReturnOp>(function_.getLoc(), gradients);
    return backward;
  }

 private:
  mlir::func::FuncOp declare() {
    llvm::SmallVector<mlir::Type> inputs(function_.getArgumentTypes()), outputs;
    for (mlir::Type type : function_.getArgumentTypes())
      if (derive::isFloat(type)) outputs.push_back(derive::gradientType(type));
    for (mlir::Type type : function_.getResultTypes()) inputs.push_back(derive::gradientType(type));
    builder_.setInsertionPointAfter(function_);
    return builder_.create<mlir::func::FuncOp>(function_.getLoc(), (function_.getName() + "_backward").str(),
                                               builder_.getFunctionType(inputs, outputs));
  }
  void add(mlir::Value value, mlir::Value gradient) {
    if (gradient) sums_[value] = derive::sumOf(builder_, function_.getLoc(), sums_.lookup(value), gradient);
  }
  llvm::LogicalResult step(mlir::Operation *op) {
    llvm::SmallVector<mlir::Value> gradients, operands;
    for (mlir::Value result : op->getResults()) gradients.push_back(sums_.lookup(result));
    if (mlir::failed(mlir::cast<Differentiable>(op).buildAdjoint(builder_, gradients, operands)))
      return mlir::failure();
    for (auto [operand, gradient] : llvm::zip(op->getOperands(), operands)) add(operand, gradient);
    return mlir::success();
  }

  mlir::func::FuncOp function_;
  mlir::OpBuilder builder_;
  llvm::DenseMap<mlir::Value, mlir::Value> sums_;
};

// Adds @<name>_backward(arguments..., cotangents...) -> gradients of the floating point arguments; null on failure.
inline mlir::func::FuncOp addBackward(mlir::func::FuncOp function) { return Backward(function).run(); }

}  // namespace llc::llm::test
