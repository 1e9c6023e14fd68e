// Element-wise ops on the result of a matrix product, as one scalar expression (kernels::MatmulSpec::epilogue).
#pragma once
#include <optional>

#include "dialect/interfaces/index.h"
#include "dialect/ops/llm.h"

namespace llc::compiler {

// How an epilogue reads an operand: like the result, once per column, once per row.
inline constexpr const char *readsMatrix = "tn", *readsColumns = "n", *readsRows = "t";

bool isPlainF32(mlir::Type);  // a tensor of f32, not packed

// An op that may be part of an epilogue: f32[t,n] results computed element by element.
struct ElementwiseOp {
  index::ExprPtr body;             // over the op's operands by number
  std::vector<std::string> reads;  // of each operand
};
std::optional<ElementwiseOp> asElementwise(mlir::Operation *op);

// The element-wise ops of a fused stage with products as one expression: over the products in the order in which they
// were added, then over further operands of the stage.
class Epilogue {
 public:
  explicit Epilogue(llm::FusedOp stage) : stage_(stage) {}
  void addProduct(mlir::Value result);  // before the first op
  // False: the op is none that an epilogue can hold.
  bool add(mlir::Operation *op);
  // The value as an expression; null if no product or op that was added makes it.
  index::ExprPtr expressionOf(mlir::Value value) const;

  const std::vector<std::string> &readings() const { return readings_; }  // of the further operands
  llvm::ArrayRef<mlir::Value> operands() const { return operands_; }      // outside of the stage

 private:
  llm::FusedOp stage_;
  size_t products_ = 0;
  llvm::DenseMap<mlir::Value, index::ExprPtr> expressions_;
  std::vector<std::string> readings_;
  llvm::SmallVector<mlir::Value> operands_;
};

}  // namespace llc::compiler
