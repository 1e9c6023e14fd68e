// The register tile under every product: accumulators[row][vector] += sum over k of a[row][k] * b[k][vector], a f32.
// Matmul, attention scores and attention values differ only in where a and b lie.
#pragma once
#include <functional>
#include <vector>

#include "compiler/kernels/emitter.h"

namespace llc::kernels {

struct Tile {
  int64_t rows = 1;
  int64_t width = 1;                   // lanes of a vector (1: columns one by one)
  int64_t aRowBytes = 0;               // distance of rows of a
  std::vector<int64_t> vectorOffsets;  // byte offset of each vector of b in a step of k
  int64_t bStepBytes = 0;              // distance of steps of k in b
  DType bType = DType::f32;
  int64_t aStepBytes = 4;              // distance of steps of k in a
  std::function<void(Value k)> eachStep = {};  // emits something more into the loop, such as a prefetch
  int64_t vectors() const { return int64_t(vectorOffsets.size()); }
  // `count` vectors that lie side by side.
  void setAdjacent(int64_t count);  // after width and bType
};

Values zeroTile(Emitter &, const Tile &);
// Runs k over [0, count) and returns the accumulators, row by row.
Values emitTile(Emitter &, const Tile &, Value a, Value b, Value count, Values accumulators);
// Accumulators from and to memory: row r, vector v at c + r*rowBytes + v*width*4.
Values loadTile(Emitter &, const Tile &, Value c, int64_t rowBytes);
void storeTile(Emitter &, const Tile &, ValueRange accumulators, Value c, int64_t rowBytes);

// As many vectors as they have lanes (a power of two), transposed.
Values transposeSquare(Emitter &, Values square);

}  // namespace llc::kernels
