// With vectors. A chunk is a block of y. For a part of k, a is copied, unless its rows are f32 and adjacent along k, to
// [k][rows of a tile], or to rows where they are adjacent; it stays in the second level. Then the panels of a tile, one
// after the other, are copied from b to [k][16], and tiles of rows pass by them while they lie in the first level
// (after Goto & van de Geijn 2008). Copies are f32, rounded where that is asked for. Sums wait in scratch until the
// last part of k, behind which each tile's become its elements of y (or, by long epilogues, all of the block's). Tiles
// fetch early what comes after them: the next panels of b, the next sums, their lines of y.
#include "compiler/kernels/dense_product.h"

#include <fmt/format.h>

#include <algorithm>

#include "compiler/kernels/dense_block.h"
#include "compiler/kernels/dense_pairs.h"
#include "compiler/kernels/kernels.h"
#include "compiler/kernels/pair_tiles.h"
#include "compiler/kernels/tile.h"
#include "compiler/kernels/vector_math.h"

using namespace mlir;

namespace llc::kernels {
namespace {

constexpr int64_t mostSteps = 256;
constexpr int64_t mostRows = 264;     // with so many steps a fits a second level of 512 KiB, beside what passes by
constexpr int64_t mostPanels = 48;    // share a copy of a
constexpr int64_t enoughBlocks = 16;  // else blocks are smaller
constexpr int64_t stepsAhead = 16;    // rows of strides that no hardware foresees are fetched so early
constexpr int64_t rowsAhead = 8;      // the same where many lines of a row are read
constexpr int64_t bytesAhead = 256;   // the same along rows

int64_t panelsOfDenseTile(const Target &target) {
  return std::clamp<int64_t>(target.registers / 2 / (target.tileRows * (panelColumns / target.lanes)), 1, 2);
}
bool mustCopyA(const DenseProductSpec &spec) {
  return spec.aStep != 1 || spec.aType != DType::f32 || spec.aRounded != DType::f32;
}

// Blocks as large as copies should be, in equal pieces; smaller ones where there are few. Of a copied factor the fewest
// elements are copied when blocks are square; narrower blocks cost nothing where only b is copied.
DenseBlocks::Limits vectorLimits(const Target &target, const DenseProductSpec &spec) {
  int64_t tilePanels = panelsOfDenseTile(target), panels = (spec.n + panelColumns - 1) / panelColumns;
  int64_t steps = std::min(mostSteps, target.l1Bytes / 2 / (tilePanels * panelColumns * 4) / 16 * 16);
  int64_t rows = equalPiece(spec.m, mostRows, target.tileRows), width = equalPiece(panels, mostPanels, tilePanels);
  int64_t batches = 1;
  for (auto &dimension : spec.batches) batches *= dimension.extent;
  auto chunks = [&] { return batches * ((spec.m + rows - 1) / rows) * ((panels + width - 1) / width); };
  while (chunks() < enoughBlocks) {
    if (mustCopyA(spec) && rows > width * panelColumns && rows > 4 * target.tileRows)
      rows = equalPiece(rows, (rows + 1) / 2, target.tileRows);
    else if (width > 4)
      width = equalPiece(width, (width + 1) / 2, tilePanels);
    else
      break;
  }
  return {rows, target.tileRows, width, steps, 1};
}

// Sums and differences of products: constants of longer epilogues would take registers from the sums.
bool isShort(const index::ExprPtr &epilogue) {
  bool suits = index::countCalls(epilogue) <= 4;
  index::walk(epilogue, [&](const index::Expr &node) {
    if (node.kind == index::Expr::Call)
      suits &= node.function->name == "add" || node.function->name == "sub" || node.function->name == "mul";
    else
      suits &= node.kind == index::Expr::Operand;
  });
  return suits;
}

struct Plan : DenseBlocks {
  Plan(const Target &target, const DenseProductSpec &spec, const index::ExprPtr &epilogue)
      : DenseBlocks(spec, vectorLimits(target, spec)),
        tileRows(target.tileRows),
        tilePanels(panelsOfDenseTile(target)),
        finishesTiles(isShort(epilogue)) {
    copiesRows = spec.aStep == 1;
    copiesA = mustCopyA(spec);
    panelBytes = steps * panelColumns * 4 + lineBytes;  // a line keeps panels out of each other's cache sets
    copyB = sumsPass() ? roundUp(tileRows * sumRowBytes, lineBytes) : copies;
    copyA = copyB + tilePanels * panelBytes;
    rowBytes = steps * 4 + (copiesRows ? lineBytes : lineBytes / tileRows);  // the same for rows or groups of them
    scratchBytes = copyA + (copiesA ? roundUp(roundUp(rows, tileRows) * rowBytes, lineBytes) : 0);
  }
  // Sums of the only part of k are on their way to y: all tiles use one place, which stays in the first level.
  bool sumsPass() const { return isOneSum && finishesTiles; }

