// Weights are read in place, straight into multiply-adds. With many rows, tiles of some rows pass by one or two panels,
// which stay in the second-level cache until all rows have passed; long sums are cut so that they do. With few rows
// (decode) several panels are read side by side with software prefetch, and memory bandwidth is the limit. Measured on
// Zen 3: 95 % of the multiply-add peak from 16 rows on. Copying x and the weights into f32 blocks that fit the first
// level (as for larger tiles in Goto & van de Geijn 2008) reached 85 %.
#include "compiler/kernels/panels.h"

#include <algorithm>

#include "compiler/kernels/kernels.h"
#include "compiler/kernels/panel_tiles.h"

using namespace mlir;

namespace llc::kernels {

int64_t packedBytes(int64_t k, int64_t n, DType type) {
  int64_t steps = type == DType::bf16 ? roundUp(k, 2) : k;
  return roundUp(n, panelColumns) * steps * int64_t(byteSize(type));
}

int64_t chooseBlockPanels(int64_t n) {
  int64_t panels = (n + panelColumns - 1) / panelColumns;
  return std::clamp<int64_t>(roundUp((panels + 31) / 32, 4), 4, 16);
}

PanelPlan::PanelPlan(const Target &target, int64_t k, int64_t n, DType type, int64_t weights, int64_t blockPanels,
                     int64_t rowBlock)
    : k(k),
      n(n),
      type(type),
      weights(weights),
      panels((n + panelColumns - 1) / panelColumns),
      panelBytes(packedBytes(k, panelColumns, type)),
      stepBytes(panelColumns * int64_t(byteSize(type))),
      blockPanels(std::min(blockPanels, panels)),
      columnBlocks((panels + blockPanels - 1) / blockPanels),
      rowBlock(rowBlock),
      narrowPanels(this->blockPanels) {
  bool tiles = target.tileUnitRows > 0 && type == DType::bf16;
  if (tiles) {
    int64_t wide = narrowPanels * std::max<int64_t>(1, target.tileUnitPanels / (narrowPanels * weights));
    this->blockPanels = std::min(wide, panels);
    columnBlocks = (panels + this->blockPanels - 1) / this->blockPanels;
    fewRows = target.tileUnitRows - 1, tileUnitK = target.tileUnitK, terms = target.activationTerms;
  }
  int64_t blocks = (k + target.kBlock - 1) / target.kBlock;
  kBlock = roundUp((k + blocks - 1) / blocks, 16);
  // A line between the rows of tiles keeps them out of each other's cache sets.
  sumRowBytes = this->blockPanels * panelColumns * 4 + (tiles ? 64 : 0);
  sumsBytes = roundUp(rowBlock * sumRowBytes, 64);
  scratchBytes = tiles ? termOffset(terms) : weights * sumsBytes;
}

PanelBlock blockOfChunk(Emitter &e, const PanelPlan &plan, Value chunk, Value rows) {
  Value width = e.c64(plan.blockPanels), rowBlock = e.div(chunk, plan.columnBlocks),
        columnBlock = e.rem(chunk, plan.columnBlocks);
  if (plan.fewRows) {
    Value few = e.cmp(Emitter::IntCompare::sle, rows, e.c64(plan.fewRows));
    width = e.select(few, e.c64(plan.narrowPanels), width);
    rowBlock = e.select(few, e.c64(0), rowBlock);
    columnBlock = e.select(few, chunk, columnBlock);
  }
  PanelBlock block;
  block.firstRow = e.mul(rowBlock, plan.rowBlock), block.firstPanel = e.mul(columnBlock, width);
  block.rows = e.min(e.c64(plan.rowBlock), e.sub(rows, block.firstRow));
  block.panelCount = e.min(width, e.sub(e.c64(plan.panels), block.firstPanel));
  return block;
}

KernelFunction chunksOf(const PanelPlan &plan) {
  return {.symbol = "",
          .rowsPerChunk = plan.rowBlock,
          .columnChunks = plan.columnBlocks,
          .scratchBytes = plan.scratchBytes,
          .fewRows = plan.fewRows,
          .fewRowsChunks = plan.fewRows ? (plan.panels + plan.narrowPanels - 1) / plan.narrowPanels : 0};
}

namespace {

class PanelSums {
 public:
  PanelSums(Emitter &e, const PanelPlan &plan, Value x, ValueRange weights, Value rows, Value firstPanel,
            Value panelCount, Value scratch)
      : e(e),
        plan(plan),
        x(x),
        weights(weights),
        rows(rows),
        firstPanel(firstPanel),
        panelCount(panelCount),
        scratch(scratch),
        lanes(e.target.lanes),
        panelVectors(panelColumns / lanes) {}

