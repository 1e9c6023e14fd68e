// Weights are read in place, straight into multiply-adds. With many rows, tiles of some rows pass by one or two panels,
// which stay in the second-level cache until all rows have passed, while the panels that follow come there; long sums
// are cut so that there is room for both. With few rows (decode) several panels are read side by side with software
// prefetch, and memory bandwidth is the limit. Measured on Zen 3: 95 % of the multiply-add peak from 16 rows on.
// Copying x and the weights into f32 blocks that fit the first level (as for larger tiles in Goto & van de Geijn 2008)
// reached 85 %.
//
// Where a vector takes two operations (Zen 1), the conversion of halves fills the slots that multiply-adds need: 78 %
// of the peak. There (Target::expandRows) weights alone are copied, as f32, as much of k at a time as a quarter of the
// second level holds: 95 % (half of the first level: 91 %). Sums run in the same order either way, so results are the
// same bit for bit.
#include "compiler/kernels/panels.h"

#include <algorithm>

#include "compiler/kernels/kernels.h"
#include "compiler/kernels/panel_pairs.h"
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

namespace {
constexpr int64_t mostPairSteps = 256;  // three panels that far, 24 KiB, stay in a first level
constexpr int64_t pairPanels = 24;      // of a chunk: its columns share the rows that pass by

// Panels of a tile: as many as leave registers for the weights themselves.
int64_t panelsOfTile(const Target &target, int64_t tileRows, int64_t most) {
  return std::clamp<int64_t>(target.registers / 2 / (tileRows * (panelColumns / target.lanes)), 1, most);
}
int64_t panelsOfLargeTile(const Target &target) { return panelsOfTile(target, target.tileRows, 2); }

// A unit for tiles takes whatever x is, as one term or two. Pairs take rows of bf16 only: two terms would take as long
// as multiply-adds.
bool usesTiles(const Target &target, const PanelFactors &factors) {
  return target.tileUnitRows > 0 && factors.type == DType::bf16;
}
bool usesPairs(const Target &target, const PanelFactors &factors) {
  return !usesTiles(target, factors) && target.pairRows > 0 && factors.type == DType::bf16 && factors.xInBf16;
}
// More rows share a copy of weights in the first level.
int64_t rowBlockOf(const Target &target, const PanelFactors &factors) {
  constexpr int64_t ofPairs = 256;
  return usesPairs(target, factors) ? std::max(target.rowBlock, ofPairs) : target.rowBlock;
}

// `count` cut into equal pieces of whole sixteens, none above `most`.
int64_t equalPieces(int64_t count, int64_t most) {
  int64_t pieces = (count + most - 1) / most;
  return roundUp((count + pieces - 1) / pieces, 16);
}
}  // namespace

PanelPlan::PanelPlan(const Target &target, const PanelFactors &factors, int64_t blockPanels, int64_t rowBlock)
    : PanelFactors(factors),
      panels((n + panelColumns - 1) / panelColumns),
      panelBytes(packedBytes(k, panelColumns, type)),
      stepBytes(panelColumns * int64_t(byteSize(type))),
      blockPanels(std::min(blockPanels, panels)),
      rowBlock(rowBlock ? rowBlock : rowBlockOf(target, factors)),
      narrowPanels(this->blockPanels) {
  bool tiles = usesTiles(target, factors), pairs = usesPairs(target, factors);
  assert((!xInBf16 || ((tiles || pairs) && k % 2 == 0)) && "only these read rows of bf16");
  if (tiles || pairs) {
    int64_t most = tiles ? target.tileUnitPanels : pairPanels;
    int64_t wide = narrowPanels * std::max<int64_t>(1, most / (narrowPanels * weights));
    this->blockPanels = std::min(wide, panels);
  }
  // One term leaves room for twice as many steps of k.
  if (tiles) fewRows = target.tileUnitRows - 1, terms = xInBf16 ? 1 : 2, tileUnitK = target.tileUnitK * 2 / terms;
  if (pairs) fewRows = target.pairRows - 1, pairSteps = std::min(mostPairSteps, roundUp(k, 16));
  // Two blocks of a tile's panels share the second level with what passes by: one is multiplied, one on its way.
  int64_t inSecondLevel = target.l2Bytes / 4 / (panelsOfLargeTile(target) * stepBytes);
  kBlock = equalPieces(k, std::min(target.kBlock, std::max<int64_t>(inSecondLevel / 16 * 16, 256)));
  // A line between the rows of tiles keeps them out of each other's cache sets.
  sumRowBytes = this->blockPanels * panelColumns * 4 + (tiles || pairs ? 64 : 0);
  sumsBytes = roundUp(this->rowBlock * sumRowBytes, 64);
  expandRows = type == DType::f32 ? 0 : target.expandRows;
  int64_t stepBytesOfTile = panelsOfLargeTile(target) * panelColumns * 4;
  expandedSteps = equalPieces(k, target.l2Bytes / 4 / stepBytesOfTile / 16 * 16);
  scratchBytes = std::max(restOffset() + (expandRows ? expandedSteps * stepBytesOfTile : 0),
                          tiles ? termOffset(xInBf16 ? 0 : terms) : 0);
}

