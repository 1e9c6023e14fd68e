// A panel of bf16 weights holds pairs along k, which is what the instruction reads. A part of k of the activations is
// copied to rows of bf16; then some panels, which the first level holds that far, stay while all rows pass by. Between
// parts the sums wait in scratch. Few rows are copied whole, and panels pass by them as they come from memory. The sums
// of a row run in the same order either way.
#include "compiler/kernels/panel_pairs.h"

#include <algorithm>

#include "compiler/kernels/kernels.h"
#include "compiler/kernels/pair_dots.h"
#include "compiler/kernels/panel_tiles.h"

using namespace mlir;

namespace llc::kernels {
namespace {

// `steps` of a row of activations as numbers of bf16: all that are left, if k is odd and ends with them.
void copyRow(Emitter &e, const PanelPlan &plan, Value source, Value target, Value steps) {
  e.vectorLoop(e.c64(0), steps, [&](Value step, int64_t width) {
    Value values = e.load(e.f(width), e.gep(source, e.mul(step, 4)), 4);
    e.store(tileBits(e, values), e.gep(target, e.mul(step, 2)), 2);
  });
  // The second half of the last pair, should k be odd; the panel has a zero there, which a NaN would not mind.
  if (plan.k % 2) e.store(e.zero(e.i16), e.gep(target, e.mul(steps, 2)), 2);
}

class FewRows : PanelWork {
 public:
  FewRows(Emitter &e, const PanelPlan &plan, const PanelWork &work) : PanelWork(work), e(e), plan(plan) {}

  void emit() {
    e.loop(e.c64(0), rows, 1,
           [&](Value row) { copyRow(e, plan, e.gep(x, e.mul(row, plan.k * 4)), copiedRow(row), e.c64(plan.k)); });
    for (int64_t weight = 0; weight < plan.weights; weight++)
      forHalves(e, e.c64(0), rows, PairDots::mostRows,
                [&](Value row, int64_t tileRows) { passPanels(weight, row, tileRows); });
  }

 private:
  // Panels side by side are as many streams for the prefetchers; their sums fill half of the registers.
  void passPanels(int64_t weight, Value row, int64_t tileRows) {
    int64_t most = std::min<int64_t>(e.target.streamPanels, 16 / tileRows);
    auto body = [&](Value panel, int64_t width) { tile(weight, row, tileRows, panel, width); };
    if (!plan.isOfGroups(most)) return forHalves(e, e.c64(0), panelCount, most, body);
    e.loop(e.c64(0), panelCount, most, [&](Value panel) { body(panel, most); });
  }
  void tile(int64_t weight, Value row, int64_t tileRows, Value panel, int64_t width) {
    PairDots dots{tileRows, width, plan.fewRowBytes(), plan.panelBytes};
    Value left = copiedRow(row),
          right = e.gep(weights[size_t(weight)], e.mul(e.add(firstPanel, panel), plan.panelBytes));
    Values sums(size_t(tileRows * width), e.zero(e.f(e.target.lanes)));
    sums = e.loop(e.c64(0), e.c64((plan.k + 1) / 2), 1, sums, [&](Value pair, ValueRange carried) {
      Value line = e.gep(right, e.mul(pair, lineBytes));
      for (int64_t p = 0; p < width; p++) e.prefetch(e.gep(line, p * plan.panelBytes + e.target.prefetchBytes));
      return addPair(e, dots, e.gep(left, e.mul(pair, 4)), line, carried);
    });
    Value place = plan.sumsAt(e, scratch, weight, row, panel);
    for (int64_t i = 0; i < tileRows * width; i++)
      e.store(sums[size_t(i)], e.gep(place, i / width * plan.sumRowBytes + i % width * panelColumns * 4), 4);
  }
  Value copiedRow(Value row) { return e.gep(scratch, e.add(e.mul(row, plan.fewRowBytes()), plan.restOffset())); }

  Emitter &e;
  const PanelPlan &plan;
};

class PairSums : PanelWork {
 public:
  PairSums(Emitter &e, const PanelPlan &plan, const PanelWork &work)
      : PanelWork(work), e(e), plan(plan), lines(e.ceilDiv(rows, PairDots::mostRows)) {}

