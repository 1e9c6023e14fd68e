#include "compiler/kernels/tile_unit.h"

#include <array>
#include <cstring>

using namespace mlir;

namespace llc::kernels::tile_unit {
namespace {
constexpr int64_t leftRegister = 4, rightRegister = 6;  // sums take 0..3: row tile * 2 + panel

void move(Emitter &e, const char *name, int64_t tile, Value pointer, int64_t stride) {
  e.intrinsic(name, {e.c8(tile), pointer, e.c64(stride)});
}

void forSums(const Tiles &tiles, llvm::function_ref<void(int64_t row, int64_t panel, int64_t tile)> body) {
  for (int64_t r = 0; r < tiles.height; r++)
    for (int64_t p = 0; p < tiles.width; p++) body(r, p, r * 2 + p);
}

void moveSums(Emitter &e, const Tiles &tiles, Value sums, const char *name) {
  forSums(tiles, [&](int64_t r, int64_t p, int64_t tile) {
    move(e, name, tile, e.gep(sums, r * tileRows * tiles.sumRowBytes + p * rowBytes), tiles.sumRowBytes);
  });
}

void loadFactor(Emitter &e, int64_t first, int64_t count, Value from, int64_t stride, int64_t rowStride) {
  for (int64_t i = 0; i < count; i++) move(e, "llvm.x86.tileloadd64", first + i, e.gep(from, i * stride), rowStride);
}
}  // namespace

void configure(Emitter &e, Value settings, int64_t length, int64_t height, Value lastRows) {
  int64_t pairs = (length + 1) / 2;
  std::array<uint8_t, 64> bytes = {1};  // palette 1; from 16 on bytes a row (u16), from 48 on rows (u8)
  for (int64_t tile = 0; tile < 8; tile++) {
    bool isLeft = tile >= leftRegister && tile < rightRegister, isRight = tile >= rightRegister;
    bytes[16 + 2 * tile] = uint8_t(isLeft ? pairs * 4 : rowBytes);
    bytes[48 + tile] = uint8_t(isRight ? pairs : tileRows);
  }
  for (int64_t i = 0; i < 8; i++) {
    int64_t word;
    std::memcpy(&word, bytes.data() + 8 * i, 8);
    e.store(e.c64(word), e.gep(settings, 8 * i), 8);
  }
  if (lastRows) {
    Value byte = e.b.create<arith::TruncIOp>(e.i8, lastRows);
    for (int64_t tile : {leftRegister + height - 1, 2 * (height - 1), 2 * (height - 1) + 1})
      e.store(byte, e.gep(settings, 48 + tile));
  }
  e.intrinsic("llvm.x86.ldtilecfg", {settings});
}

void release(Emitter &e) { e.intrinsic("llvm.x86.tilerelease", ValueRange()); }

void inPairs(Emitter &e, Value count, llvm::function_ref<void(Value first, int64_t number)> body) {
  Value even = e.mul(e.div(count, 2), 2);
  e.loop(e.c64(0), even, 2, [&](Value first) { body(first, 2); });
  e.loop(even, count, 1, [&](Value first) { body(first, 1); });
}

void zeroSums(Emitter &e, const Tiles &tiles) {
  forSums(tiles, [&](int64_t, int64_t, int64_t tile) { e.intrinsic("llvm.x86.tilezero", {e.c8(tile)}); });
}
void loadSums(Emitter &e, const Tiles &tiles, Value sums) { moveSums(e, tiles, sums, "llvm.x86.tileloadd64"); }
void storeSums(Emitter &e, const Tiles &tiles, Value sums) { moveSums(e, tiles, sums, "llvm.x86.tilestored64"); }

void loadLeft(Emitter &e, const Tiles &tiles, Value from, int64_t stride, int64_t rowStride) {
  loadFactor(e, leftRegister, tiles.height, from, stride, rowStride);
}
void loadRight(Emitter &e, const Tiles &tiles, Value from, int64_t stride) {
  loadFactor(e, rightRegister, tiles.width, from, stride, rowBytes);
}

void multiply(Emitter &e, const Tiles &tiles) {
  forSums(tiles, [&](int64_t r, int64_t p, int64_t tile) {
    e.intrinsic("llvm.x86.tdpbf16ps", {e.c8(tile), e.c8(leftRegister + r), e.c8(rightRegister + p)});
  });
}

}  // namespace llc::kernels::tile_unit