Value PanelPlan::sumsAt(Emitter &e, Value scratch, int64_t weight, Value row, Value panel) const {
  Value offset = e.add(e.mul(row, sumRowBytes), e.mul(panel, panelColumns * 4));
  return e.gep(scratch, e.add(offset, sumsOffset(weight)));
}

void forHalves(Emitter &e, Value from, Value to, int64_t most,
               llvm::function_ref<void(Value first, int64_t number)> body) {
  for (; most >= 1; most /= 2) {
    Value until = e.add(from, e.mul(e.div(e.sub(to, from), most), most));
    e.loop(from, until, most, [&](Value first) { body(first, most); });
    from = until;
  }
}

Value ChunkPlace::either(Emitter &e, int64_t narrow, int64_t wide) const {
  return few ? e.select(few, e.c64(narrow), e.c64(wide)) : e.c64(wide);
}

ChunkPlace placeOfChunk(Emitter &e, const PanelPlan &plan, Value chunk, Value rows, int64_t columnBlocks) {
  ChunkPlace place;
  Value rowBlock = e.div(chunk, columnBlocks);
  place.columnBlock = e.rem(chunk, columnBlocks);
  if (plan.fewRows) {
    place.few = e.cmp(Emitter::IntCompare::sle, rows, e.c64(plan.fewRows));
    rowBlock = e.select(place.few, e.c64(0), rowBlock);
    place.columnBlock = e.select(place.few, chunk, place.columnBlock);
  }
  place.width = place.either(e, plan.narrowPanels, plan.blockPanels);
  place.firstRow = e.mul(rowBlock, plan.rowBlock);
  place.rows = e.min(e.c64(plan.rowBlock), e.sub(rows, place.firstRow));
  return place;
}

std::vector<LayoutCopy> copiesOf(const PanelPlan &plan, int64_t columnBlocks) {
  if (plan.xInBf16) return {};
  if (plan.tileUnitK)
    return {{.what = "activations",
             .layout = "tiles of 16 rows x 32, bf16 in terms",
             .fromRows = plan.fewRows + 1,
             .rowBytes = plan.k * 2 * columnBlocks * plan.terms}};
  if (!plan.expandRows) return {};
  return {{.what = "weights",
           .layout = "panels, f32",
           .fromRows = plan.expandRows,
           .blockBytes = plan.weights * plan.panels * panelColumns * plan.k * 4,
           .blockRows = plan.rowBlock}};
}

KernelFunction chunksOf(const PanelPlan &plan, int64_t columnBlocks, int64_t narrowBlocks) {
  return {.symbol = "",
          .rowsPerChunk = plan.rowBlock,
          .columnChunks = columnBlocks,
          .scratchBytes = plan.scratchBytes,
          .fewRows = plan.fewRows,
          .fewRowsChunks = narrowBlocks,
          .copies = copiesOf(plan, columnBlocks)};
}