  void emit() {
    int64_t wide = e.target.streamPanels;
    bool even = plan.panels % wide == 0 && plan.blockPanels % wide == 0 && plan.narrowPanels % wide == 0;
    for (int64_t weight = 0; weight < plan.weights; weight++) {
      Value whole = even ? panelCount : e.mul(e.div(panelCount, wide), wide);
      e.loop(e.c64(0), whole, wide, [&](Value panel) { passRows(weight, panel, wide); });
      if (!even) e.loop(whole, panelCount, 1, [&](Value panel) { passRows(weight, panel, 1); });
    }
  }

 private:
  Value panelAt(int64_t weight, Value panel) {
    return e.gep(weights[weight], e.mul(e.add(firstPanel, panel), plan.panelBytes));
  }
  Value sumsAt(int64_t weight, Value row, Value panel) {
    Value offset = e.add(e.mul(row, plan.sumRowBytes), e.mul(panel, panelColumns * 4));
    return e.gep(scratch, e.add(offset, plan.sumsOffset(weight)));
  }
  // Panels of a tile: as many as leave registers for the weights themselves.
  int64_t tileWidth(int64_t tileRows, int64_t most) const {
    return std::clamp<int64_t>(e.target.registers / 2 / (tileRows * panelVectors), 1, most);
  }

  // All rows past a group of panels: large tiles first, then what is left of the rows in halves.
  void passRows(int64_t weight, Value group, int64_t count) {
    int64_t large = e.target.tileRows, width = tileWidth(large, std::min<int64_t>(count, 2));
    Value done = e.mul(e.div(rows, large), large);
    e.loop(group, e.add(group, count), width, [&](Value panel) { passLargeTiles(weight, panel, done, large, width); });
    for (int64_t step = large / 2; step >= 1; step /= 2) {
      Value until = e.add(done, e.mul(e.div(e.sub(rows, done), step), step));
      int64_t stepWidth = tileWidth(step, count);
      e.loop(done, until, step, [&](Value row) {
        e.loop(group, e.add(group, count), stepWidth, [&](Value panel) {
          Range all{e.c64(0), e.c64(plan.k / unit())};
          storeSums(emitRange(weight, row, panel, step, stepWidth, all, {}, true), weight, row, panel, step, stepWidth);
        });
      });
      done = until;
    }
  }
  void passLargeTiles(int64_t weight, Value panel, Value until, int64_t tileRows, int64_t width) {
    int64_t steps = plan.k / unit(), blockSteps = plan.kBlock / unit();
    for (int64_t first = 0; first < std::max<int64_t>(steps, 1); first += blockSteps) {
      bool isLast = first + blockSteps >= steps;
      Range range{e.c64(first), e.c64(isLast ? steps : first + blockSteps)};
      e.loop(e.c64(0), until, tileRows, [&](Value row) {
        Values sums = first ? loadSums(weight, row, panel, tileRows, width) : Values();
        storeSums(emitRange(weight, row, panel, tileRows, width, range, sums, isLast), weight, row, panel, tileRows,
                  width);
      });
    }
  }

  // Steps of k that one cache line of a panel holds; sums run over whole lines, then over a last odd step.
  int64_t unit() const { return plan.type == DType::f32 ? 1 : 2; }
  struct Range {
    Value from, to;
  };  // in lines

