#include "compiler/kernels/dense_pairs.h"

#include "compiler/kernels/kernels.h"
#include "compiler/kernels/pair_dots.h"
#include "compiler/kernels/pair_tiles.h"
#include "compiler/kernels/tile_unit.h"

using namespace mlir;

namespace llc::kernels {
namespace {

using tile_unit::rowBytes, tile_unit::tileBytes, tile_unit::tileK, tile_unit::tileRows;

constexpr int64_t widening = 2;  // of the tile unit's blocks against those of packed weights, if a is copied for each
// Vectors: sums of eight rows by three panels take 24 of 32 registers; copies and sums of a block fit a second level of
// 1 MiB.
constexpr int64_t dotRows = PairDots::mostRows, dotBlockRows = 256, dotBlockPanels = 12;
constexpr int64_t enoughDotBlocks = 16, leastPanels = 4;  // blocks of fewer panels, if there are not enough

int64_t piecesOf(int64_t count, int64_t size) { return (count + size - 1) / size; }

DType multiplied(DType stored, DType rounded) { return rounded == DType::f32 ? stored : rounded; }
bool isOfPairs(const DenseProductSpec &spec) {
  return multiplied(spec.aType, spec.aRounded) == DType::bf16 && multiplied(spec.bType, spec.bRounded) == DType::bf16;
}

// From where a factor is copied is left open.
pair_tiles::Factor factorOf(const DenseProductSpec &spec, DenseFactor which) {
  bool isWhole = spec.k % tileK == 0 && (which == DenseFactor::a ? spec.m : spec.n) % tileRows == 0;
  if (which == DenseFactor::a) return {{}, spec.aType, spec.aRow, spec.aStep, {}, {}, 0, true, isWhole};
  return {{}, spec.bType, spec.bColumn, spec.bStep, {}, {}, 0, false, isWhole};
}

// Copies the factors unless that was done before, then multiplies block by block.
class PairProduct : public DenseBlock {
 public:
  PairProduct(Emitter &e, const DenseProductSpec &spec, const DensePairPlan &plan, const KernelArguments &in)
      : DenseBlock(e, spec, plan, in), plan(plan) {}

 protected:
  // The sums of the block += the copies' products, `steps` tiles along k.
  virtual void multiplyCopies(Value steps) = 0;

  bool finishesParts() const override { return plan.isDirect; }
  void multiply(Value aPart, Value bPart, Value count) override {
    leftCopy_ = spec.aCopied ? aPart : copy(DenseFactor::a, aPart, e.gep(in.scratch, plan.copyA), count);
    rightCopy_ = spec.bCopied ? bPart : copyOfRight(bPart, count);
    multiplyCopies(e.ceilDiv(count, tileK));
  }
  // Where a copy of this part of b is.
  virtual Value copyOfRight(Value bPart, Value count) {
    return copy(DenseFactor::b, bPart, e.gep(in.scratch, plan.copyB), count);
  }
  // `count` steps of k, for all rows or columns of the block. Gives `to`.
  Value copy(DenseFactor which, Value from, Value to, Value count, bool isNear = false) {
    pair_tiles::Factor factor = factorOf(spec, which);
    factor.from = from, factor.units = which == DenseFactor::a ? rows : columns;
    factor.copy = to, factor.groupBytes = plan.groupBytes, factor.isNear = isNear;
    pair_tiles::copy(e, factor, count);
    return to;
  }
  Value sumsAt(Value row, Value panel) {
    if (plan.isDirect) return resultAt(row, e.mul(panel, panelColumns));
    return e.gep(in.scratch, e.add(e.mul(row, plan.sumRowBytes), e.mul(panel, rowBytes)));
  }
  Value leftAt(Value rowTile) { return e.gep(leftCopy_, e.mul(rowTile, plan.groupBytes)); }
  Value rightAt(Value panel) { return e.gep(rightCopy_, e.mul(panel, plan.groupBytes)); }

  const DensePairPlan &plan;

