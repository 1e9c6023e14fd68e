#include "compiler/kernels/dense_pairs.h"

#include "compiler/kernels/kernels.h"
#include "compiler/kernels/pair_tiles.h"
#include "compiler/kernels/tile_unit.h"

using namespace mlir;

namespace llc::kernels {
namespace {

using tile_unit::rowBytes, tile_unit::tileBytes, tile_unit::tileK, tile_unit::tileRows;

constexpr int64_t widening = 2;  // of the tile unit's blocks against those of packed weights: both factors are copied
// Vectors: sums of eight rows by three panels take 24 of 32 registers.
constexpr int64_t dotRows = 8, dotPanels = 3;

DType multiplied(DType stored, DType rounded) { return rounded == DType::f32 ? stored : rounded; }

// Copies both factors, then multiplies block by block.
class PairProduct : public DenseBlock {
 public:
  PairProduct(Emitter &e, const DenseProductSpec &spec, const DensePairPlan &plan, const KernelArguments &in)
      : DenseBlock(e, spec, plan, in), plan(plan) {}

 protected:
  // The sums of the block += the copies' products, `steps` tiles along k.
  virtual void multiplyCopies(Value steps) = 0;

  void multiply(Value aPart, Value bPart, Value count) override {
    Value copyA = e.gep(in.scratch, plan.copyA), copyB = e.gep(in.scratch, plan.copyB);
    pair_tiles::copy(e, {aPart, spec.aType, spec.aRow, spec.aStep, rows, copyA, plan.groupBytes, true}, count);
    pair_tiles::copy(e, {bPart, spec.bType, spec.bColumn, spec.bStep, columns, copyB, plan.groupBytes, false}, count);
    multiplyCopies(e.ceilDiv(count, tileK));
  }
  Value sumsAt(Value row, Value panel) {
    return e.gep(in.scratch, e.add(e.mul(row, plan.sumRowBytes), e.mul(panel, rowBytes)));
  }
  Value leftAt(Value rowTile) { return e.gep(in.scratch, e.add(e.mul(rowTile, plan.groupBytes), plan.copyA)); }
  Value rightAt(Value panel) { return e.gep(in.scratch, e.add(e.mul(panel, plan.groupBytes), plan.copyB)); }

  const DensePairPlan &plan;
};

class TileUnitProduct final : public PairProduct {
  using PairProduct::PairProduct;

  void begin() override { tile_unit::configure(e, e.gep(in.scratch, plan.settings), tileK); }
  void end() override { tile_unit::release(e); }

  void multiplyCopies(Value steps) override {
    tile_unit::inPairs(e, e.ceilDiv(rows, tileRows), [&](Value rowTile, int64_t height) {
      tile_unit::inPairs(e, panelCount,
                         [&](Value panel, int64_t width) { block(rowTile, panel, height, width, steps); });
    });
  }
  void block(Value rowTile, Value panel, int64_t height, int64_t width, Value steps) {
    Value sums = sumsAt(e.mul(rowTile, tileRows), panel), left = leftAt(rowTile), right = rightAt(panel);
    tile_unit::Tiles tiles{height, width, plan.sumRowBytes};
    if (plan.isOneSum)
      tile_unit::zeroSums(e, tiles);
    else
      tile_unit::loadSums(e, tiles, sums);
    e.loop(e.c64(0), steps, 1, [&](Value step) {
      Value offset = e.mul(step, tileBytes);
      tile_unit::loadLeft(e, tiles, e.gep(left, offset), plan.groupBytes);
      tile_unit::loadRight(e, tiles, e.gep(right, offset), plan.groupBytes);
      tile_unit::multiply(e, tiles);
    });
    tile_unit::storeSums(e, tiles, sums);
  }
};

// Some panels stay in the first level while all rows pass.
class PairDotProduct final : public PairProduct {
  using PairProduct::PairProduct;