namespace {

class PanelSums : PanelWork {
 public:
  PanelSums(Emitter &e, const PanelPlan &plan, const PanelWork &work)
      : PanelWork(work), e(e), plan(plan), lanes(e.target.lanes), panelVectors(panelColumns / lanes) {}

  void emit() {
    for (int64_t weight = 0; weight < plan.weights; weight++) {
      auto inPlace = [&] {
        forPanels(e.target.streamPanels, [&](Value group, int64_t count) { passRows(weight, group, count); });
      };
      auto expanded = [&] {
        forPanels(panelsOfLargeTile(e.target), [&](Value panel, int64_t count) { passExpanded(weight, panel, count); });
      };
      if (plan.expandRows)
        e.ifElse(e.cmp(Emitter::IntCompare::sge, rows, e.c64(plan.expandRows)), expanded, inPlace);
      else
        inPlace();
    }
  }

 private:
  // Where a tile reads panels: as they are packed, or copied as f32.
  struct Source {
    Value base;  // of the first panel
    DType type;
    int64_t panelBytes;  // from panel to panel
    bool inMemory;       // worth prefetching
    int64_t stepBytes() const { return panelColumns * int64_t(byteSize(type)); }
    // Steps of k that one cache line holds; sums run over whole lines, then over a last odd step.
    int64_t unit() const { return type == DType::f32 ? 1 : 2; }
  };
  struct Range {
    Value from, to;
  };  // in lines
  // What is fetched in line `k` of a range: begin + k * stride, in every panel of the tile.
  struct Ahead {
    Value begin, stride;
  };

  // Groups of `wide` panels, then the rest one by one.
  template <class Body>
  void forPanels(int64_t wide, Body body) {
    bool even = plan.isOfGroups(wide);
    Value whole = even ? panelCount : e.mul(e.div(panelCount, wide), wide);
    e.loop(e.c64(0), whole, wide, [&](Value group) { body(group, wide); });
    if (!even) e.loop(whole, panelCount, 1, [&](Value panel) { body(panel, 1); });
  }

  Source packed(int64_t weight, Value panel) {
    Value base = e.gep(weights[weight], e.mul(e.add(firstPanel, panel), plan.panelBytes));
    return {base, plan.type, plan.panelBytes, true};
  }
  Value xAt(Value row) { return e.gep(x, e.mul(row, plan.k * 4)); }

  // ---- panels in place
  // All rows past a group of panels: large tiles first.
  void passRows(int64_t weight, Value group, int64_t count) {
    int64_t large = e.target.tileRows, width = panelsOfTile(e.target, large, std::min<int64_t>(count, 2));
    Value done = e.mul(e.div(rows, large), large), end = e.add(group, count);
    e.loop(group, end, width, [&](Value panel) { passLargeTiles(weight, panel, done, large, width); });
    forHalves(e, done, rows, large / 2, [&](Value row, int64_t step) {
      int64_t stepWidth = panelsOfTile(e.target, step, count);
      e.loop(group, end, stepWidth, [&](Value panel) {
        Source source = packed(weight, panel);
        Range all{e.c64(0), e.c64(plan.k / source.unit())};
        storeSums(emitRange(source, xAt(row), step, stepWidth, all, {}, plan.k), weight, row, panel, step, stepWidth);
      });
    });
  }
  void passLargeTiles(int64_t weight, Value panel, Value until, int64_t tileRows, int64_t width) {
    Source source = packed(weight, panel);
    int64_t steps = plan.k / source.unit(), blockSteps = plan.kBlock / source.unit();
    for (int64_t first = 0; first < std::max<int64_t>(steps, 1); first += blockSteps) {
      bool isLast = first + blockSteps >= steps;
      Range range{e.c64(first), e.c64(isLast ? steps : first + blockSteps)};
      Value next = e.gep(source.base, isLast ? width * source.panelBytes : (first + blockSteps) * lineBytes);
      e.loop(e.c64(0), until, tileRows, [&](Value row) {
        Values sums = first ? loadSums(weight, row, panel, tileRows, width) : Values();
        Ahead ahead = aheadOf(source, row, tileRows, first, std::min(steps - first, blockSteps), next);
        sums = emitRange(source, xAt(row), tileRows, width, range, sums, isLast ? plan.k : 0, ahead);
        storeSums(sums, weight, row, panel, tileRows, width);
      });
    }
  }

