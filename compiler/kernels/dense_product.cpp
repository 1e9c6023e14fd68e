// A chunk is a block of y. For a part of k that the first level holds a panel of, its columns of b are copied to panels
// [k][16], and a, unless its rows are adjacent along k, to [k][rows of a tile] (Goto & van de Geijn 2008); then tiles
// of some rows pass by the panels. Sums wait in scratch.
#include "compiler/kernels/dense_product.h"

#include <fmt/format.h>

#include <algorithm>

#include "compiler/kernels/kernels.h"
#include "compiler/kernels/panels.h"
#include "compiler/kernels/tile.h"
#include "compiler/kernels/vector_math.h"

using namespace mlir;

namespace llc::kernels {
namespace {

constexpr int64_t mostSteps = 256;    // a panel of 16 KiB is half of a small first level
constexpr int64_t mostRows = 264;     // share one copy of b; sums and copies fit a second level of 512 KiB
constexpr int64_t enoughChunks = 16;  // else blocks are narrower
constexpr int64_t stepsAhead = 16;    // rows of strides that no hardware foresees are fetched so early
constexpr int64_t bytesAhead = 256;   // the same along rows

int64_t pieces(int64_t count, int64_t most) { return (count + most - 1) / most; }
int64_t equalPiece(int64_t count, int64_t most, int64_t unit) {
  return roundUp((count + pieces(count, most) - 1) / pieces(count, most), unit);
}

struct Plan {
  Plan(const Target &target, const DenseProductSpec &spec) {
    tileRows = target.tileRows;
    tilePanels = std::clamp<int64_t>(target.registers / 2 / (tileRows * (panelColumns / target.lanes)), 1, 2);
    steps = equalPiece(spec.k, mostSteps, 1);
    rows = equalPiece(spec.m, mostRows, tileRows);
    for (auto &dimension : spec.batches) batches *= dimension.extent;
    panels = (spec.n + panelColumns - 1) / panelColumns;
    blockPanels = batches * pieces(spec.m, rows) * pieces(panels, 8) < enoughChunks ? 4 : 8;
    blockPanels = std::min(blockPanels, panels);
    rowBlocks = pieces(spec.m, rows), columnBlocks = pieces(panels, blockPanels);
    copiesA = spec.aStep != 1 || spec.aType != DType::f32;
    isOneSum = spec.k <= steps && spec.outerSteps.empty();
    sumRowBytes = blockPanels * panelColumns * 4 + 64;
    panelBytes = steps * panelColumns * 4 + 64;  // a line keeps panels out of each other's cache sets
    copyB = roundUp(rows * sumRowBytes, 64);
    copyA = copyB + blockPanels * panelBytes;
    scratchBytes = copyA + (copiesA ? roundUp(rows * steps * 4, 64) : 0);
  }
  int64_t tileRows, tilePanels;
  int64_t steps, rows, panels, blockPanels;  // of a block
  int64_t batches = 1, rowBlocks, columnBlocks;
  bool copiesA, isOneSum;
  int64_t sumRowBytes, panelBytes, copyB, copyA, scratchBytes;  // sums first in scratch
};

class DenseProduct {
 public:
  DenseProduct(Emitter &e, const DenseProductSpec &spec, const Plan &plan, const KernelArguments &in)
      : e(e), spec(spec), plan(plan), in(in), lanes(e.target.lanes), panelVectors(panelColumns / lanes) {}

  void emit(const index::ExprPtr &epilogue) {
    Value block = placeOfChunk();
    firstRow = e.mul(e.div(block, plan.columnBlocks), plan.rows);
    firstColumn = e.mul(e.rem(block, plan.columnBlocks), plan.blockPanels * panelColumns);
    rows = e.min(e.c64(plan.rows), e.sub(e.c64(spec.m), firstRow));
    columns = e.min(e.c64(plan.blockPanels * panelColumns), e.sub(e.c64(spec.n), firstColumn));
    panelCount = e.ceilDiv(columns, panelColumns);
    a = e.gep(a, e.mul(firstRow, spec.aRow * aBytes()));
    b = e.gep(b, e.mul(firstColumn, spec.bColumn * bBytes()));
    if (!plan.isOneSum) zeroSums();
    overOuterSteps(0, a, b);
    finish(epilogue);
  }

 private:
  int64_t aBytes() const { return int64_t(byteSize(spec.aType)); }
  int64_t bBytes() const { return int64_t(byteSize(spec.bType)); }

  // Moves the pointers to the chunk's batch element; gives the number of its block there.
  Value placeOfChunk() {
    a = in.pointers[0], b = in.pointers[1], y = in.pointers.back();
    Value rest = e.div(in.chunk, plan.rowBlocks * plan.columnBlocks);
    for (size_t i = spec.batches.size(); i-- > 0;) {
      const DenseProductSpec::Dimension &dimension = spec.batches[i];
      Value position = i ? e.rem(rest, dimension.extent) : rest;
      rest = e.div(rest, dimension.extent);
      a = e.gep(a, e.mul(position, dimension.a * aBytes()));
      b = e.gep(b, e.mul(position, dimension.b * bBytes()));
      y = e.gep(y, e.mul(position, dimension.y * 4));
    }
    return e.rem(in.chunk, plan.rowBlocks * plan.columnBlocks);
  }

