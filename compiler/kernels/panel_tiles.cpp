// A panel of bf16 weights is a row of tiles as it lies in memory: 16 pairs along k x 16 columns. So are rows of bf16 of
// activations: 16 rows x 32 k. Others are copied to tiles as the sum of two bf16 numbers: each adds a product with the
// same weights. k goes in blocks that the first-level cache holds; between blocks the sums wait in scratch.
#include "compiler/kernels/panel_tiles.h"

#include <algorithm>

#include "compiler/kernels/kernels.h"
#include "compiler/kernels/tile_unit.h"

using namespace mlir;

namespace llc::kernels {
namespace {

using namespace tile_unit;

class TileSums : PanelWork {
 public:
  TileSums(Emitter &e, const PanelPlan &plan, const PanelWork &work)
      : PanelWork(work), e(e), plan(plan), rowTiles(e.ceilDiv(rows, tileRows)) {}

  void emit() {
    int64_t whole = plan.k / tileK * tileK, rest = plan.k - whole;
    if (whole)
      e.loop(e.c64(0), e.c64(whole), plan.tileUnitK, [&](Value first) {
        Value length = e.min(e.c64(plan.tileUnitK), e.sub(e.c64(whole), first));
        if (!plan.xInBf16) packRows(first, length);
        multiply(first, e.div(length, tileK), tileK, e.cmp(Emitter::IntCompare::eq, first, e.c64(0)));
      });
    if (rest) {
      // A second shape of tiles: nothing behind the end of a panel or of a row is read.
      if (!plan.xInBf16) packRest(whole, rest);
      multiply(e.c64(whole), e.c64(1), rest, e.constant(e.i1, whole == 0));
    }
    release(e);
  }

 private:
  void configure(int64_t length, int64_t height = 2, Value lastRows = {}) {
    tile_unit::configure(e, e.gep(scratch, plan.restOffset()), length, height, lastRows);
  }

  // ---- activations that are copied: [term][row tile][k tile][16 rows][32 k]
  int64_t kTiles() const { return plan.tileUnitK / tileK; }
  Value packedTile(Value rowTile, Value kTile) {
    Value number = e.add(e.mul(rowTile, kTiles()), kTile);
    return e.gep(scratch, e.add(e.mul(number, tileBytes), plan.termOffset(0)));
  }
  Value packedRow(Value row, Value kTile) {
    return e.gep(packedTile(e.div(row, tileRows), kTile), e.mul(e.rem(row, tileRows), rowBytes));
  }
  // Rows [0, rows) of k [first, first + length), whole tiles along k.
  void packRows(Value first, Value length) {
    Value tiles = e.div(length, tileK);
    e.loop(e.c64(0), rows, 1, [&](Value row) {
      Value source = e.gep(x, e.mul(e.add(e.mul(row, plan.k), first), 4));
      e.loop(e.c64(0), tiles, 1, [&](Value tile) {
        Value target = packedRow(row, tile);
        for (int64_t half = 0; half < 2; half++) {
          Value at = e.gep(source, e.add(e.mul(tile, tileK * 4), half * 64));
          storeTerms(e.load(e.f(16), at, 4), e.gep(target, half * 32));
        }
      });
    });
  }
  void packRest(int64_t first, int64_t length) {
    e.loop(e.c64(0), rows, 1, [&](Value row) {
      Value source = e.gep(x, e.add(e.mul(row, plan.k * 4), first * 4)), target = packedRow(row, e.c64(0));
      e.loop(e.c64(0), e.c64(length), 1,
             [&](Value i) { storeTerms(e.load(e.f32, e.gep(source, e.mul(i, 4)), 4), e.gep(target, e.mul(i, 2))); });
      if (length % 2)
        for (int64_t term = 0; term < plan.terms; term++)
          e.store(e.zero(e.i16), e.gep(target, term * plan.termBytes() + length * 2), 2);
    });
  }
  // A value as a sum of bf16 numbers: each term is what the ones before left over, nothing of an infinity.
  void storeTerms(Value value, Value target) {
    int64_t width = Emitter::widthOf(value);
    Type words = e.vec(width, e.i32);
    for (int64_t term = 0; term < plan.terms; term++) {
      Value bits = tileBits(e, value);
      e.store(bits, e.gep(target, term * plan.termBytes()), 2);
      if (term + 1 == plan.terms) return;
      Value wide = e.b.create<arith::ShLIOp>(e.b.create<arith::ExtUIOp>(words, bits), e.constant(words, 16));
      Value taken = e.bitcast(e.f(width), wide);
      Value isAll = e.b.create<arith::CmpFOp>(arith::CmpFPredicate::OEQ, value, taken);
      value = e.select(isAll, e.zero(e.f(width)), e.subf(value, taken));
    }
  }