  int64_t tileRows, tilePanels;
  bool finishesTiles;  // sums become elements of y tile by tile; else all at the end
  bool copiesA, copiesRows;
  int64_t panelBytes, rowBytes, copyB, copyA, scratchBytes;
};

class VectorProduct final : public DenseBlock {
 public:
  VectorProduct(Emitter &e, const DenseProductSpec &spec, const Plan &plan, const KernelArguments &in)
      : DenseBlock(e, spec, plan, in), plan(plan), panelVectors(panelColumns / lanes) {}

 private:
  void multiply(Value aPart, Value bPart, Value count) override {
    if (plan.copiesA) plan.copiesRows ? copyRows(aPart, count) : packA(aPart, count);
    int64_t width = plan.tilePanels;
    bool even = spec.n % (width * panelColumns) == 0 && plan.blockPanels % width == 0;
    Value whole = e.div(columns, panelColumns), inTiles = e.mul(e.div(whole, width), width);
    e.loop(e.c64(0), inTiles, width, [&](Value panel) {
      packWhole(bPart, panel, width, count);
      passRows(aPart, bPart, panel, width, count);
    });
    if (even) return;
    e.loop(inTiles, panelCount, 1, [&](Value panel) {
      auto slowly = [&] { packSlowly(bPart, panel, count); };
      e.ifElse(e.cmp(Emitter::IntCompare::slt, panel, whole), [&] { packWhole(bPart, panel, 1, count); }, slowly);
      passRows(aPart, bPart, panel, 1, count);
    });
  }

