// Steps of a product on the tile unit of AMX. A tile holds 16 rows of 64 bytes: of left factors 16 rows x 32 bf16 along
// k, of right ones 16 pairs along k x 16 columns. Two by two tiles of sums take four of the eight registers, two tiles
// of each factor the others. Registers are named explicitly: LLVM's own assignment of tiles spills in the inner loop.
#pragma once
#include "compiler/kernels/emitter.h"

namespace llc::kernels::tile_unit {

inline constexpr int64_t tileRows = 16, tileK = 32, tileBytes = 1024, rowBytes = 64;

// Shapes for `length` <= 32 elements of k a tile. `settings`: 64 bytes of memory. `lastRows`: so many rows of 16 has
// the last of `height` tiles of rows.
void configure(Emitter &e, Value settings, int64_t length, int64_t height = 2, Value lastRows = {});
void release(Emitter &e);

// body(first, number) for two of `count` at a time, and for one that is left.
void inPairs(Emitter &e, Value count, llvm::function_ref<void(Value first, int64_t number)> body);

// Up to two by two tiles; rows of sums are `sumRowBytes` apart.
struct Tiles {
  int64_t height, width, sumRowBytes;
};
void zeroSums(Emitter &e, const Tiles &tiles);
void loadSums(Emitter &e, const Tiles &tiles, Value sums);
void storeSums(Emitter &e, const Tiles &tiles, Value sums);
// Tiles of a factor, `stride` bytes apart; of the left one also rows, if they are not packed.
void loadLeft(Emitter &e, const Tiles &tiles, Value from, int64_t stride, int64_t rowStride = rowBytes);
void loadRight(Emitter &e, const Tiles &tiles, Value from, int64_t stride);
void multiply(Emitter &e, const Tiles &tiles);

}  // namespace llc::kernels::tile_unit
