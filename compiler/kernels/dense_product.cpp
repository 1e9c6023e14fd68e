// With vectors. A chunk is a block of y. For a part of k that the first level holds a panel of, its columns of b are
// copied to panels [k][16], and a, unless its rows are f32 and adjacent along k, to [k][rows of a tile], or to rows
// where they are adjacent (Goto & van de Geijn 2008); copies are f32, rounded where that is asked for. Then tiles of
// some rows pass by the panels. Sums wait in scratch.
#include "compiler/kernels/dense_product.h"

#include <fmt/format.h>

#include <algorithm>

#include "compiler/kernels/dense_block.h"
#include "compiler/kernels/dense_pairs.h"
#include "compiler/kernels/kernels.h"
#include "compiler/kernels/tile.h"
#include "compiler/kernels/vector_math.h"

using namespace mlir;

namespace llc::kernels {
namespace {

constexpr int64_t mostSteps = 256;  // a panel of 16 KiB is half of a small first level
constexpr int64_t mostRows = 264;   // share one copy of b; sums and copies fit a second level of 512 KiB
constexpr int64_t mostPanels = 8;
constexpr int64_t stepsAhead = 16;   // rows of strides that no hardware foresees are fetched so early
constexpr int64_t bytesAhead = 256;  // the same along rows

struct Plan : DenseBlocks {
  Plan(const Target &target, const DenseProductSpec &spec)
      : DenseBlocks(spec, {mostRows, target.tileRows, mostPanels, mostSteps, 1}) {
    tileRows = target.tileRows;
    tilePanels = std::clamp<int64_t>(target.registers / 2 / (tileRows * (panelColumns / target.lanes)), 1, 2);
    copiesRows = spec.aStep == 1;
    copiesA = !copiesRows || spec.aType != DType::f32 || spec.aRounded != DType::f32;
    panelBytes = steps * panelColumns * 4 + 64;  // a line keeps panels out of each other's cache sets
    copyB = copies;
    copyA = copyB + blockPanels * panelBytes;
    rowBytes = copiesRows ? steps * 4 + 64 : steps * 4;  // with a line in between, as for panels
    scratchBytes = copyA + (copiesA ? roundUp(rows * rowBytes, 64) : 0);
  }
  int64_t tileRows, tilePanels;
  bool copiesA, copiesRows;
  int64_t panelBytes, rowBytes, copyB, copyA, scratchBytes;
};

class VectorProduct final : public DenseBlock {
 public:
  VectorProduct(Emitter &e, const DenseProductSpec &spec, const Plan &plan, const KernelArguments &in)
      : DenseBlock(e, spec, plan, in), plan(plan), panelVectors(panelColumns / lanes) {}