  // ---- copies
  Value loadA(Value from, int64_t width) { return e.rounded(spec.aRounded, e.loadFloat(spec.aType, from, width)); }
  Value loadB(Value from, int64_t width) { return e.rounded(spec.bRounded, e.loadFloat(spec.bType, from, width)); }
  // Element by element, zeros beyond what exists: for the edges.
  void copyOneOfB(Value from, Value offset, Value exists, Value to) {
    Value place = e.select(exists, offset, e.c64(0));
    Value value = loadB(e.gep(from, e.mul(place, bBytes())), 1);
    e.store(e.select(exists, value, e.zero(e.f32)), to, 4);
  }
  Value copiesOfB() { return e.gep(in.scratch, plan.copyB); }
  Value panelOfB(Value from, Value panel) { return e.gep(from, e.mul(panel, panelColumns * spec.bColumn * bBytes())); }
  // `width` panels whose columns all exist.
  void packWhole(Value from, Value panel, int64_t width, Value count) {
    if (spec.bColumn == 1) return packStraight(panelOfB(from, panel), width, count);
    if (spec.bStep == 1) return packTransposed(panelOfB(from, panel), width, count);
    for (int64_t p = 0; p < width; p++) packSlowly(from, e.add(panel, p), count, p);
  }
  void packSlowly(Value from, Value panel, Value count, int64_t place = 0) {
    Value copy = e.gep(copiesOfB(), place * plan.panelBytes);
    e.loop(e.c64(0), count, 1, [&](Value step) {
      e.loop(e.c64(0), e.c64(panelColumns), 1, [&](Value lane) {
        Value column = e.add(e.mul(panel, panelColumns), lane);
        copyOneOfB(from, e.add(e.mul(step, spec.bStep), e.mul(column, spec.bColumn)),
                   e.cmp(Emitter::IntCompare::slt, column, columns),
                   e.gep(copy, e.mul(e.add(e.mul(step, panelColumns), lane), 4)));
      });
    });
  }
  void packStraight(Value from, int64_t width, Value count) {
    e.loop(e.c64(0), count, 1, [&](Value step) {
      Value row = e.gep(from, e.mul(step, spec.bStep * bBytes()));
      Value to = e.gep(copiesOfB(), e.mul(step, panelColumns * 4));
      for (int64_t p = 0; p < width; p++)
        for (int64_t v = 0; v < panelVectors; v++) {
          Value source = e.gep(row, (p * panelColumns + v * lanes) * bBytes());
          if (v == 0) e.prefetch(e.gep(source, stepsAhead * spec.bStep * bBytes()));
          e.store(loadB(source, lanes), e.gep(to, p * plan.panelBytes + v * lanes * 4), 4);
        }
    });
  }
  void packTransposed(Value from, int64_t width, Value count) {
    Value fast = e.mul(e.div(count, lanes), lanes);
    e.loop(e.c64(0), e.c64(width), 1, [&](Value panel) {
      Value columnsFrom = panelOfB(from, panel), copy = e.gep(copiesOfB(), e.mul(panel, plan.panelBytes));
      e.loop(e.c64(0), fast, lanes, [&](Value step) {
        Value source = e.gep(columnsFrom, e.mul(step, bBytes())), to = e.gep(copy, e.mul(step, panelColumns * 4));
        for (int64_t v = 0; v < panelVectors; v++) {
          Values square;
          for (int64_t i = 0; i < lanes; i++) {
            Value row = e.gep(source, (v * lanes + i) * spec.bColumn * bBytes());
            e.prefetch(e.gep(row, bytesAhead));
            square.push_back(loadB(row, lanes));
          }
          square = transposeSquare(e, square);
          for (int64_t i = 0; i < lanes; i++)
            e.store(square[size_t(i)], e.gep(to, (i * panelColumns + v * lanes) * 4), 4);
        }
      });
      e.loop(fast, count, 1, [&](Value step) {
        Value to = e.gep(copy, e.mul(step, panelColumns * 4));
        for (int64_t i = 0; i < panelColumns; i++)
          e.store(loadB(e.gep(columnsFrom, e.mul(e.add(step, i * spec.bColumn), bBytes())), 1), e.gep(to, i * 4), 4);
      });
    });
  }
  // While a tile of rows passes by, its share of the panels after these comes to the second level; behind the last
  // panels come the first ones of the next part of k.
  void prefetchNext(Value from, Value row, Value panel, int64_t width, Value count) {
    bool straight = spec.bColumn == 1;
    int64_t lines = straight ? plan.steps : width * panelColumns,
            stride = (straight ? spec.bStep : spec.bColumn) * bBytes();
    int64_t bytes = (straight ? width * panelColumns : plan.steps) * bBytes();
    int64_t tiles = std::max<int64_t>(1, plan.rows / plan.tileRows), share = (lines + tiles - 1) / tiles;
    Value next = e.add(panel, width), isHere = e.cmp(Emitter::IntCompare::slt, next, panelCount);
    Value after = e.select(isHere, panelOfB(from, next), e.gep(from, e.mul(count, spec.bStep * bBytes())));
    Value first = e.gep(after, e.mul(e.div(row, plan.tileRows), share * stride));
    e.loop(e.c64(0), e.c64(share), 1, [&](Value i) {
      Value line = e.gep(first, e.mul(i, stride));
      e.loop(e.c64(0), e.c64(bytes), lineBytes, [&](Value at) { e.prefetchFar(e.gep(line, at)); });
    });
  }
  Value rowAt(Value row) { return e.gep(in.scratch, e.add(e.mul(row, plan.rowBytes), plan.copyA)); }
  void copyRows(Value from, Value count) {
    e.loop(e.c64(0), rows, 1, [&](Value row) {
      Value source = e.gep(from, e.mul(row, spec.aRow * aBytes())), to = rowAt(row);
      e.vectorLoop(e.c64(0), count, [&](Value step, int64_t width) {
        Value place = e.gep(source, e.mul(step, aBytes()));
        e.prefetch(e.gep(place, bytesAhead));
        e.store(loadA(place, width), e.gep(to, e.mul(step, 4)), 4);
      });
    });
  }
  // Groups of a tile's rows: [group][k][tileRows].
  Value groupAt(Value row) { return e.gep(in.scratch, e.add(e.mul(row, plan.rowBytes), plan.copyA)); }
  void packA(Value from, Value count) {
    int64_t tile = plan.tileRows;
    Value whole = spec.aRow == 1 ? e.mul(e.div(rows, tile), tile) : e.c64(0);
    e.loop(e.c64(0), count, 1, [&](Value step) {
      Value line = e.gep(from, e.mul(step, spec.aStep * aBytes())),
            to = e.gep(in.scratch, e.add(e.mul(step, tile * 4), plan.copyA));
      e.loop(e.c64(0), whole, tile, [&](Value row) {
        Value place = e.gep(line, e.mul(row, aBytes()));
        e.prefetch(e.gep(place, rowsAhead * spec.aStep * aBytes()));
        e.store(loadA(place, tile), e.gep(to, e.mul(row, plan.rowBytes)), 4);
      });
    });
    e.loop(whole, rows, 1, [&](Value row) {
      Value inTile = e.rem(row, tile), to = e.gep(groupAt(e.sub(row, inTile)), e.mul(inTile, 4));
      e.loop(e.c64(0), count, 1, [&](Value step) {
        Value place = e.add(e.mul(row, spec.aRow), e.mul(step, spec.aStep));
        e.store(loadA(e.gep(from, e.mul(place, aBytes())), 1), e.gep(to, e.mul(step, tile * 4)), 4);
      });
    });
  }

