// Products of matrices as they lie in memory (dense_product.h) where both factors are bf16 or are rounded to it: on the
// tile unit of AMX, or with vectors of dot products of pairs. Both ways multiply the same copies (pair_tiles.h).
#pragma once
#include "compiler/kernels/dense_block.h"

namespace llc::kernels {

bool fitsPairs(const Target &target, const DenseProductSpec &spec);

struct DensePairPlan : DenseBlocks {
  DensePairPlan(const Target &target, const DenseProductSpec &spec);
  bool usesTileUnit;
  bool isDirect;                   // sums are stored where y is, which is then ready
  bool copiesAhead;                // the next part of k of b, while one is multiplied
  int64_t groupBytes;              // of 16 rows, of 16 columns: as many tiles as a part of k has
  int64_t copyB, copyA, settings;  // offsets in scratch
  int64_t scratchBytes;
};
void emitDensePairs(Emitter &, const DenseProductSpec &, const DensePairPlan &, const KernelArguments &,
                    const index::ExprPtr &epilogue);

}  // namespace llc::kernels