 private:
  Value leftCopy_, rightCopy_;
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
    Value place = sumsAt(e.mul(rowTile, tileRows), panel), left = leftAt(rowTile), right = rightAt(panel);
    tile_unit::Tiles tiles{height, width, plan.sumRowBytes};
    if (plan.isOneSum)
      tile_unit::zeroSums(e, tiles);
    else
      tile_unit::loadSums(e, tiles, place);
    e.loop(e.c64(0), steps, 1, [&](Value step) {
      Value offset = e.mul(step, tileBytes);
      if (spec.aCopied) fetchNext(e.gep(left, offset), panel, 2, plan.aStepBytes);
      if (spec.bCopied) fetchNext(e.gep(right, offset), e.mul(rowTile, 2), 4, plan.bStepBytes);
      tile_unit::loadLeft(e, tiles, e.gep(left, offset), plan.groupBytes);
      tile_unit::loadRight(e, tiles, e.gep(right, offset), plan.groupBytes);
      tile_unit::multiply(e, tiles);
    });
    tile_unit::storeSums(e, tiles, place);
  }
  // Copies that were made before lie in no near cache. Each pass of a pair of tiles fetches some of its 32 lines for
  // the next part of k: `count` from `line` on, as 16 passes (8) together take them all.
  void fetchNext(Value tiles, Value line, int64_t count, int64_t stepBytes) {
    if (!isLast) return;
    Value next = e.gep(tiles, e.select(isLast, e.c64(0), e.c64(plan.steps * stepBytes)));
    Value inTile = e.add(e.mul(e.div(line, tileRows), plan.groupBytes), e.mul(e.rem(line, tileRows), rowBytes));
    for (int64_t i = 0; i < count; i++) e.prefetchFar(e.gep(next, e.add(inTile, i * rowBytes)));
  }
};

// Some panels stay in the first level while all rows pass. Behind each group of them a slice of the next part of k of b
// is copied, whose lines have been fetched meanwhile, a few by every step: a whole part would be more than the ways of
// a cache where rows lie a power of two apart, and many lines at once keep other loads waiting.
class PairDotProduct final : public PairProduct {
  using PairProduct::PairProduct;

  Value copyOfRight(Value bPart, Value count) override {
    if (!plan.copiesAhead) return PairProduct::copyOfRight(bPart, count);
    Value here = placeOfPart(part);
    next = e.gep(bPart, plan.steps * plan.bStepBytes), nextPlace = placeOfPart(e.add(part, 1));
    e.ifThen(e.cmp(Emitter::IntCompare::eq, part, e.c64(0)), [&] { copy(DenseFactor::b, bPart, here, count); });
    return here;
  }
  Value placeOfPart(Value number) {
    return e.gep(in.scratch, e.add(e.mul(e.rem(number, 2), plan.blockPanels * plan.groupBytes), plan.copyB));
  }

  void multiplyCopies(Value steps) override {
    Value lines = e.ceilDiv(rows, dotRows);
    auto passRows = [&](Value group, Value panel, int64_t width) {
      Slice slice = plan.copiesAhead ? sliceOf(group) : Slice();
      e.loop(e.c64(0), lines, 1, [&](Value line) { block(e.mul(line, dotRows), panel, width, steps, slice); });
    };
    forPanelGroups(e, panelCount, passRows, [&](Value group) {
      if (plan.copiesAhead) copySlice(sliceOf(group));
    });
  }

