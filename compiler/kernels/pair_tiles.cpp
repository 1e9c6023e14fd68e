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
    bool along = isAlong(), fast = along || factor.unitStride == 1;
    Value wholeSteps = fast ? e.div(count, tileK) : e.c64(0), steps = e.ceilDiv(count, tileK);
    Value wholeGroups = fast ? e.div(factor.units, tileRows) : e.c64(0), groups = e.ceilDiv(factor.units, tileRows);
    Value outer = along ? wholeGroups : wholeSteps, inner = along ? wholeSteps : wholeGroups;
    bool byTwo = fast && !along && factor.type == DType::bf16 && !factor.isLeft;
    Value twos = byTwo ? e.mul(e.div(inner, 2), 2) : e.c64(0);
    if (fast)
      e.loop(e.c64(0), outer, 1, [&](Value i) {
        if (byTwo) e.loop(e.c64(0), twos, 2, [&](Value j) { copyTwoTiles(j, i); });
        e.loop(twos, inner, 1, [&](Value j) { along ? copyTile(i, j) : copyTile(j, i); });
      });
    if (fast && factor.isWhole) return;
    bool byVectors = fast && (factor.type == DType::bf16 || factor.type == DType::f32);
    e.loop(e.c64(0), groups, 1, [&](Value group) {
      Value isWhole = e.cmp(Emitter::IntCompare::slt, group, wholeGroups);
      e.loop(e.select(isWhole, wholeSteps, e.c64(0)), steps, 1,
             [&](Value step) { byVectors ? copyPartOfTile(group, step) : copyElements(group, step); });
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
    Values lines;
    for (int64_t i = 0; i < tileRows; i++) {
      auto [first, second] = halvesOfLine(group, step, i);
      for (Value line : {first, second}) fetchAhead(line);
      lines.push_back(line(bits(first), bits(second)));
    }
    store(lines, group, step);
  }
  // Two groups of columns that are adjacent in memory, as wide as a register: each line is read once.
  void copyTwoTiles(Value group, Value step) {
    Type row = e.vec(2 * tileRows, e.i16);
    llvm::SmallVector<int64_t> orders[2];
    for (int64_t i = 0; i < 4 * tileRows; i++) orders[i / (2 * tileRows)].push_back(i / 2 + i % 2 * 2 * tileRows);
    Value to[] = {tileAt(group, step), tileAt(e.add(group, 1), step)};
    for (int64_t i = 0; i < tileRows; i++) {
      auto [first, second] = halvesOfLine(group, step, i);
      Values rows;
      for (Value pointer : {first, second}) {
        fetchAhead(pointer);
        rows.push_back(e.load(row, pointer, 2));
      }
      for (size_t t = 0; t < 2; t++)
        e.store(e.b.create<vector::ShuffleOp>(rows[0], rows[1], orders[t]), e.gep(to[t], i * rowBytes), 4);
    }
  }
  void fetchAhead(Value line) {
    if (!factor.isNear) e.prefetch(e.gep(line, bytesAhead));
  }
  // Where the two times 16 elements begin that make a line of words.
  std::pair<Value, Value> halvesOfLine(Value group, Value step, int64_t i) {
    Value corner = place(e.mul(group, tileRows), e.mul(step, tileK));
    Value first = e.gep(corner, (isAlong() ? i * factor.unitStride : 2 * i * factor.stepStride) * factor.bytes());
    return {first, e.gep(first, (isAlong() ? 16 : factor.stepStride) * factor.bytes())};
  }
  bool isAlong() const { return factor.stepStride == 1; }
  Value line(Value low, Value high) { return isAlong() ? adjacent(low, high) : paired(low, high); }
  void store(Values lines, Value group, Value step) {
    if (isAlong() != factor.isLeft) lines = transposeSquare(e, lines);
    Value to = tileAt(group, step);
    for (int64_t i = 0; i < tileRows; i++) e.store(lines[size_t(i)], e.gep(to, i * rowBytes), 4);
  }
  // As copyTile, with zeros beyond what exists, which is not read.
  void copyPartOfTile(Value group, Value step) {
    Value units = e.sub(factor.units, e.mul(group, tileRows)), steps = e.sub(count, e.mul(step, tileK));
    Value across = isAlong() ? units : steps, inLine = isAlong() ? steps : units;
    auto existing = [&](int64_t number) {
      Value exists = e.cmp(Emitter::IntCompare::slt, e.c64(number), across);
      return e.select(exists, inLine, e.c64(0));
    };
    Values lines;
    for (int64_t i = 0; i < tileRows; i++) {
      auto [first, second] = halvesOfLine(group, step, i);
      if (isAlong())
        lines.push_back(line(firstBits(first, existing(i)), firstBits(second, e.sub(existing(i), e.c64(16)))));
      else
        lines.push_back(line(firstBits(first, existing(2 * i)), firstBits(second, existing(2 * i + 1))));
    }
    store(lines, group, step);
  }
  // 16 elements, of which `number` exist.
  Value firstBits(Value pointer, Value number) {
    auto words = [&](Value value) { return e.splat(16, e.b.create<arith::TruncIOp>(e.i32, value)); };
    Value mask = e.cmp(Emitter::IntCompare::slt, e.iota(16), words(e.min(number, e.c64(16))));
    Type type = factor.type == DType::bf16 ? e.vec(16, e.i16) : e.f(16);
    Value loaded = e.b.create<LLVM::MaskedLoadOp>(type, pointer, mask, e.zero(type), unsigned(factor.bytes()));
    return factor.type == DType::bf16 ? loaded : tileBits(e, loaded);
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
  // The same element by element, for any strides.
  void copyElements(Value group, Value tile) {
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

std::string layoutName(bool isLeft) {
  return isLeft ? "tiles of 16 rows x 32, bf16" : "tiles of 16 pairs x 16 columns, bf16";
}

void copy(Emitter &e, const Factor &factor, Value count) { Copy(e, factor, count).emit(); }

KernelFunction emitWholeCopy(Emitter &e, const Factor &factor, int64_t units, int64_t k) {
  WholeCopy whole(units, k);
  int64_t blocks = (whole.groups + chunkGroups - 1) / chunkGroups, blockUnits = chunkGroups * tileRows;
  KernelFunction shape{.symbol = "", .rowsPerChunk = 0, .columnChunks = whole.parts * blocks};
  shape.copies = {{.what = "", .layout = layoutName(factor.isLeft), .blockBytes = whole.bytes(), .isStage = true}};
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
