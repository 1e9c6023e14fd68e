// Activations that are numbers of bf16 and that products alone read lie between stages as those products read them: as
// rows of bf16, in the memory that is planned for them as f32. Pairs along k are side by side there, which is what dot
// products of pairs broadcast and what a row of a tile is, so that nothing is packed.
#pragma once
#include "compiler/kernels/emitter.h"

namespace llc::kernels {

inline constexpr int64_t lineBytes = 64;  // of a cache

inline int64_t roundUp(int64_t value, int64_t unit) { return (value + unit - 1) / unit * unit; }

// From so many rows of the step on x[t,k] is rows of bf16, k being even; with fewer it is f32 as always, since few rows
// are multiplied as f32 beside a tile unit. 0: the target has nothing that reads such rows.
int64_t bf16RowsFrom(const Target &);
// From row to row. Never more than the row takes as f32.
int64_t bf16RowBytes(int64_t columns);

// The bytes at `base` that a kernel writes as y[t,columns].
struct ResultRows {
  Value base;
  int64_t columns = 0;
  bool inBf16 = false;  // rows of bf16 where the target has them: numbers are rounded as they are stored
  Value rows = {};      // of the step; read only if inBf16

  void store(Emitter &, Value numbers, Value row, Value column) const;
};

}  // namespace llc::kernels