  // ---- products
  // Adds `steps` tiles of `length` steps of k from `first` on. Two tiles of rows stay in the first level while all
  // panels pass by, out of the second from the second pair of row tiles on.
  void multiply(Value first, Value steps, int64_t length, Value isFirst) {
    configure(length);
    inPairs(e, rowTiles, [&](Value tile, int64_t height) {
      Value left = e.sub(rows, e.mul(tile, tileRows));
      e.ifThen(e.cmp(Emitter::IntCompare::slt, left, e.c64(height * tileRows)),
               [&] { configure(length, height, e.add(left, -(height - 1) * tileRows)); });
      for (int64_t weight = 0; weight < plan.weights; weight++)
        inPairs(e, panelCount, [&](Value panel, int64_t width) {
          block(weight, tile, panel, {height, width, plan.sumRowBytes}, first, steps, isFirst);
        });
    });
  }
  // Every step of every pair of row tiles fetches its share of the panel's next block of k.
  void prefetchNext(Value right, Value rowTile, Value step, int64_t width) {
    int64_t lines = plan.tileUnitK * panelColumns * 2 / 64,
            pairs = std::max<int64_t>(1, plan.rowBlock / (2 * tileRows));
    int64_t share = (lines + pairs * kTiles() - 1) / (pairs * kTiles());
    Value number = e.add(e.mul(e.div(rowTile, 2), kTiles()), step);
    Value next = e.gep(e.gep(right, plan.tileUnitK * panelColumns * 2), e.mul(number, share * 64));
    for (int64_t p = 0; p < width; p++)
      for (int64_t line = 0; line < share; line++) e.prefetchFar(e.gep(next, p * plan.panelBytes + line * 64));
  }
  // Of rows of bf16, the next pair of row tiles, which no copy has brought near: each pair of panels fetches some rows.
  void prefetchRows(Value left, Value panel, Value step) {
    int64_t pairs = (plan.blockPanels + 1) / 2, share = (2 * tileRows + pairs - 1) / pairs;
    Value row = e.add(e.mul(e.div(panel, 2), share), 2 * tileRows);
    Value place = e.gep(left, e.add(e.mul(row, plan.xRowBytes()), e.mul(step, rowBytes)));
    for (int64_t r = 0; r < share; r++) e.prefetchFar(e.gep(place, r * plan.xRowBytes()));
  }
  void loadRows(const Tiles &tiles, Value rowTile, Value panel, Value first, Value step) {
    Value left = e.gep(x, e.add(e.mul(rowTile, tileRows * plan.xRowBytes()), e.mul(first, 2)));
    prefetchRows(left, panel, step);
    loadLeft(e, tiles, e.gep(left, e.mul(step, rowBytes)), tileRows * plan.xRowBytes(), plan.xRowBytes());
  }
  void loadCopy(const Tiles &tiles, Value rowTile, Value step, int64_t term) {
    Value left = e.gep(packedTile(rowTile, e.c64(0)), e.mul(step, tileBytes));
    loadLeft(e, tiles, e.gep(left, term * plan.termBytes()), kTiles() * tileBytes);
  }
  void block(int64_t weight, Value rowTile, Value panel, const Tiles &tiles, Value first, Value steps, Value isFirst) {
    Value row = e.mul(rowTile, tileRows);
    Value sums = plan.sumsAt(e, scratch, weight, row, panel);
    Value line = e.gep(weights[weight], e.add(e.mul(e.add(firstPanel, panel), plan.panelBytes), e.mul(first, 2 * 16)));
    e.ifElse(isFirst, [&] { zeroSums(e, tiles); }, [&] { loadSums(e, tiles, sums); });
    e.loop(e.c64(0), steps, 1, [&](Value step) {
      prefetchNext(line, rowTile, step, tiles.width);
      for (int64_t term = 0; term < plan.terms; term++) {
        plan.xInBf16 ? loadRows(tiles, rowTile, panel, first, step) : loadCopy(tiles, rowTile, step, term);
        if (term == 0) loadRight(e, tiles, e.gep(line, e.mul(step, tileBytes)), plan.panelBytes);
        tile_unit::multiply(e, tiles);
      }
    });
    storeSums(e, tiles, sums);
  }

  Emitter &e;
  const PanelPlan &plan;
  Value rowTiles;
};

}  // namespace

Value tileBits(Emitter &e, Value value) {
  if (Emitter::widthOf(value) != 16) return e.bf16Bits(value);
  Value rounded = e.intrinsic("llvm.x86.avx512bf16.cvtneps2bf16.512", e.vec(16, e.bf16), {value});
  return e.bitcast(e.vec(16, e.i16), rounded);
}

void emitTileSums(Emitter &e, const PanelPlan &plan, const PanelWork &work) { TileSums(e, plan, work).emit(); }

}  // namespace llc::kernels