 private:
  void multiply(Value aPart, Value bPart, Value count) override {
    packB(bPart, count);
    if (plan.copiesA) plan.copiesRows ? copyRows(aPart, count) : packA(aPart, count);
    e.loop(e.c64(0), e.mul(e.div(panelCount, plan.tilePanels), plan.tilePanels), plan.tilePanels,
           [&](Value panel) { passRows(aPart, panel, plan.tilePanels, count); });
    if (plan.tilePanels > 1)
      e.loop(e.mul(e.div(panelCount, plan.tilePanels), plan.tilePanels), panelCount, 1,
             [&](Value panel) { passRows(aPart, panel, 1, count); });
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
  void packB(Value from, Value count) {
    Value copies = e.gep(in.scratch, plan.copyB);
    Value whole = spec.bColumn == 1 || spec.bStep == 1 ? e.div(columns, panelColumns) : e.c64(0);
    if (spec.bColumn == 1)
      straightPanels(from, copies, whole, count);
    else if (spec.bStep == 1)
      transposedPanels(from, copies, whole, count);
    e.loop(whole, panelCount, 1, [&](Value panel) { slowPanel(from, copies, panel, e.c64(0), count); });
  }
  void slowPanel(Value from, Value copies, Value panel, Value firstStep, Value count) {
    Value copy = e.gep(copies, e.mul(panel, plan.panelBytes));
    e.loop(firstStep, count, 1, [&](Value step) {
      e.loop(e.c64(0), e.c64(panelColumns), 1, [&](Value lane) {
        Value column = e.add(e.mul(panel, panelColumns), lane);
        copyOneOfB(from, e.add(e.mul(step, spec.bStep), e.mul(column, spec.bColumn)),
                   e.cmp(Emitter::IntCompare::slt, column, columns),
                   e.gep(copy, e.mul(e.add(e.mul(step, panelColumns), lane), 4)));
      });
    });
  }
  // Rows of b pass whole, which is what memory likes.
  void straightPanels(Value from, Value copies, Value whole, Value count) {
    e.loop(e.c64(0), count, 1, [&](Value step) {
      Value row = e.gep(from, e.mul(step, spec.bStep * bBytes())), to = e.gep(copies, e.mul(step, panelColumns * 4));
      e.loop(e.c64(0), whole, 1, [&](Value panel) {
        for (int64_t v = 0; v < panelVectors; v++) {
          Value source = e.gep(row, e.add(e.mul(panel, panelColumns * bBytes()), v * lanes * bBytes()));
          if (v == 0) e.prefetch(e.gep(source, stepsAhead * spec.bStep * bBytes()));
          e.store(loadB(source, lanes), e.gep(to, e.add(e.mul(panel, plan.panelBytes), v * lanes * 4)), 4);
        }
      });
    });
  }
  void transposedPanels(Value from, Value copies, Value whole, Value count) {
    Value fast = e.mul(e.div(count, lanes), lanes);
    e.loop(e.c64(0), whole, 1, [&](Value panel) {
      Value columnsFrom = e.gep(from, e.mul(panel, panelColumns * spec.bColumn * bBytes()));
      Value copy = e.gep(copies, e.mul(panel, plan.panelBytes));
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
      slowPanel(from, copies, panel, fast, count);
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
  Value groupAt(Value row) { return e.gep(in.scratch, e.add(e.mul(row, plan.steps * 4), plan.copyA)); }
  void packA(Value from, Value count) {
    int64_t tile = plan.tileRows, together = std::max<int64_t>(1, 16 / tile);
    Value whole = spec.aRow == 1 ? e.mul(e.div(rows, tile), tile) : e.c64(0);
    // Some groups side by side take a cache line of a.
    Value wide = e.mul(e.div(whole, tile * together), tile * together);
    auto copy = [&](Value begin, Value end, int64_t groups) {
      e.loop(begin, end, tile * groups, [&](Value row) {
        Value to = groupAt(row), source = e.gep(from, e.mul(row, aBytes()));
        e.loop(e.c64(0), count, 1, [&](Value step) {
          Value line = e.gep(source, e.mul(step, spec.aStep * aBytes())), place = e.gep(to, e.mul(step, tile * 4));
          e.prefetch(e.gep(line, stepsAhead * spec.aStep * aBytes()));
          for (int64_t g = 0; g < groups; g++)
            e.store(loadA(e.gep(line, g * tile * aBytes()), tile), e.gep(place, g * tile * plan.steps * 4), 4);
        });
      });
    };
    copy(e.c64(0), wide, together);
    copy(wide, whole, 1);
    e.loop(whole, rows, 1, [&](Value row) {
      Value inTile = e.rem(row, tile), to = e.gep(groupAt(e.sub(row, inTile)), e.mul(inTile, 4));
      e.loop(e.c64(0), count, 1, [&](Value step) {
        Value place = e.add(e.mul(row, spec.aRow), e.mul(step, spec.aStep));
        e.store(loadA(e.gep(from, e.mul(place, aBytes())), 1), e.gep(to, e.mul(step, tile * 4)), 4);
      });
    });
  }

  // ---- tiles
  void passRows(Value aPart, Value panel, int64_t width, Value count) {
    Value bPanel = e.gep(in.scratch, e.add(e.mul(panel, plan.panelBytes), plan.copyB));
    Value done = e.c64(0);
    for (int64_t tile = plan.tileRows; tile >= 1; tile /= 2) {
      Value until = e.add(done, e.mul(e.div(e.sub(rows, done), tile), tile));
      e.loop(done, until, tile, [&](Value row) { passTile(aPart, row, tile, bPanel, panel, width, count); });
      done = until;
    }
  }
  void passTile(Value aPart, Value row, int64_t tile, Value bPanel, Value panel, int64_t width, Value count) {
    Value left = e.gep(aPart, e.mul(row, spec.aRow * 4));
    int64_t rowBytes = spec.aRow * 4, stepBytes = spec.aStep * 4;
    if (plan.copiesA && plan.copiesRows) {
      left = rowAt(row);
      rowBytes = plan.rowBytes, stepBytes = 4;
    } else if (plan.copiesA) {
      Value inTile = e.rem(row, plan.tileRows);
      left = e.gep(groupAt(e.sub(row, inTile)), e.mul(inTile, 4));
      rowBytes = 4, stepBytes = plan.tileRows * 4;
    }
    int64_t vectors = width * panelVectors;
    Value place = e.gep(in.scratch, e.add(e.mul(row, plan.sumRowBytes), e.mul(panel, panelColumns * 4)));
    auto sumAt = [&](int64_t i) { return e.gep(place, i / vectors * plan.sumRowBytes + i % vectors * lanes * 4); };
    Values sums;
    for (int64_t i = 0; i < tile * vectors; i++)
      sums.push_back(plan.isOneSum ? e.zero(e.f(lanes)) : e.load(e.f(lanes), sumAt(i), 4));
    sums = e.loop(e.c64(0), count, 1, sums, [&](Value step, ValueRange carried) {
      Value line = e.gep(bPanel, e.mul(step, panelColumns * 4)), x = e.gep(left, e.mul(step, stepBytes));
      Values scalars, next(carried);
      for (int64_t r = 0; r < tile; r++) scalars.push_back(e.splat(lanes, e.load(e.f32, e.gep(x, r * rowBytes), 4)));
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
    for (int64_t i = 0; i < tile * vectors; i++) e.store(sums[size_t(i)], sumAt(i), 4);
  }

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
    return e.kernel(keyOf(spec), stem, 3 + int64_t(spec.extras.size()), shape,
                    [&](const KernelArguments &in) { emitDensePairs(e, spec, plan, in, *epilogue); });
  }
  Plan plan(e.target, spec);
  KernelFunction shape{
      .symbol = "", .rowsPerChunk = 0, .columnChunks = plan.chunks(), .scratchBytes = plan.scratchBytes};
  return e.kernel(keyOf(spec), stem, 3 + int64_t(spec.extras.size()), shape,
                  [&](const KernelArguments &in) { VectorProduct(e, spec, plan, in).emit(*epilogue); });
}

}  // namespace llc::kernels