  void multiplyCopies(Value steps) override {
    Value done = e.c64(0), lines = e.ceilDiv(rows, dotRows);
    for (int64_t width = dotPanels; width >= 1; width--) {
      Value until = e.add(done, e.mul(e.div(e.sub(panelCount, done), width), width));
      e.loop(done, until, width, [&](Value panel) {
        e.loop(e.c64(0), lines, 1, [&](Value line) { block(e.mul(line, dotRows), panel, width, steps); });
      });
      done = until;
    }
  }
  void block(Value row, Value panel, int64_t width, Value steps) {
    Value place = sumsAt(row, panel), right = rightAt(panel);
    Value left = e.gep(leftAt(e.div(row, tileRows)), e.mul(e.rem(row, tileRows), rowBytes));
    auto sumAt = [&](int64_t i) { return e.gep(place, i / width * plan.sumRowBytes + i % width * rowBytes); };
    Values sums;
    for (int64_t i = 0; i < dotRows * width; i++)
      sums.push_back(plan.isOneSum ? e.zero(e.f(lanes)) : e.load(e.f(lanes), sumAt(i), 4));
    sums = e.loop(e.c64(0), steps, 1, sums, [&](Value step, ValueRange carried) {
      Value offset = e.mul(step, tileBytes), leftTile = e.gep(left, offset), rightTile = e.gep(right, offset);
      return e.loop(e.c64(0), e.c64(tileK / 2), 1, carried, [&](Value pair, ValueRange inTile) {
        return addPair(e.gep(leftTile, e.mul(pair, 4)), e.gep(rightTile, e.mul(pair, rowBytes)), width, inTile);
      });
    });
    for (size_t i = 0; i < sums.size(); i++) e.store(sums[i], sumAt(int64_t(i)), 4);
  }
  // Sums of dotRows x width vectors += the products of a pair along k.
  Values addPair(Value left, Value right, int64_t width, ValueRange sums) {
    Type pairs = e.vec(2 * lanes, e.bf16);
    Values columns, next;
    for (int64_t p = 0; p < width; p++) columns.push_back(e.load(pairs, e.gep(right, p * plan.groupBytes), 4));
    for (int64_t r = 0; r < dotRows; r++) {
      Value pair = e.bitcast(pairs, e.splat(lanes, e.load(e.i32, e.gep(left, r * rowBytes), 4)));
      for (int64_t p = 0; p < width; p++)
        next.push_back(e.intrinsic("llvm.x86.avx512bf16.dpbf16ps.512", e.f(lanes),
                                   {sums[size_t(r * width + p)], pair, columns[size_t(p)]}));
    }
    return next;
  }
};

bool fitsTileUnit(const Target &target, const DenseProductSpec &spec) {
  return target.tileUnitRows > 0 && spec.m >= target.tileUnitRows && spec.n >= panelColumns;
}

DenseBlocks::Limits limitsOf(const Target &target, const DenseProductSpec &spec) {
  if (fitsTileUnit(target, spec))
    return {target.rowBlock, tileRows, widening * target.tileUnitPanels, target.tileUnitK, tileK};
  return {256, tileRows, 24, 256, tileK};
}

}  // namespace

bool fitsPairs(const Target &target, const DenseProductSpec &spec) {
  return (target.pairDots || fitsTileUnit(target, spec)) && multiplied(spec.aType, spec.aRounded) == DType::bf16 &&
         multiplied(spec.bType, spec.bRounded) == DType::bf16;
}

DensePairPlan::DensePairPlan(const Target &target, const DenseProductSpec &spec)
    : DenseBlocks(spec, limitsOf(target, spec)), usesTileUnit(fitsTileUnit(target, spec)) {
  groupBytes = steps / tileK * tileBytes;
  copyB = copies;
  copyA = copyB + blockPanels * groupBytes;
  settings = copyA + rows / tileRows * groupBytes;
  scratchBytes = settings + 64;
}

void emitDensePairs(Emitter &e, const DenseProductSpec &spec, const DensePairPlan &plan, const KernelArguments &in,
                    const index::ExprPtr &epilogue) {
  if (plan.usesTileUnit)
    TileUnitProduct(e, spec, plan, in).emit(epilogue);
  else
    PairDotProduct(e, spec, plan, in).emit(epilogue);
}

}  // namespace llc::kernels
