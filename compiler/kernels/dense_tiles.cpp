// Both factors are copied to tiles of bf16: the left one 16 rows x 32 k, the right one 16 pairs along k x 16 columns,
// zeros beyond what exists. A pair of columns (along k, or across) that lie next to each other is one register of 16
// words of two elements; where a tile wants them the other way round, 16 registers are transposed.
#include "compiler/kernels/dense_tiles.h"

#include "compiler/kernels/kernels.h"
#include "compiler/kernels/panel_tiles.h"
#include "compiler/kernels/tile.h"
#include "compiler/kernels/tile_unit.h"

using namespace mlir;

namespace llc::kernels {
namespace {

using namespace tile_unit;

constexpr int64_t widening = 2;      // of blocks against those of packed weights: both factors are copied for each
constexpr int64_t bytesAhead = 256;  // a tile reads 16 or 32 rows, more than hardware foresees

DType multiplied(DType stored, DType rounded) { return rounded == DType::f32 ? stored : rounded; }

// One factor as it is copied: rows of a, or columns of b, and where its groups of 16 go.
struct Factor {
  Value from;
  DType type;
  int64_t unitStride, stepStride;  // elements from row to row (column to column), from k to k
  Value units, copy;               // how many; scratch
  int64_t groupBytes;
  bool alongSteps;  // a line of a tile holds the pairs of one row (left), or one pair of all columns (right)

  int64_t bytes() const { return int64_t(byteSize(type)); }
};

class TileUnitProduct final : public DenseBlock {
 public:
  TileUnitProduct(Emitter &e, const DenseProductSpec &spec, const DenseTilePlan &plan, const KernelArguments &in)
      : DenseBlock(e, spec, plan, in), plan(plan) {}

 private:
  void begin() override { configure(e, e.gep(in.scratch, plan.settings), tileK); }
  void end() override { release(e); }

  void multiply(Value aPart, Value bPart, Value count) override {
    Value copyA = e.gep(in.scratch, plan.copyA), copyB = e.gep(in.scratch, plan.copyB);
    copy({aPart, spec.aType, spec.aRow, spec.aStep, rows, copyA, plan.leftBytes, true}, count);
    copy({bPart, spec.bType, spec.bColumn, spec.bStep, columns, copyB, plan.panelBytes, false}, count);
    Value steps = e.ceilDiv(count, tileK);
    inPairs(e, e.ceilDiv(rows, tileRows), [&](Value rowTile, int64_t height) {
      inPairs(e, panelCount, [&](Value panel, int64_t width) { block(rowTile, panel, height, width, steps); });
    });
  }

