// Copies of factors as tiles of bf16 that products of pairs read: the left factor 16 rows x 32 k, the right one 16
// pairs along k x 16 columns, zeros beyond what exists. On the tile unit a tile is a register; with vectors a line of a
// right tile is one, and a word of a left tile is the pair that it is multiplied by.
#pragma once
#include "compiler/kernels/emitter.h"

namespace llc::kernels::pair_tiles {

inline constexpr int64_t mostSteps = 256;  // of k in a part: panels of three groups of columns fit a small first level

// A whole factor: part of k after part, in each all groups. The same on all targets.
struct WholeCopy {
  WholeCopy(int64_t units, int64_t k);
  int64_t bytes() const { return parts * partBytes; }

  int64_t steps, parts;  // of k in a part
  int64_t groups, groupBytes, partBytes;
};

std::string layoutName(bool isLeft);

// One factor as it is copied: rows of a, or columns of b ("units"), and where its groups of 16 go.
struct Factor {
  Value from;
  DType type;
  int64_t unitStride, stepStride;  // elements from row to row (column to column), from k to k
  Value units, copy;               // how many; where to
  int64_t groupBytes;
  bool isLeft;
  bool isWhole = false;  // 16 units and 32 steps of k are always there: the numbers of both are multiples
  bool isNear = false;   // lines are in some cache already: nothing is fetched ahead

  int64_t bytes() const { return int64_t(byteSize(type)); }
};

// `count` steps of k, rounded.
void copy(Emitter &, const Factor &, Value count);

// Copies `units` x `k` elements to a WholeCopy in chunks. Operand: the factor; result: the copy.
KernelFunction emitWholeCopy(Emitter &, const Factor &, int64_t units, int64_t k);

}  // namespace llc::kernels::pair_tiles