  // Tiles along k of the next part, as many for each group of panels.
  struct Slice {
    Value first, count;
  };
  int64_t partTiles() const { return plan.steps / tileK; }
  int64_t groups() const { return piecesOf(plan.blockPanels, PairDots::mostPanels); }
  Slice sliceOf(Value group) {
    Value after = e.add(group, 1), first = e.div(e.mul(group, partTiles()), groups());
    Value isEnd = e.cmp(Emitter::IntCompare::eq, after, e.ceilDiv(panelCount, PairDots::mostPanels));
    Value end = e.select(isEnd, e.c64(partTiles()), e.div(e.mul(after, partTiles()), groups()));
    return {first, e.sub(end, first)};
  }
  void copySlice(const Slice &slice) {
    Value first = e.mul(slice.first, tileK), behind = e.add(e.mul(e.add(part, 1), plan.steps), first);
    Value count = e.min(e.mul(slice.count, tileK), e.sub(e.c64(spec.k), behind));
    Value from = e.gep(next, e.mul(first, plan.bStepBytes)), to = e.gep(nextPlace, e.mul(slice.first, tileBytes));
    e.ifThen(e.cmp(Emitter::IntCompare::sgt, count, e.c64(0)), [&] { copy(DenseFactor::b, from, to, count, true); });
  }
  // What a step of a pass of eight rows fetches of a slice: lines of the rows of b, one after the other, or where b is
  // adjacent along k, of a tile's part of each column. Ends of lines are what counts, as b may begin anywhere in one.
  void fetch(const Slice &slice, Value row, Value step) {
    bool along = spec.bStep == 1;
    int64_t columns = plan.blockPanels * panelColumns, runBytes = (along ? tileK : columns) * bBytes();
    int64_t runLines = piecesOf(runBytes, lineBytes) + !along, tileLines = (along ? columns : tileK) * runLines;
    int64_t shares = plan.rows / dotRows * partTiles(), most = piecesOf(partTiles(), groups()) * tileLines;
    Value share = e.add(e.mul(e.div(row, dotRows), partTiles()), step);
    Value line = e.div(e.mul(e.mul(slice.count, share), tileLines), shares);
    Value from = e.select(isLast, in.scratch, e.gep(next, e.mul(slice.first, tileK * plan.bStepBytes)));
    for (int64_t i = 0; i < piecesOf(most, shares); i++, line = e.add(line, 1)) {
      Value run = e.div(line, runLines), inRun = e.mul(e.rem(line, runLines), lineBytes);
      Value column = e.mul(e.rem(run, columns), plan.bColumnBytes);
      Value tile = e.mul(e.div(run, columns), tileK * plan.bStepBytes);
      Value place = along ? e.add(column, tile) : e.mul(run, plan.bStepBytes);
      place = e.add(place, e.min(e.add(inRun, along ? lineBytes - 1 : 0), e.c64(runBytes - 1)));
      e.prefetchFar(e.gep(from, e.select(isLast, e.c64(0), place)));
    }
  }
  void block(Value row, Value panel, int64_t width, Value steps, const Slice &slice) {
    Value place = sumsAt(row, panel), right = rightAt(panel);
    Value left = e.gep(leftAt(e.div(row, tileRows)), e.mul(e.rem(row, tileRows), rowBytes));
    auto sumAt = [&](int64_t i) { return e.gep(place, i / width * plan.sumRowBytes + i % width * rowBytes); };
    PairDots dots{.panels = width, .leftRowBytes = rowBytes, .panelBytes = plan.groupBytes};
    Values totals;
    for (int64_t i = 0; i < dotRows * width; i++)
      totals.push_back(plan.isOneSum ? e.zero(e.f(lanes)) : e.load(e.f(lanes), sumAt(i), 4));
    // Copies that were made before lie in no near cache: the next rows' and a share of the next panels' are fetched.
    Value nextLeft = e.gep(leftAt(e.div(row, tileRows)), plan.groupBytes);
    Value nextRight = e.gep(right, e.mul(e.add(e.rem(e.div(row, dotRows), width), width), plan.groupBytes));
    totals = e.loop(e.c64(0), steps, 1, totals, [&](Value step, ValueRange carried) {
      Value offset = e.mul(step, tileBytes), leftTile = e.gep(left, offset), rightTile = e.gep(right, offset);
      if (plan.copiesAhead) fetch(slice, row, step);
      return e.loop(e.c64(0), e.c64(tileK / 2), 1, carried, [&](Value pair, ValueRange inTile) {
        Value line = e.add(offset, e.mul(pair, rowBytes));
        if (spec.aCopied) e.prefetch(e.gep(nextLeft, line));
        if (spec.bCopied) e.prefetch(e.gep(nextRight, line));
        return addPair(e, dots, e.gep(leftTile, e.mul(pair, 4)), e.gep(rightTile, e.mul(pair, rowBytes)), inTile);
      });
    });
    for (size_t i = 0; i < totals.size(); i++) e.store(totals[i], sumAt(int64_t(i)), 4);
  }

