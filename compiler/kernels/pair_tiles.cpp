#include "compiler/kernels/pair_tiles.h"

#include <fmt/format.h>

#include "compiler/kernels/dense_block.h"
#include "compiler/kernels/kernels.h"
#include "compiler/kernels/panel_tiles.h"
#include "compiler/kernels/tile.h"
#include "compiler/kernels/tile_unit.h"

using namespace mlir;

namespace llc::kernels::pair_tiles {
namespace {

using namespace tile_unit;

constexpr int64_t chunkGroups = 16;  // of a whole copy: a KiB of a line either way
constexpr int64_t bytesAhead = 256;  // a tile reads 16 or 32 rows, more than hardware foresees

// A pair of columns (along k, or across) that lie next to each other is one register of 16 words of two elements; where
// a tile wants them the other way round, 16 registers are transposed.
class Copy {
 public:
  Copy(Emitter &e, const Factor &factor, Value count) : e(e), factor(factor), count(count) {}

  // Whole tiles in the order in which their lines lie in memory, then the edges.
  void emit() {
    bool along = factor.stepStride == 1, fast = along || factor.unitStride == 1;
    Value wholeSteps = fast ? e.div(count, tileK) : e.c64(0), steps = e.ceilDiv(count, tileK);
    Value wholeGroups = fast ? e.div(factor.units, tileRows) : e.c64(0), groups = e.ceilDiv(factor.units, tileRows);
    Value outer = along ? wholeGroups : wholeSteps, inner = along ? wholeSteps : wholeGroups;
    if (fast)
      e.loop(e.c64(0), outer, 1,
             [&](Value i) { e.loop(e.c64(0), inner, 1, [&](Value j) { along ? copyTile(i, j) : copyTile(j, i); }); });
    e.loop(e.c64(0), groups, 1, [&](Value group) {
      Value isWhole = e.cmp(Emitter::IntCompare::slt, group, wholeGroups);
      e.loop(e.select(isWhole, wholeSteps, e.c64(0)), steps, 1, [&](Value step) { copyEdge(group, step); });
    });
  }

 private:
  Value tileAt(Value group, Value step) {
    return e.gep(factor.copy, e.add(e.mul(group, factor.groupBytes), e.mul(step, tileBytes)));
  }
  Value place(Value unit, Value step) {
    Value offset = e.add(e.mul(unit, factor.unitStride), e.mul(step, factor.stepStride));
    return e.gep(factor.from, e.mul(offset, factor.bytes()));
  }
  Value bits(Value pointer) {
    if (factor.type == DType::bf16) return e.load(e.vec(16, e.i16), pointer, 2);
    return tileBits(e, e.loadFloat(factor.type, pointer, 16));
  }
  void copyTile(Value group, Value step) {
    Value corner = place(e.mul(group, tileRows), e.mul(step, tileK)), to = tileAt(group, step);
    bool along = factor.stepStride == 1;
    Values lines;
    for (int64_t i = 0; i < tileRows; i++) {
      Value first = e.gep(corner, (along ? i * factor.unitStride : 2 * i * factor.stepStride) * factor.bytes());
      Value second = e.gep(first, (along ? 16 : factor.stepStride) * factor.bytes());
      for (Value line : {first, second}) e.prefetch(e.gep(line, bytesAhead));
      lines.push_back(along ? adjacent(bits(first), bits(second)) : paired(bits(first), bits(second)));
    }
    if (along != factor.isLeft) lines = transposeSquare(e, lines);
    for (int64_t i = 0; i < tileRows; i++) e.store(lines[size_t(i)], e.gep(to, i * rowBytes), 4);
  }
  // 32 elements next to each other, as 16 words.
  Value adjacent(Value low, Value high) {
    llvm::SmallVector<int64_t> order(32);
    for (int64_t i = 0; i < 32; i++) order[size_t(i)] = i;
    return e.bitcast(e.vec(16, e.i32), e.b.create<vector::ShuffleOp>(low, high, order));
  }
  // Words of an element of each.
  Value paired(Value low, Value high) {
    Type words = e.vec(16, e.i32);
    Value shifted = e.b.create<arith::ShLIOp>(e.b.create<arith::ExtUIOp>(words, high), e.constant(words, 16));
    return e.b.create<arith::OrIOp>(e.b.create<arith::ExtUIOp>(words, low), shifted);
  }
  // Element by element, with zeros beyond what exists.
  void copyEdge(Value group, Value tile) {
    Value to = tileAt(group, tile);
    e.loop(e.c64(0), e.c64(tileRows), 1, [&](Value inGroup) {
      e.loop(e.c64(0), e.c64(tileK), 1, [&](Value inTile) {
        Value unit = e.add(e.mul(group, tileRows), inGroup), step = e.add(e.mul(tile, tileK), inTile);
        Value exists = e.b.create<arith::AndIOp>(e.cmp(Emitter::IntCompare::slt, unit, factor.units),
                                                 e.cmp(Emitter::IntCompare::slt, step, count));
        Value from = e.select(exists, place(unit, step), factor.from);
        Value value = e.select(exists, e.loadFloat(factor.type, from, 1), e.zero(e.f32));
        Value line = factor.isLeft ? inGroup : e.div(inTile, 2);
        Value inLine = factor.isLeft ? inTile : e.add(e.mul(inGroup, 2), e.rem(inTile, 2));
        e.store(e.bf16Bits(value), e.gep(to, e.add(e.mul(line, rowBytes), e.mul(inLine, 2))), 2);
      });
    });
  }

  Emitter &e;
  const Factor &factor;
  Value count;
};

}  // namespace

WholeCopy::WholeCopy(int64_t units, int64_t k)
    : steps(equalPiece(k, mostSteps, tileK)),
      parts((k + steps - 1) / steps),
      groups((units + tileRows - 1) / tileRows),
      groupBytes(steps / tileK * tileBytes),
      partBytes(groups * groupBytes) {}

void copy(Emitter &e, const Factor &factor, Value count) { Copy(e, factor, count).emit(); }

KernelFunction emitWholeCopy(Emitter &e, const Factor &factor, int64_t units, int64_t k) {
  WholeCopy whole(units, k);
  int64_t blocks = (whole.groups + chunkGroups - 1) / chunkGroups, blockUnits = chunkGroups * tileRows;
  KernelFunction shape{.symbol = "", .rowsPerChunk = 0, .columnChunks = whole.parts * blocks};
  std::string key = fmt::format("copy|{},{}|{},{}|{},{}", units, k, factor.unitStride, factor.stepStride,
                                dtypeName(factor.type), factor.isLeft);
  return e.kernel(key, fmt::format("copy_{}x{}", units, k), 2, shape, [&](const KernelArguments &in) {
    Value block = e.rem(in.chunk, blocks), part = e.div(in.chunk, blocks);
    Value unit = e.mul(block, blockUnits), step = e.mul(part, whole.steps);
    Factor piece = factor;
    Value offset = e.add(e.mul(unit, factor.unitStride), e.mul(step, factor.stepStride));
    piece.from = e.gep(in.pointers[0], e.mul(offset, factor.bytes()));
    piece.units = e.min(e.c64(blockUnits), e.sub(e.c64(units), unit));
    piece.groupBytes = whole.groupBytes;
    offset = e.add(e.mul(part, whole.partBytes), e.mul(block, chunkGroups * whole.groupBytes));
    piece.copy = e.gep(in.pointers[1], offset);
    copy(e, piece, e.min(e.c64(whole.steps), e.sub(e.c64(k), step)));
  });
}

}  // namespace llc::kernels::pair_tiles
