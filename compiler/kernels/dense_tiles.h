// Products of matrices as they lie in memory (dense_product.h) on the tile unit of AMX, where both factors are bf16 or
// are rounded to it.
#pragma once
#include "compiler/kernels/dense_block.h"

namespace llc::kernels {

bool fitsTileUnit(const Target &target, const DenseProductSpec &spec);

struct DenseTilePlan : DenseBlocks {
  DenseTilePlan(const Target &target, const DenseProductSpec &spec);
  int64_t leftBytes, panelBytes;   // of 16 rows, of 16 columns: as many tiles as a part of k has
  int64_t copyB, copyA, settings;  // offsets in scratch
  int64_t scratchBytes;
};
void emitDenseTiles(Emitter &, const DenseProductSpec &, const DenseTilePlan &, const KernelArguments &,
                    const index::ExprPtr &epilogue);

}  // namespace llc::kernels