  // ---- copies
  // Whole tiles in the order in which their lines lie in memory, then the edges.
  void copy(const Factor &factor, Value count) {
    bool along = factor.stepStride == 1, fast = along || factor.unitStride == 1;
    Value wholeSteps = fast ? e.div(count, tileK) : e.c64(0), steps = e.ceilDiv(count, tileK);
    Value wholeGroups = fast ? e.div(factor.units, tileRows) : e.c64(0), groups = e.ceilDiv(factor.units, tileRows);
    Value outer = along ? wholeGroups : wholeSteps, inner = along ? wholeSteps : wholeGroups;
    if (fast)
      e.loop(e.c64(0), outer, 1, [&](Value i) {
        e.loop(e.c64(0), inner, 1, [&](Value j) { along ? copyTile(factor, i, j) : copyTile(factor, j, i); });
      });
    e.loop(e.c64(0), groups, 1, [&](Value group) {
      Value isWhole = e.cmp(Emitter::IntCompare::slt, group, wholeGroups);
      e.loop(e.select(isWhole, wholeSteps, e.c64(0)), steps, 1,
             [&](Value step) { copyEdge(factor, group, step, count); });
    });
  }
  Value tileAt(const Factor &factor, Value group, Value step) {
    return e.gep(factor.copy, e.add(e.mul(group, factor.groupBytes), e.mul(step, tileBytes)));
  }
  Value place(const Factor &factor, Value unit, Value step) {
    Value offset = e.add(e.mul(unit, factor.unitStride), e.mul(step, factor.stepStride));
    return e.gep(factor.from, e.mul(offset, factor.bytes()));
  }
  Value bits(const Factor &factor, Value pointer) {
    if (factor.type == DType::bf16) return e.load(e.vec(16, e.i16), pointer, 2);
    return tileBits(e, e.loadFloat(factor.type, pointer, 16));
  }
  void copyTile(const Factor &factor, Value group, Value step) {
    Value corner = place(factor, e.mul(group, tileRows), e.mul(step, tileK)), to = tileAt(factor, group, step);
    bool along = factor.stepStride == 1;
    Values lines;
    for (int64_t i = 0; i < tileRows; i++) {
      Value first = e.gep(corner, (along ? i * factor.unitStride : 2 * i * factor.stepStride) * factor.bytes());
      Value second = e.gep(first, (along ? 16 : factor.stepStride) * factor.bytes());
      for (Value line : {first, second}) e.prefetch(e.gep(line, bytesAhead));
      lines.push_back(along ? adjacent(bits(factor, first), bits(factor, second))
                            : paired(bits(factor, first), bits(factor, second)));
    }
    if (along != factor.alongSteps) lines = transposeSquare(e, lines);
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
  void copyEdge(const Factor &factor, Value group, Value tile, Value count) {
    Value to = tileAt(factor, group, tile);
    e.loop(e.c64(0), e.c64(tileRows), 1, [&](Value inGroup) {
      e.loop(e.c64(0), e.c64(tileK), 1, [&](Value inTile) {
        Value unit = e.add(e.mul(group, tileRows), inGroup), step = e.add(e.mul(tile, tileK), inTile);
        Value exists = e.b.create<arith::AndIOp>(e.cmp(Emitter::IntCompare::slt, unit, factor.units),
                                                 e.cmp(Emitter::IntCompare::slt, step, count));
        Value from = e.select(exists, place(factor, unit, step), factor.from);
        Value value = e.select(exists, e.loadFloat(factor.type, from, 1), e.zero(e.f32));
        Value line = factor.alongSteps ? inGroup : e.div(inTile, 2);
        Value inLine = factor.alongSteps ? inTile : e.add(e.mul(inGroup, 2), e.rem(inTile, 2));
        e.store(e.bf16Bits(value), e.gep(to, e.add(e.mul(line, rowBytes), e.mul(inLine, 2))), 2);
      });
    });
  }

  // ---- products
  void block(Value rowTile, Value panel, int64_t height, int64_t width, Value steps) {
    Value row = e.mul(rowTile, tileRows);
    Value sums = e.gep(in.scratch, e.add(e.mul(row, plan.sumRowBytes), e.mul(panel, rowBytes)));
    Tiles tiles{height, width, plan.sumRowBytes};
    if (plan.isOneSum)
      tile_unit::zeroSums(e, tiles);
    else
      loadSums(e, tiles, sums);
    Value left = e.gep(in.scratch, e.add(e.mul(rowTile, plan.leftBytes), plan.copyA));
    Value right = e.gep(in.scratch, e.add(e.mul(panel, plan.panelBytes), plan.copyB));
    e.loop(e.c64(0), steps, 1, [&](Value step) {
      Value offset = e.mul(step, tileBytes);
      loadLeft(e, tiles, e.gep(left, offset), plan.leftBytes);
      loadRight(e, tiles, e.gep(right, offset), plan.panelBytes);
      tile_unit::multiply(e, tiles);
    });
    storeSums(e, tiles, sums);
  }

  const DenseTilePlan &plan;
};

}  // namespace

bool fitsTileUnit(const Target &target, const DenseProductSpec &spec) {
  return target.tileUnitRows > 0 && spec.m >= target.tileUnitRows && spec.n >= panelColumns &&
         multiplied(spec.aType, spec.aRounded) == DType::bf16 && multiplied(spec.bType, spec.bRounded) == DType::bf16;
}

DenseTilePlan::DenseTilePlan(const Target &target, const DenseProductSpec &spec)
    : DenseBlocks(spec, {target.rowBlock, tileRows, widening * target.tileUnitPanels, target.tileUnitK, tileK}) {
  leftBytes = panelBytes = steps / tileK * tileBytes;
  copyB = copies;
  copyA = copyB + blockPanels * panelBytes;
  settings = copyA + rows / tileRows * leftBytes;
  scratchBytes = settings + 64;
}

void emitDenseTiles(Emitter &e, const DenseProductSpec &spec, const DenseTilePlan &plan, const KernelArguments &in,
                    const index::ExprPtr &epilogue) {
  TileUnitProduct(e, spec, plan, in).emit(epilogue);
}

}  // namespace llc::kernels