  void emit() {
    zeroSums();
    e.loop(e.c64(0), e.c64(plan.k), plan.pairSteps, [&](Value first) {
      Value steps = e.min(e.c64(plan.pairSteps), e.sub(e.c64(plan.k), first));
      copyRows(first, steps);
      for (int64_t weight = 0; weight < plan.weights; weight++) multiply(weight, first, e.ceilDiv(steps, 2));
    });
  }

 private:
  void zeroSums() {
    for (int64_t weight = 0; weight < plan.weights; weight++)
      e.loop(e.c64(0), rows, 1, [&](Value row) {
        Value sums = e.gep(scratch, e.add(e.mul(row, plan.sumRowBytes), plan.sumsOffset(weight)));
        e.zeroFill(sums, plan.blockPanels * panelColumns * 4);
      });
  }

  // ---- activations
  Value copiedRow(Value row) { return e.gep(scratch, e.add(e.mul(row, plan.pairRowBytes()), plan.restOffset())); }
  void copyRows(Value first, Value steps) {
    e.loop(e.c64(0), rows, 1, [&](Value row) {
      copyRow(e, plan, e.gep(x, e.mul(e.add(e.mul(row, plan.k), first), 4)), copiedRow(row), steps);
    });
    e.loop(rows, e.mul(lines, PairDots::mostRows), 1,
           [&](Value row) { e.zeroFill(copiedRow(row), plan.pairRowBytes()); });
  }

  // ---- products
  void multiply(int64_t weight, Value first, Value pairs) {
    forPanelGroups(e, panelCount, [&](Value, Value panel, int64_t width) {
      Value offset = e.add(e.mul(e.add(firstPanel, panel), plan.panelBytes), e.mul(first, panelColumns * 2));
      Value right = e.gep(weights[size_t(weight)], offset);
      e.loop(e.c64(0), lines, 1, [&](Value line) {
        prefetchNext(right, line, width);
        block(weight, e.mul(line, PairDots::mostRows), panel, right, width, pairs);
      });
    });
  }
  // Each line of tiles fetches its share of the panels that are next.
  void prefetchNext(Value right, Value line, int64_t width) {
    int64_t share = std::max<int64_t>(1, plan.pairSteps / 2 * PairDots::mostRows / plan.rowBlock);
    Value next = e.gep(e.gep(right, width * plan.panelBytes), e.mul(line, share * 64));
    for (int64_t p = 0; p < width; p++)
      for (int64_t i = 0; i < share; i++) e.prefetchFar(e.gep(next, p * plan.panelBytes + i * 64));
  }
  void block(int64_t weight, Value row, Value panel, Value right, int64_t width, Value pairs) {
    int64_t lanes = e.target.lanes;
    Value place = plan.sumsAt(e, scratch, weight, row, panel);
    PairDots dots{.panels = width, .leftRowBytes = plan.pairRowBytes(), .panelBytes = plan.panelBytes};
    Values sums;
    auto sumAt = [&](int64_t i) { return e.gep(place, i / width * plan.sumRowBytes + i % width * panelColumns * 4); };
    for (int64_t i = 0; i < dots.rows * width; i++) sums.push_back(e.load(e.f(lanes), sumAt(i), 4));
    Value left = copiedRow(row);
    sums = e.loop(e.c64(0), pairs, 1, sums, [&](Value pair, ValueRange carried) {
      return addPair(e, dots, e.gep(left, e.mul(pair, 4)), e.gep(right, e.mul(pair, panelColumns * 4)), carried);
    });
    for (size_t i = 0; i < sums.size(); i++) e.store(sums[i], sumAt(int64_t(i)), 4);
  }

  Emitter &e;
  const PanelPlan &plan;
  Value lines;  // of register tiles
};

}  // namespace

void emitFewPairSums(Emitter &e, const PanelPlan &plan, const PanelWork &work) { FewRows(e, plan, work).emit(); }
void emitPairSums(Emitter &e, const PanelPlan &plan, const PanelWork &work) { PairSums(e, plan, work).emit(); }

}  // namespace llc::kernels
