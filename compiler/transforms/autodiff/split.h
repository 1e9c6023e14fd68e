// Cuts a tape in two functions: what runs forwards and what runs backwards.
#pragma once
#include "compiler/transforms/autodiff/tape.h"

namespace llc::compiler {

class Split {
 public:
  // `block` ends in a return of the gradients; its first `arguments` arguments are the function's, then come
  // cotangents.
  Split(Tape &tape, mlir::Block *block, unsigned arguments, const Saving &saving);

  std::vector<unsigned> arguments() const;  // of the function that the backward reads
  llvm::ArrayRef<mlir::Value> saved() const { return saved_.getArrayRef(); }
  llvm::SmallVector<mlir::Type> backwardTypes() const;  // those arguments, what is saved, cotangents
  // The ops of the one or the other at the builder; gives what the function returns.
  llvm::SmallVector<mlir::Value> cloneForward(mlir::OpBuilder &builder);
  llvm::SmallVector<mlir::Value> cloneBackward(mlir::OpBuilder &builder);

 private:
  void need(mlir::Value value);
  void repeatWhatIsCheap();
  bool isFree(mlir::Operation *op) const;
  bool saves(mlir::Operation *op) const;
  llvm::SmallVector<mlir::Value> backwardInputs() const;

  Tape &tape_;
  mlir::Block *block_;
  unsigned arguments_;
  const Saving &saving_;
  llvm::DenseSet<mlir::Operation *> forwardOps_, again_;  // of the forward: all, and those that the backward repeats
  llvm::DenseSet<mlir::Operation *> cheaper_;             // to repeat than to save, if there is a price
  llvm::DenseSet<mlir::Value> used_;                      // arguments of the function
  llvm::SetVector<mlir::Value> saved_;
};

}  // namespace llc::compiler