  // `sums` (empty: zero) plus the products over a range, and the odd step behind all lines if `withRest`.
  Values emitRange(int64_t weight, Value row, Value panel, int64_t tileRows, int64_t tilePanels, Range range,
                   Values sums, bool withRest) {
    Value base = panelAt(weight, panel), source = e.gep(x, e.mul(row, plan.k * 4));
    if (sums.empty()) sums.assign(size_t(tileRows * tilePanels * panelVectors), e.zero(e.f(lanes)));
    sums = e.loop(range.from, range.to, 1, sums, [&](Value k, ValueRange carried) {
      Values next(carried);
      Value line = e.gep(base, e.mul(k, plan.stepBytes * unit())), left = e.gep(source, e.mul(k, unit() * 4));
      for (int64_t p = 0; p < tilePanels; p++) e.prefetch(e.gep(line, p * plan.panelBytes + e.target.prefetchBytes));
      streamStep(line, left, unit(), tileRows, tilePanels, next);
      return next;
    });
    if (withRest && plan.k % unit()) {
      int64_t lines = plan.k / unit();
      Value line = e.gep(base, lines * plan.stepBytes * unit()), left = e.gep(source, lines * unit() * 4);
      streamStep(line, left, 1, tileRows, tilePanels, sums);
    }
    return sums;
  }
  template <class Body>
  void forTile(int64_t weight, Value row, Value panel, int64_t tileRows, int64_t tilePanels, Body body) {
    int64_t width = tilePanels * panelVectors;
    for (int64_t r = 0; r < tileRows; r++)
      for (int64_t v = 0; v < width; v++)
        body(r * width + v, e.gep(sumsAt(weight, e.add(row, r), panel), v * lanes * 4));
  }
  Values loadSums(int64_t weight, Value row, Value panel, int64_t tileRows, int64_t tilePanels) {
    Values sums;
    forTile(weight, row, panel, tileRows, tilePanels,
            [&](int64_t, Value at) { sums.push_back(e.load(e.f(lanes), at, 4)); });
    return sums;
  }
  void storeSums(const Values &sums, int64_t weight, Value row, Value panel, int64_t tileRows, int64_t tilePanels) {
    forTile(weight, row, panel, tileRows, tilePanels, [&](int64_t i, Value at) { e.store(sums[i], at, 4); });
  }
  // `unit` steps of k: sums += x[row][k..] * w[k..][columns].
  void streamStep(Value line, Value left, int64_t unit, int64_t tileRows, int64_t tilePanels, Values &sums) {
    int64_t width = tilePanels * panelVectors;
    Values scalars;
    for (int64_t r = 0; r < tileRows; r++)
      for (int64_t u = 0; u < unit; u++)
        scalars.push_back(e.splat(lanes, e.load(e.f32, e.gep(left, r * plan.k * 4 + u * 4), 4)));
    for (int64_t v = 0; v < width; v++) {
      Value panel = e.gep(line, v / panelVectors * plan.panelBytes);
      Values columns = loadColumns(panel, v % panelVectors, unit);
      for (int64_t r = 0; r < tileRows; r++)
        for (int64_t u = 0; u < unit; u++)
          sums[r * width + v] = e.fma(scalars[r * unit + u], columns[u], sums[r * width + v]);
    }
  }
  // Vector `v` of a panel's line for each of its steps of k, as f32.
  Values loadColumns(Value line, int64_t v, int64_t unit) {
    Values columns;
    if (plan.type == DType::bf16) {
      Value pairs = e.load(e.vec(lanes, e.i32), e.gep(line, v * lanes * 4), 4);
      columns.push_back(evenOfPairs(pairs));
      if (unit == 2) columns.push_back(oddOfPairs(pairs));
      return columns;
    }
    for (int64_t u = 0; u < unit; u++)
      columns.push_back(
          e.loadFloat(plan.type, e.gep(line, u * plan.stepBytes + v * lanes * int64_t(byteSize(plan.type))), lanes));
    return columns;
  }
  Value evenOfPairs(Value pairs) {
    return e.bitcast(e.f(lanes), e.b.create<arith::ShLIOp>(pairs, e.constant(pairs.getType(), 16)));
  }
  Value oddOfPairs(Value pairs) {
    return e.bitcast(e.f(lanes),
                     e.b.create<arith::AndIOp>(pairs, e.constant(pairs.getType(), double(int32_t(0xffff0000)))));
  }

  Emitter &e;
  const PanelPlan &plan;
  Value x;
  Values weights;
  Value rows, firstPanel, panelCount, scratch;
  int64_t lanes, panelVectors;
};

}  // namespace

void emitPanelSums(Emitter &e, const PanelPlan &plan, Value x, ValueRange weights, Value rows, Value firstPanel,
                   Value panelCount, Value scratch) {
  auto stream = [&] { PanelSums(e, plan, x, weights, rows, firstPanel, panelCount, scratch).emit(); };
  if (!plan.fewRows) return stream();
  Value few = e.cmp(Emitter::IntCompare::sle, rows, e.c64(plan.fewRows));
  e.ifElse(few, stream, [&] { emitTileSums(e, plan, x, weights, rows, firstPanel, panelCount, scratch); });
}

}  // namespace llc::kernels
