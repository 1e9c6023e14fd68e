// The cheapest choice between saving values and computing them again, as a minimum cut: of a function's ops R (computed
// again, at the cost of their work) and values X (needed by the backward, saved at the cost of their bytes unless their
// op is computed again), where R makes X of every operand needed. Exact, as every term has the form "a and not b"
// (Picard, Maximal Closure of a Graph, 1976).
#pragma once
#include "llvm/ADT/DenseSet.h"
#include "mlir/IR/Operation.h"

namespace llc::compiler {

// The ops of `forward` that are computed again when `needed` (results of theirs) must be had: those that make least
// scalar operations (at least 8 for a byte that an op moves: the roofline) plus `price` per byte saved. `isFree`:
// values that are made again in any case.
llvm::DenseSet<mlir::Operation *> leastRecomputation(const llvm::DenseSet<mlir::Operation *> &forward,
                                                     llvm::ArrayRef<mlir::Value> needed, double price,
                                                     llvm::function_ref<bool(mlir::Operation *)> isFree);

}  // namespace llc::compiler
