// Two ways through one block:
//  - few rows (decode): the weights are read once, straight into multiply-adds, several panels side by side with
//  software
//    prefetch. Memory bandwidth is the limit.
//  - many rows: blocks along k; the block of x is copied so that its rows do not collide in the cache, each panel's
//  block
//    is expanded to f32 once and multiplied with all row tiles. The multiply-add units are the limit.
#include "compiler/kernels/panels.h"

#include <algorithm>

#include "compiler/kernels/kernels.h"
#include "compiler/kernels/tile.h"

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
      kBlock(std::min(roundUp(k, 2), target.kBlock)) {
  int64_t paddedRows = rowBlock + target.smallTileRows;
  sumRowBytes = this->blockPanels * panelColumns * 4;
  // One line more than a power of two: rows of the copy fall into different cache sets.
  aRowBytes = (kBlock + 16) * 4;
  sumsBytes = roundUp(paddedRows * sumRowBytes, 64);
  aOffset = weights * sumsBytes;
  bOffset = aOffset + roundUp(paddedRows * aRowBytes, 64);
  scratchBytes = bOffset + (type == DType::f32 ? 0 : target.tilePanels * kBlock * panelColumns * 4);
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
    Value few = e.cmp(Emitter::IntCompare::sle, rows, e.c64(e.target.streamRows));
    e.ifElse(few, [&] { stream(); }, [&] { blocked(); });
  }

 private:
  Value panelAt(int64_t weight, Value panel) {
    return e.gep(weights[weight], e.mul(e.add(firstPanel, panel), plan.panelBytes));
  }
  Value sumsAt(int64_t weight, Value row, Value panel) {
    Value offset = e.add(e.mul(row, plan.sumRowBytes), e.mul(panel, panelColumns * 4));
    return e.gep(scratch, e.add(offset, plan.sumsOffset(weight)));
  }
  Value xAt(Value row) { return e.gep(x, e.mul(row, plan.k * 4)); }

  // ---- few rows
  void stream() {
    int64_t wide = e.target.streamPanels;
    bool even = plan.panels % wide == 0 && plan.blockPanels % wide == 0;
    for (int64_t weight = 0; weight < plan.weights; weight++) {
      Value whole = even ? panelCount : e.mul(e.div(panelCount, wide), wide);
      e.loop(e.c64(0), whole, wide, [&](Value panel) { streamPanels(weight, panel, wide); });
      if (!even) e.loop(whole, panelCount, 1, [&](Value panel) { streamPanels(weight, panel, 1); });
    }
  }
  // All rows past a group of panels. Four rows at a time keep the multiply-add units busy with one panel, which stays
  // in the cache for the next four; with fewer rows several panels at once keep memory busy.
  void streamPanels(int64_t weight, Value group, int64_t count) {
    int64_t most = std::min<int64_t>(4, e.target.registers / 2 / panelVectors);
    Value done = e.mul(e.div(rows, most), most);
    int64_t pair = std::clamp<int64_t>(e.target.registers / 2 / (most * panelVectors), 1, std::min<int64_t>(count, 2));
    e.loop(group, e.add(group, count), pair, [&](Value panel) {
      e.loop(e.c64(0), done, most, [&](Value row) { streamTile(weight, row, panel, most, pair); });
    });
    for (int64_t step = most / 2; step >= 1; step /= 2) {
      Value until = e.add(done, e.mul(e.div(e.sub(rows, done), step), step));
      // As many panels as leave registers for the weights themselves.
      int64_t width = std::clamp<int64_t>(e.target.registers / 2 / (step * panelVectors), 1, count);
      e.loop(done, until, step, [&](Value row) {
        e.loop(group, e.add(group, count), width, [&](Value panel) { streamTile(weight, row, panel, step, width); });
      });
      done = until;
    }
  }
  void streamTile(int64_t weight, Value row, Value panel, int64_t tileRows, int64_t tilePanels) {
    Value base = panelAt(weight, panel), source = xAt(row);
    int64_t unit = plan.type == DType::f32 ? 1 : 2;  // steps of k in one cache line of a panel
    Values sums(size_t(tileRows * tilePanels * panelVectors), e.zero(e.f(lanes)));
    sums = e.loop(e.c64(0), e.c64(plan.k / unit), 1, sums, [&](Value k, ValueRange carried) {
      Values next(carried);
      Value line = e.gep(base, e.mul(k, plan.stepBytes * unit)), left = e.gep(source, e.mul(k, unit * 4));
      for (int64_t p = 0; p < tilePanels; p++) e.prefetch(e.gep(line, p * plan.panelBytes + e.target.prefetchBytes));
      streamStep(line, left, unit, tileRows, tilePanels, next);
      return next;
    });
    if (plan.k % unit) {
      Value line = e.gep(base, plan.k / unit * plan.stepBytes * unit), left = e.gep(source, plan.k / unit * unit * 4);
      streamStep(line, left, 1, tileRows, tilePanels, sums);
    }
    for (int64_t r = 0; r < tileRows; r++)
      for (int64_t v = 0; v < tilePanels * panelVectors; v++)
        e.store(sums[r * tilePanels * panelVectors + v], e.gep(sumsAt(weight, e.add(row, r), panel), v * lanes * 4), 4);
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

  // ---- many rows
  void blocked() {
    for (int64_t weight = 0; weight < plan.weights; weight++) clearSums(weight);
    e.loop(e.c64(0), e.c64(plan.k), plan.kBlock, [&](Value k) {
      Value depth = e.min(e.c64(plan.kBlock), e.sub(e.c64(plan.k), k));
      copyRows(k, depth);
      for (int64_t weight = 0; weight < plan.weights; weight++) {
        int64_t wide = e.target.tilePanels;
        Value whole = e.mul(e.div(panelCount, wide), wide);
        e.loop(e.c64(0), whole, wide, [&](Value panel) { multiplyPanels(weight, panel, wide, k, depth); });
        if (plan.panels % wide || plan.blockPanels % wide)
          e.loop(whole, panelCount, 1, [&](Value panel) { multiplyPanels(weight, panel, 1, k, depth); });
      }
    });
  }
  void clearSums(int64_t weight) {
    Value to = e.mul(rows, plan.sumRowBytes);
    e.loop(e.c64(0), to, panelColumns * 4, [&](Value at) {
      for (int64_t v = 0; v < panelVectors; v++)
        e.store(e.zero(e.f(lanes)), e.gep(scratch, e.add(at, plan.sumsOffset(weight) + v * lanes * 4)), 4);
    });
  }
  void copyRows(Value k, Value depth) {
    e.loop(e.c64(0), rows, 1, [&](Value row) {
      Value from = e.gep(xAt(row), e.mul(k, 4)), to = e.gep(scratch, e.add(e.mul(row, plan.aRowBytes), plan.aOffset));
      e.vectorLoop(
          e.c64(0), depth,
          [&](Value at, int64_t width) {
            e.store(e.load(e.f(width), e.gep(from, e.mul(at, 4)), 4), e.gep(to, e.mul(at, 4)), 4);
          },
          plan.k % lanes != 0);
    });
  }
  void multiplyPanels(int64_t weight, Value panel, int64_t count, Value k, Value depth) {
    Tile tile;
    tile.width = lanes;
    tile.aRowBytes = plan.aRowBytes;
    tile.bStepBytes = panelColumns * 4;
    Value source = e.gep(panelAt(weight, panel), e.mul(k, plan.stepBytes)), right = source;
    int64_t distance = plan.panelBytes;
    if (plan.type != DType::f32) {
      right = e.gep(scratch, plan.bOffset);
      distance = plan.kBlock * panelColumns * 4;
      for (int64_t p = 0; p < count; p++)
        expandPanel(e.gep(source, p * plan.panelBytes), e.gep(right, p * distance), depth);
    }
    for (int64_t p = 0; p < count; p++)
      for (int64_t v = 0; v < panelVectors; v++) tile.vectorOffsets.push_back(p * distance + v * lanes * 4);
    Value whole = e.mul(e.div(rows, e.target.tileRows), e.target.tileRows);
    auto multiply = [&](int64_t tileRows) {
      return [&, tileRows](Value row) {
        Tile sized = tile;
        sized.rows = tileRows;
        Value left = e.gep(scratch, e.add(e.mul(row, plan.aRowBytes), plan.aOffset)), sums = sumsAt(weight, row, panel);
        storeTile(e, sized, emitTile(e, sized, left, right, depth, loadTile(e, sized, sums, plan.sumRowBytes)), sums,
                  plan.sumRowBytes);
      };
    };
    e.loop(e.c64(0), whole, e.target.tileRows, multiply(e.target.tileRows));
    e.loop(whole, rows, e.target.smallTileRows, multiply(e.target.smallTileRows));
  }
  void expandPanel(Value source, Value to, Value depth) {
    if (plan.type != DType::bf16) {
      e.loop(e.c64(0), depth, 1, [&](Value k) {
        for (int64_t v = 0; v < panelVectors; v++) {
          Value from = e.gep(source, e.add(e.mul(k, plan.stepBytes), v * lanes * int64_t(byteSize(plan.type))));
          e.store(e.loadFloat(plan.type, from, lanes), e.gep(to, e.add(e.mul(k, panelColumns * 4), v * lanes * 4)), 4);
        }
      });
      return;
    }
    e.loop(e.c64(0), e.ceilDiv(depth, 2), 1, [&](Value pair) {
      for (int64_t v = 0; v < panelVectors; v++) {
        Value pairs =
            e.load(e.vec(lanes, e.i32), e.gep(source, e.add(e.mul(pair, panelColumns * 4), v * lanes * 4)), 4);
        Value at = e.gep(to, e.add(e.mul(pair, panelColumns * 8), v * lanes * 4));
        e.store(evenOfPairs(pairs), at, 4);
        e.store(oddOfPairs(pairs), e.gep(at, panelColumns * 4), 4);
      }
    });
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
  PanelSums(e, plan, x, weights, rows, firstPanel, panelCount, scratch).emit();
}

}  // namespace llc::kernels
