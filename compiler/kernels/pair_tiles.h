// Copies of factors as tiles of bf16 that products of pairs read: the left factor 16 rows x 32 k, the right one 16
// pairs along k x 16 columns, zeros beyond what exists. On the tile unit a tile is a register; with vectors a line of a
// right tile is one, and a word of a left tile is the pair that it is multiplied by.
#pragma once
#include "compiler/kernels/emitter.h"

namespace llc::kernels::pair_tiles {

// One factor as it is copied: rows of a, or columns of b ("units"), and where its groups of 16 go.
struct Factor {
  Value from;
  DType type;
  int64_t unitStride, stepStride;  // elements from row to row (column to column), from k to k
  Value units, copy;               // how many; where to
  int64_t groupBytes;
  bool isLeft;

  int64_t bytes() const { return int64_t(byteSize(type)); }
};

// `count` steps of k, rounded.
void copy(Emitter &, const Factor &, Value count);

}  // namespace llc::kernels::pair_tiles
