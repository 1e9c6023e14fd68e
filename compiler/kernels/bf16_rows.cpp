#include "compiler/kernels/bf16_rows.h"

#include "compiler/kernels/panel_tiles.h"

namespace llc::kernels {

int64_t bf16RowsFrom(const Target &target) {
  if (target.tileUnitRows > 0) return target.tileUnitRows;
  return target.pairRows > 0 ? 1 : 0;
}

// Two tiles of 16 rows x 16 lines stay in a first level of 64 sets while all panels pass by: rows that lie 17 lines
// apart, or 32 more, spread over the sets evenly. Short rows have no room for that, and few lines.
int64_t bf16RowBytes(int64_t columns) {
  int64_t lines = roundUp(columns * 2, lineBytes) / lineBytes, spread = roundUp(lines + 15, 32) - 15;
  for (int64_t some : {spread, lines | 1})
    if (some * lineBytes <= columns * 4) return some * lineBytes;
  return columns * 4;
}

void ResultRows::store(Emitter &e, Value numbers, Value row, Value column) const {
  auto asF32 = [&](Value stored) { e.store(stored, e.gep(base, e.mul(e.add(e.mul(row, columns), column), 4)), 4); };
  auto asBf16 = [&] {
    Value offset = e.add(e.mul(row, bf16RowBytes(columns)), e.mul(column, 2));
    e.store(tileBits(e, numbers), e.gep(base, offset), 2);
  };
  if (!inBf16) return asF32(numbers);
  int64_t from = bf16RowsFrom(e.target);
  if (from == 1) return asBf16();
  e.ifElse(e.cmp(Emitter::IntCompare::sge, rows, e.c64(from)), asBf16, [&] { asF32(e.rounded(DType::bf16, numbers)); });
}

}  // namespace llc::kernels
