// Which ops make queries, keys and values such that one kernel can (kernels::HeadProductsSpec).
#pragma once
#include "compiler/kernels/head_products.h"
#include "dialect/ops/llm.h"

namespace llc::compiler {

// linear, then element-wise ops with vectors over the columns, then reshape to heads, then a row program over each
// head, then the rotation. What is missing is null or empty.
struct HeadPart {
  llm::LinearOp linear;
  llvm::SmallVector<mlir::Operation *> epilogue;  // in order
  llm::ReshapeOp heads;
  mlir::Operation *program = nullptr;
  llm::RotaryOp rotary;
};
struct HeadProducts {
  HeadPart query, key, value;
  llm::CacheAppendOp append;
  // All ops, in no order.
  llvm::SmallVector<mlir::Operation *> members();
};

// Reads the ops behind `query`, and behind the keys and values of `append`; in a function or in the region of
// llm.fused. Every value between them must have one reader. The error says what does not fit.
Result<HeadProducts> headProductsOf(llm::CacheAppendOp append, mlir::Value query);

// The kernel's specification, and its operands as values that `products` reads from outside its members.
struct HeadProductsKernel {
  kernels::HeadProductsSpec spec;
  llvm::SmallVector<mlir::Value> operands;
};
HeadProductsKernel headProductsKernel(HeadProducts &products);

}  // namespace llc::compiler