  // ---- tiles
  void passRows(Value aPart, Value bPart, Value panel, int64_t width, Value count) {
    Value done = e.c64(0);
    for (int64_t tile = plan.tileRows; tile >= 1; tile /= 2) {
      Value until = e.add(done, e.mul(e.div(e.sub(rows, done), tile), tile));
      e.loop(done, until, tile, [&](Value row) {
        if (tile == plan.tileRows) prefetchNext(bPart, row, panel, width, count);
        passTile(leftOf(aPart, row), row, tile, panel, width, count);
      });
      done = until;
    }
  }
  // Rows of a: where the first one begins, from row to row, from step to step.
  struct Left {
    Value begin;
    int64_t rowBytes, stepBytes;
  };
  Left leftOf(Value aPart, Value row) {
    if (!plan.copiesA) return {e.gep(aPart, e.mul(row, spec.aRow * 4)), spec.aRow * 4, spec.aStep * 4};
    if (plan.copiesRows) return {rowAt(row), plan.rowBytes, 4};
    Value inTile = e.rem(row, plan.tileRows);
    return {e.gep(groupAt(e.sub(row, inTile)), e.mul(inTile, 4)), 4, plan.tileRows * 4};
  }
  void passTile(const Left &left, Value row, int64_t tile, Value panel, int64_t width, Value count) {
    int64_t vectors = width * panelVectors;
    Value place = in.scratch, firstColumn = e.mul(panel, panelColumns);
    if (!plan.sumsPass()) place = e.gep(place, e.add(e.mul(row, plan.sumRowBytes), e.mul(firstColumn, 4)));
    auto sumAt = [&](int64_t i) { return e.gep(place, i / vectors * plan.sumRowBytes + i % vectors * lanes * 4); };
    if (!plan.isOneSum) prefetchLines(e.gep(place, tile * plan.sumRowBytes), plan.sumRowBytes, tile, width);
    whenFinished([&] { prefetchEpilogue(row, firstColumn, tile, width); });
    Values sums;
    for (int64_t i = 0; i < tile * vectors; i++)
      sums.push_back(plan.isOneSum ? e.zero(e.f(lanes)) : e.load(e.f(lanes), sumAt(i), 4));
    sums = multiplyTile(left, tile, vectors, count, sums);
    for (int64_t i = 0; i < tile * vectors; i++) e.store(sums[size_t(i)], sumAt(i), 4);
    bool allExist = spec.n % (width * panelColumns) == 0;
    Value exist = e.c64(width * panelColumns);
    if (!allExist) exist = e.min(exist, e.sub(columns, firstColumn));
    whenFinished([&] { finish({row, e.c64(tile), firstColumn, exist}, place); });
  }
  void whenFinished(llvm::function_ref<void()> body) {
    if (plan.finishesTiles) isLast ? e.ifThen(isLast, body) : body();
  }
  void prefetchLines(Value from, int64_t rowBytes, int64_t tile, int64_t width) {
    for (int64_t r = 0; r < tile; r++)
      for (int64_t at = 0; at < width * panelColumns * 4; at += lineBytes) e.prefetch(e.gep(from, r * rowBytes + at));
  }
  // What the epilogue of a tile reads and writes beside the sums.
  void prefetchEpilogue(Value row, Value column, int64_t tile, int64_t width) {
    Values arrays{resultAt(row, column)};
    for (size_t i = 0; i < spec.extras.size(); i++)
      if (spec.extras[i] != "t" && spec.extras[i] != "n")
        arrays.push_back(sameElement(in.pointers[2 + i], row, column));
    for (Value array : arrays) prefetchLines(array, spec.yRow * 4, tile, width);
  }
  Values multiplyTile(const Left &left, int64_t tile, int64_t vectors, Value count, Values sums) {
    return e.loop(e.c64(0), count, 1, sums, [&](Value step, ValueRange carried) {
      Value line = e.gep(copiesOfB(), e.mul(step, panelColumns * 4)),
            x = e.gep(left.begin, e.mul(step, left.stepBytes));
      Values scalars, next(carried);
      for (int64_t r = 0; r < tile; r++)
        scalars.push_back(e.splat(lanes, e.load(e.f32, e.gep(x, r * left.rowBytes), 4)));
      for (int64_t v = 0; v < vectors; v++) {
        Value column =
            e.load(e.f(lanes), e.gep(line, v / panelVectors * plan.panelBytes + v % panelVectors * lanes * 4), 4);
        for (int64_t r = 0; r < tile; r++) {
          size_t i = size_t(r * vectors + v);
          next[i] = e.fma(scalars[size_t(r)], column, next[i]);
        }
      }
      return next;
    });
  }
  bool finishesParts() const override { return plan.finishesTiles; }

