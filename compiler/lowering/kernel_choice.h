// Which kernel computes a stage, and with which operands. Families are tried in turn; what no family knows goes through
// the loop emitters by the op's own program.
#pragma once
#include <optional>

#include "compiler/kernels/kernels.h"
#include "compiler/memory/stages.h"
#include "mlir/IR/Operation.h"
#include "runtime/base/status.h"

namespace llc::compiler {

// How a stage may be cut along the context too, and what then runs after a barrier.
struct ContextSplit {
  kernels::AttentionParts parts;
  kernels::KernelFunction merge;  // takes operands, results, workspace
  llvm::SmallVector<mlir::Value> operands;
};

// A kernel that runs before, with a barrier behind it: makes of an operand what is read in its place.
struct Preparation {
  kernels::KernelFunction function;  // takes the operand, then the place in the workspace
  size_t operand;                    // number in KernelChoice::operands
  int64_t offset;                    // of the place
};

struct KernelChoice {
  kernels::KernelFunction function;
  llvm::SmallVector<mlir::Value> operands;  // whose memory is passed, in the kernel's order; tensor results follow
  int64_t rows = -1;                        // of the stage, where that is not for lowering to find out
  std::optional<ContextSplit> split = std::nullopt;  // then the kernel's last pointer is the workspace, or null
  llvm::SmallVector<Preparation> preparations = {};
  llvm::SmallVector<mlir::OpResult> bf16Rows = {};  // results that it stores as rows of bf16 (kernels/bf16_rows.h)
};

// What the choice depends on beside the op.
struct KernelContext {
  kernels::Emitter &emitter;
  Bounds bounds;
  const llvm::DenseSet<mlir::Value> &bf16Rows;  // results that are stored as rows of bf16

  bool hasBf16Rows(mlir::Value) const;
  // Whether the result should be stored so.
  bool wantsBf16Rows(mlir::OpResult) const;
};

// Emits the kernel function if it is not there yet. Errors: an op that nothing can compute.
Result<KernelChoice> chooseKernel(mlir::Operation *op, const KernelContext &);

// No kernel and no loop emitter can compute the op as it is (llm-decompose takes it apart).
bool needsDecomposition(mlir::Operation *op);

// ---- families: nullopt if the op is none of theirs
Result<std::optional<KernelChoice>> headProductsStage(mlir::Operation *op, const KernelContext &);
Result<std::optional<KernelChoice>> matmulKernel(mlir::Operation *op, const KernelContext &);
Result<std::optional<KernelChoice>> denseProductKernel(mlir::Operation *op, const KernelContext &);
Result<std::optional<KernelChoice>> attentionKernel(mlir::Operation *op, const KernelContext &);
bool hasRotaryKernel(mlir::Operation *rotary);
bool hasDenseAttentionKernel(mlir::Operation *op);  // llm.attention or its gradient, of types that the kernels know
Result<std::optional<KernelChoice>> indexingKernel(mlir::Operation *op, const KernelContext &);
Result<std::optional<KernelChoice>> piecesKernel(mlir::Operation *op, const KernelContext &);
Result<std::optional<KernelChoice>> scatterKernel(mlir::Operation *op, const KernelContext &);
Result<std::optional<KernelChoice>> stateKernel(mlir::Operation *op, const KernelContext &);

}  // namespace llc::compiler