  // The first tile of rows fetches the lines just ahead of those it reads; each one behind it, for which they lie in
  // the second level, its share of the block that follows, a part of a line in each step.
  Ahead aheadOf(const Source &source, Value row, int64_t tileRows, int64_t first, int64_t lines, Value next) {
    int64_t share = std::max<int64_t>(1, lineBytes * tileRows / plan.rowBlock);
    Value isFirst = e.cmp(Emitter::IntCompare::eq, row, e.c64(0));
    Value later = e.gep(next, e.add(e.mul(e.sub(e.div(row, tileRows), e.c64(1)), lines * share), -first * share));
    return {e.select(isFirst, e.gep(source.base, e.target.prefetchBytes), later),
            e.select(isFirst, e.c64(lineBytes), e.c64(share))};
  }

  // ---- panels as f32 copies
  void passExpanded(int64_t weight, Value panel, int64_t count) {
    Value copies = e.gep(scratch, plan.restOffset());
    Source source = packed(weight, panel), copied{copies, DType::f32, plan.expandedSteps * panelColumns * 4, false};
    e.loop(e.c64(0), rows, 1, [&](Value row) {
      storeSums(Values(size_t(count * panelVectors), e.zero(e.f(lanes))), weight, row, panel, 1, count);
    });
    e.loop(e.c64(0), e.c64(plan.k), plan.expandedSteps, [&](Value first) {
      Value steps = e.min(e.c64(plan.expandedSteps), e.sub(e.c64(plan.k), first));
      for (int64_t p = 0; p < count; p++)
        expand(e.gep(source.base, e.add(e.mul(first, source.stepBytes()), p * source.panelBytes)),
               e.gep(copied.base, p * copied.panelBytes), steps);
      forHalves(e, e.c64(0), rows, e.target.tileRows, [&](Value row, int64_t tileRows) {
        Values sums = loadSums(weight, row, panel, tileRows, count);
        Value left = e.gep(xAt(row), e.mul(first, 4));
        sums = emitRange(copied, left, tileRows, count, {e.c64(0), steps}, sums, 0);
        storeSums(sums, weight, row, panel, tileRows, count);
      });
    });
  }
  // Steps of one packed panel as f32. A pair at the end may hold a step more, which is padding.
  void expand(Value from, Value to, Value steps) {
    int64_t unit = plan.type == DType::bf16 ? 2 : 1;
    e.loop(e.c64(0), e.ceilDiv(steps, unit), 1, [&](Value at) {
      Value line = e.gep(from, e.mul(at, unit * plan.stepBytes)), copy = e.gep(to, e.mul(at, unit * panelColumns * 4));
      e.prefetch(e.gep(line, e.target.prefetchBytes));
      for (int64_t v = 0; v < panelVectors; v++) {
        Values columns = loadColumns(plan.type, line, v, unit);
        for (int64_t u = 0; u < unit; u++) e.store(columns[u], e.gep(copy, (u * panelColumns + v * lanes) * 4), 4);
      }
    });
  }