  void zeroSums() {
    e.loop(e.c64(0), rows, 1,
           [&](Value row) { e.zeroFill(e.gep(in.scratch, e.mul(row, plan.sumRowBytes)), plan.sumRowBytes - 64); });
  }
  void overOuterSteps(size_t depth, Value aFrom, Value bFrom) {
    if (depth == spec.outerSteps.size()) return overSteps(aFrom, bFrom);
    const DenseProductSpec::Dimension &dimension = spec.outerSteps[depth];
    e.loop(e.c64(0), e.c64(dimension.extent), 1, [&](Value position) {
      overOuterSteps(depth + 1, e.gep(aFrom, e.mul(position, dimension.a * aBytes())),
                     e.gep(bFrom, e.mul(position, dimension.b * bBytes())));
    });
  }
  void overSteps(Value aFrom, Value bFrom) {
    e.loop(e.c64(0), e.c64(spec.k), plan.steps, [&](Value first) {
      Value count = e.min(e.c64(plan.steps), e.sub(e.c64(spec.k), first));
      Value aPart = e.gep(aFrom, e.mul(first, spec.aStep * aBytes()));
      packB(e.gep(bFrom, e.mul(first, spec.bStep * bBytes())), count);
      if (plan.copiesA) packA(aPart, count);
      e.loop(e.c64(0), e.mul(e.div(panelCount, plan.tilePanels), plan.tilePanels), plan.tilePanels,
             [&](Value panel) { passRows(aPart, panel, plan.tilePanels, count); });
      if (plan.tilePanels > 1)
        e.loop(e.mul(e.div(panelCount, plan.tilePanels), plan.tilePanels), panelCount, 1,
               [&](Value panel) { passRows(aPart, panel, 1, count); });
    });
  }

  // ---- copies
  // Element by element, zeros beyond what exists: for the edges.
  void copyOne(Value from, DType type, Value offset, Value exists, Value to) {
    Value place = e.select(exists, offset, e.c64(0));
    Value value = e.loadFloat(type, e.gep(from, e.mul(place, int64_t(byteSize(type)))), 1);
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
        copyOne(from, spec.bType, e.add(e.mul(step, spec.bStep), e.mul(column, spec.bColumn)),
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
          e.store(e.loadFloat(spec.bType, source, lanes),
                  e.gep(to, e.add(e.mul(panel, plan.panelBytes), v * lanes * 4)), 4);
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
            square.push_back(e.loadFloat(spec.bType, row, lanes));
          }
          square = transposeSquare(e, square);
          for (int64_t i = 0; i < lanes; i++)
            e.store(square[size_t(i)], e.gep(to, (i * panelColumns + v * lanes) * 4), 4);
        }
      });
      slowPanel(from, copies, panel, fast, count);
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
            e.store(e.loadFloat(spec.aType, e.gep(line, g * tile * aBytes()), tile),
                    e.gep(place, g * tile * plan.steps * 4), 4);
        });
      });
    };
    copy(e.c64(0), wide, together);
    copy(wide, whole, 1);
    e.loop(whole, rows, 1, [&](Value row) {
      Value inTile = e.rem(row, tile), to = e.gep(groupAt(e.sub(row, inTile)), e.mul(inTile, 4));
      e.loop(e.c64(0), count, 1, [&](Value step) {
        copyOne(from, spec.aType, e.add(e.mul(row, spec.aRow), e.mul(step, spec.aStep)), e.constant(e.i1, 1),
                e.gep(to, e.mul(step, tile * 4)));
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
    if (plan.copiesA) {
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

  void finish(const index::ExprPtr &epilogue) {
    e.loop(e.c64(0), rows, 1, [&](Value row) {
      Value globalRow = e.add(firstRow, row), sums = e.gep(in.scratch, e.mul(row, plan.sumRowBytes));
      Value rowStart = e.add(e.mul(globalRow, spec.yRow), firstColumn);
      e.vectorLoop(
          e.c64(0), columns,
          [&](Value column, int64_t width) {
            Value at = e.mul(e.add(rowStart, column), 4);
            auto leaf = [&](const index::Expr &node) -> Value {
              if (node.operand == 0) return e.load(e.f(width), e.gep(sums, e.mul(column, 4)), 4);
              Value pointer = in.pointers[size_t(1 + node.operand)];
              const std::string &indices = spec.extras[size_t(node.operand - 1)];
              if (indices == "t") return e.splat(width, e.load(e.f32, e.gep(pointer, e.mul(globalRow, 4)), 4));
              Value offset = indices == "n" ? e.mul(e.add(firstColumn, column), 4) : at;
              return e.load(e.f(width), e.gep(pointer, offset), 4);
            };
            e.store(emitExpr(e, epilogue, width, leaf), e.gep(y, at), 4);
          },
          spec.n % lanes != 0);
    });
  }

  Emitter &e;
  const DenseProductSpec &spec;
  const Plan &plan;
  const KernelArguments &in;
  int64_t lanes, panelVectors;
  Value a, b, y, firstRow, firstColumn, rows, columns, panelCount;
};

std::string keyOf(const DenseProductSpec &spec) {
  std::string key =
      fmt::format("dense|{},{},{}|{},{},{},{},{}|{},{}|{}", spec.m, spec.n, spec.k, spec.aRow, spec.aStep, spec.bStep,
                  spec.bColumn, spec.yRow, dtypeName(spec.aType), dtypeName(spec.bType), spec.epilogue);
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
  Plan plan(e.target, spec);
  KernelFunction shape{.symbol = "",
                       .rowsPerChunk = 0,
                       .columnChunks = plan.batches * plan.rowBlocks * plan.columnBlocks,
                       .scratchBytes = plan.scratchBytes};
  std::string stem = fmt::format("product_{}x{}x{}", spec.m, spec.n, spec.k);
  return e.kernel(keyOf(spec), stem, 3 + int64_t(spec.extras.size()), shape,
                  [&](const KernelArguments &in) { DenseProduct(e, spec, plan, in).emit(*epilogue); });
}

}  // namespace llc::kernels
