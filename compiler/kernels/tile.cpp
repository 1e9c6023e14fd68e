#include "compiler/kernels/tile.h"

namespace llc::kernels {

void Tile::setAdjacent(int64_t count) {
  vectorOffsets.clear();
  for (int64_t v = 0; v < count; v++) vectorOffsets.push_back(v * width * int64_t(byteSize(bType)));
}

Values zeroTile(Emitter &e, const Tile &tile) {
  return Values(size_t(tile.rows * tile.vectors()), e.zero(e.f(tile.width)));
}

Values emitTile(Emitter &e, const Tile &tile, Value a, Value b, Value count, Values accumulators) {
  return e.loop(e.c64(0), count, 1, accumulators, [&](Value k, ValueRange sums) {
    Value aStep = e.gep(a, e.mul(k, tile.aStepBytes)), bStep = e.gep(b, e.mul(k, tile.bStepBytes));
    if (tile.eachStep) tile.eachStep(k);
    Values columns, next;
    for (int64_t offset : tile.vectorOffsets)
      columns.push_back(e.loadFloat(tile.bType, e.gep(bStep, offset), tile.width));
    for (int64_t row = 0; row < tile.rows; row++) {
      Value scalar = e.splat(tile.width, e.load(e.f32, e.gep(aStep, row * tile.aRowBytes), 4));
      for (int64_t v = 0; v < tile.vectors(); v++)
        next.push_back(e.fma(scalar, columns[v], sums[row * tile.vectors() + v]));
    }
    return next;
  });
}

Values loadTile(Emitter &e, const Tile &tile, Value c, int64_t rowBytes) {
  Values values;
  for (int64_t row = 0; row < tile.rows; row++)
    for (int64_t v = 0; v < tile.vectors(); v++)
      values.push_back(e.load(e.f(tile.width), e.gep(c, row * rowBytes + v * tile.width * 4), 4));
  return values;
}

void storeTile(Emitter &e, const Tile &tile, ValueRange accumulators, Value c, int64_t rowBytes) {
  for (int64_t row = 0; row < tile.rows; row++)
    for (int64_t v = 0; v < tile.vectors(); v++)
      e.store(accumulators[row * tile.vectors() + v], e.gep(c, row * rowBytes + v * tile.width * 4), 4);
}

// Swaps ever smaller blocks across the diagonal.
Values transposeSquare(Emitter &e, Values square) {
  int64_t lanes = int64_t(square.size());
  for (int64_t distance = lanes / 2; distance >= 1; distance /= 2)
    for (int64_t i = 0; i < lanes; i++) {
      if (i & distance) continue;
      mlir::SmallVector<int64_t> upper, lower;
      for (int64_t lane = 0; lane < lanes; lane++) {
        upper.push_back(lane & distance ? lanes + lane - distance : lane);
        lower.push_back(lane & distance ? lanes + lane : lane + distance);
      }
      Value a = square[size_t(i)], b = square[size_t(i + distance)];
      square[size_t(i)] = e.b.create<mlir::vector::ShuffleOp>(a, b, upper);
      square[size_t(i + distance)] = e.b.create<mlir::vector::ShuffleOp>(a, b, lower);
    }
  return square;
}

}  // namespace llc::kernels