  // `sums` (empty: zero) plus the products over a range, and the odd step behind all lines of a sum of `restOf` steps.
  Values emitRange(const Source &source, Value left, int64_t tileRows, int64_t tilePanels, Range range, Values sums,
                   int64_t restOf, Ahead ahead = {}) {
    if (!ahead.begin) ahead = {e.gep(source.base, e.target.prefetchBytes), e.c64(lineBytes)};
    int64_t unit = source.unit();
    if (sums.empty()) sums.assign(size_t(tileRows * tilePanels * panelVectors), e.zero(e.f(lanes)));
    sums = e.loop(range.from, range.to, 1, sums, [&](Value k, ValueRange carried) {
      Values next(carried);
      Value line = e.gep(source.base, e.mul(k, source.stepBytes() * unit)), x = e.gep(left, e.mul(k, unit * 4));
      Value fetched = e.gep(ahead.begin, e.mul(k, ahead.stride));
      for (int64_t p = 0; source.inMemory && p < tilePanels; p++) e.prefetch(e.gep(fetched, p * source.panelBytes));
      streamStep(source, line, x, unit, tileRows, tilePanels, next);
      return next;
    });
    if (restOf % unit) {
      int64_t lines = restOf / unit;
      Value line = e.gep(source.base, lines * source.stepBytes() * unit), x = e.gep(left, lines * unit * 4);
      streamStep(source, line, x, 1, tileRows, tilePanels, sums);
    }
    return sums;
  }
  template <class Body>
  void forTile(int64_t weight, Value row, Value panel, int64_t tileRows, int64_t tilePanels, Body body) {
    int64_t width = tilePanels * panelVectors;
    for (int64_t r = 0; r < tileRows; r++)
      for (int64_t v = 0; v < width; v++)
        body(r * width + v, e.gep(plan.sumsAt(e, scratch, weight, e.add(row, r), panel), v * lanes * 4));
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
  void streamStep(const Source &source, Value line, Value left, int64_t unit, int64_t tileRows, int64_t tilePanels,
                  Values &sums) {
    int64_t width = tilePanels * panelVectors;
    Values scalars;
    for (int64_t r = 0; r < tileRows; r++)
      for (int64_t u = 0; u < unit; u++)
        scalars.push_back(e.splat(lanes, e.load(e.f32, e.gep(left, r * plan.k * 4 + u * 4), 4)));
    for (int64_t v = 0; v < width; v++) {
      Value panel = e.gep(line, v / panelVectors * source.panelBytes);
      Values columns = loadColumns(source.type, panel, v % panelVectors, unit);
      for (int64_t r = 0; r < tileRows; r++)
        for (int64_t u = 0; u < unit; u++)
          sums[r * width + v] = e.fma(scalars[r * unit + u], columns[u], sums[r * width + v]);
    }
  }
  // Vector `v` of a panel's line for each of its steps of k, as f32.
  Values loadColumns(DType type, Value line, int64_t v, int64_t unit) {
    Values columns;
    if (type == DType::bf16) {
      Value pairs = e.load(e.vec(lanes, e.i32), e.gep(line, v * lanes * 4), 4);
      columns.push_back(evenOfPairs(pairs));
      if (unit == 2) columns.push_back(oddOfPairs(pairs));
      return columns;
    }
    int64_t bytes = int64_t(byteSize(type));
    for (int64_t u = 0; u < unit; u++)
      columns.push_back(e.loadFloat(type, e.gep(line, (u * panelColumns + v * lanes) * bytes), lanes));
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
  int64_t lanes, panelVectors;
};

}  // namespace

Value loadExtra(Emitter &e, const std::string &indices, Value pointer, const ExtraPlace &place, int64_t width) {
  if (indices == "t") return e.splat(width, e.load(e.f32, e.gep(pointer, e.mul(place.row, 4)), 4));
  return e.load(e.f(width), e.gep(pointer, e.mul(indices == "n" ? place.column : place.element, 4)), 4);
}

void emitPanelSums(Emitter &e, const PanelPlan &plan, const PanelWork &work) {
  auto stream = [&] { PanelSums(e, plan, work).emit(); };
  if (!plan.fewRows) return stream();
  // Few rows of f32 are all that there are; few rows of bf16 may be what is left of many.
  Value few = e.cmp(Emitter::IntCompare::sle, plan.pairSteps ? work.rows : work.stepRows, e.c64(plan.fewRows));
  auto fewSums = [&] { plan.pairSteps ? emitFewPairSums(e, plan, work) : stream(); };
  e.ifElse(few, fewSums, [&] { plan.pairSteps ? emitPairSums(e, plan, work) : emitTileSums(e, plan, work); });
}

}  // namespace llc::kernels