  Value next, nextPlace;  // part of k of b, and of its copy; where plan.copiesAhead
};

bool fitsTileUnit(const Target &target, const DenseProductSpec &spec) {
  return target.tileUnitRows > 0 && spec.m >= target.tileUnitRows && spec.n >= panelColumns;
}

// Equal blocks, and an even number of them: two threads end together.
int64_t panelsOfDotBlock(const DenseProductSpec &spec) {
  int64_t others = piecesOf(spec.m, dotBlockRows), panels = piecesOf(spec.n, panelColumns);
  for (auto &dimension : spec.batches) others *= dimension.extent;
  int64_t blocks = std::max(piecesOf(panels, dotBlockPanels), piecesOf(enoughDotBlocks, others));
  return std::max(piecesOf(panels, blocks + blocks % 2), leastPanels);
}

DenseBlocks::Limits limitsOf(const Target &target, const DenseProductSpec &spec) {
  if (fitsTileUnit(target, spec))
    return {target.rowBlock, tileRows, (spec.aCopied ? 1 : widening) * target.tileUnitPanels, pair_tiles::mostSteps,
            tileK};
  return {dotBlockRows, tileRows, panelsOfDotBlock(spec), pair_tiles::mostSteps, tileK};
}

}  // namespace

bool fitsPairs(const Target &target, const DenseProductSpec &spec) {
  return (target.pairDots || fitsTileUnit(target, spec)) && isOfPairs(spec);
}

DensePairPlan::DensePairPlan(const Target &target, const DenseProductSpec &spec)
    : DenseBlocks(spec, limitsOf(target, spec)), usesTileUnit(fitsTileUnit(target, spec)) {
  groupBytes = steps / tileK * tileBytes;
  // Whole tiles of sums that nothing happens to: one pass less over the result of a short k.
  isDirect = isOneSum && spec.epilogue == "a" && spec.m % tileRows == 0 && spec.n % panelColumns == 0;
  if (isDirect) sumRowBytes = spec.yRow * 4, copies = 0;
  copiesAhead = !usesTileUnit && !spec.bCopied && !isOneSum && spec.outerSteps.empty();
  copyB = copies;
  copyA = copyB + (spec.bCopied ? 0 : (copiesAhead ? 2 : 1) * blockPanels * groupBytes);
  settings = copyA + (spec.aCopied ? 0 : rows / tileRows * groupBytes);
  scratchBytes = settings + 64;
  if (spec.aCopied) {
    pair_tiles::WholeCopy whole(spec.m, spec.k);
    aRowBytes = whole.groupBytes / tileRows, aStepBytes = whole.partBytes / whole.steps;
  }
  if (spec.bCopied) {
    pair_tiles::WholeCopy whole(spec.n, spec.k);
    bColumnBytes = whole.groupBytes / tileRows, bStepBytes = whole.partBytes / whole.steps;
  }
}

DenseCopies denseCopies(const DenseProductSpec &spec) {
  if (!isOfPairs(spec) || !spec.batches.empty() || !spec.outerSteps.empty()) return {};
  DenseCopies copies;
  if (spec.n > dotBlockPanels * panelColumns) copies.aBytes = pair_tiles::WholeCopy(spec.m, spec.k).bytes();
  if (spec.m > dotBlockRows) copies.bBytes = pair_tiles::WholeCopy(spec.n, spec.k).bytes();
  return copies;
}

bool multipliesCopies(const Target &target, const DenseProductSpec &spec) { return fitsPairs(target, spec); }

KernelFunction copyDenseFactor(Emitter &e, const DenseProductSpec &spec, DenseFactor which) {
  return pair_tiles::emitWholeCopy(e, factorOf(spec, which), which == DenseFactor::a ? spec.m : spec.n, spec.k);
}

void emitDensePairs(Emitter &e, const DenseProductSpec &spec, const DensePairPlan &plan, const KernelArguments &in,
                    const index::ExprPtr &epilogue) {
  if (plan.usesTileUnit)
    TileUnitProduct(e, spec, plan, in).emit(epilogue);
  else
    PairDotProduct(e, spec, plan, in).emit(epilogue);
}

}  // namespace llc::kernels