  const Plan &plan;
  int64_t panelVectors;
};

std::string keyOf(const DenseProductSpec &spec) {
  std::string key =
      fmt::format("dense|{},{},{}|{},{},{},{},{}|{},{}|{},{}|{}", spec.m, spec.n, spec.k, spec.aRow, spec.aStep,
                  spec.bStep, spec.bColumn, spec.yRow, dtypeName(spec.aType), dtypeName(spec.bType),
                  dtypeName(spec.aRounded), dtypeName(spec.bRounded), spec.epilogue);
  for (auto *list : {&spec.batches, &spec.outerSteps}) {
    key += "|";
    for (auto &d : *list) key += fmt::format("{},{},{},{};", d.extent, d.a, d.b, d.y);
  }
  for (auto &extra : spec.extras) key += "|" + extra;
  key += fmt::format("|{},{}", spec.aCopied, spec.bCopied);
  return key;
}
}  // namespace

KernelFunction emitDenseProduct(Emitter &e, const DenseProductSpec &spec) {
  auto epilogue = index::parseExpr(spec.epilogue);
  assert(epilogue.ok() && checkExpr(*epilogue).ok() && "the epilogue is an expression over a, b, c ...");
  assert((spec.extras.empty() || spec.batches.empty()) && "an epilogue's operands have no batches");
  std::string stem = fmt::format("product_{}x{}x{}", spec.m, spec.n, spec.k);
  if (fitsPairs(e.target, spec)) {
    DensePairPlan plan(e.target, spec);
    KernelFunction shape{
        .symbol = "", .rowsPerChunk = 0, .columnChunks = plan.chunks(), .scratchBytes = plan.scratchBytes};
    if (!spec.aCopied) shape.copies.push_back(plan.copyOfA(spec, pair_tiles::layoutName(true), 2));
    if (!spec.bCopied) shape.copies.push_back(plan.copyOfB(spec, pair_tiles::layoutName(false), 2));
    return e.kernel(keyOf(spec), stem, 3 + int64_t(spec.extras.size()), shape,
                    [&](const KernelArguments &in) { emitDensePairs(e, spec, plan, in, *epilogue); });
  }
  Plan plan(e.target, spec, *epilogue);
  KernelFunction shape{
      .symbol = "", .rowsPerChunk = 0, .columnChunks = plan.chunks(), .scratchBytes = plan.scratchBytes};
  if (plan.copiesA) shape.copies.push_back(plan.copyOfA(spec, "rows, f32", 4));
  shape.copies.push_back(plan.copyOfB(spec, "panels of 16 columns, f32", 4));
  return e.kernel(keyOf(spec), stem, 3 + int64_t(spec.extras.size()), shape,
                  [&](const KernelArguments &in) { VectorProduct(e, spec, plan, in).emit(*epilogue); });
}

}  // namespace llc::kernels
