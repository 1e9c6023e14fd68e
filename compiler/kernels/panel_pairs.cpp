// A panel of bf16 weights holds pairs along k, which is what the instruction reads, and so do rows of bf16. With many
// rows k goes in parts: some panels, which the first level holds that far, stay while all rows pass by; between parts
// the sums wait in scratch. With few rows panels pass by as they come from memory. The sums of a row run in the same
// order either way.
#include "compiler/kernels/panel_pairs.h"

#include <algorithm>

#include "compiler/kernels/pair_dots.h"

using namespace mlir;

namespace llc::kernels {
namespace {

class FewRows : PanelWork {
 public:
  FewRows(Emitter &e, const PanelPlan &plan, const PanelWork &work) : PanelWork(work), e(e), plan(plan) {}

  void emit() {
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
    PairDots dots{tileRows, width, plan.xRowBytes(), plan.panelBytes};
    Value left = e.gep(x, e.mul(row, plan.xRowBytes())),
          right = e.gep(weights[size_t(weight)], e.mul(e.add(firstPanel, panel), plan.panelBytes));
    Values sums(size_t(tileRows * width), e.zero(e.f(e.target.lanes)));
    sums = e.loop(e.c64(0), e.c64(plan.k / 2), 1, sums, [&](Value pair, ValueRange carried) {
      Value line = e.gep(right, e.mul(pair, lineBytes));
      for (int64_t p = 0; p < width; p++) e.prefetch(e.gep(line, p * plan.panelBytes + e.target.prefetchBytes));
      return addPair(e, dots, e.gep(left, e.mul(pair, 4)), line, carried);
    });
    Value place = plan.sumsAt(e, scratch, weight, row, panel);
    for (int64_t i = 0; i < tileRows * width; i++)
      e.store(sums[size_t(i)], e.gep(place, i / width * plan.sumRowBytes + i % width * panelColumns * 4), 4);
  }

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
      for (int64_t weight = 0; weight < plan.weights; weight++) multiply(weight, first, e.div(steps, 2));
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

  void multiply(int64_t weight, Value first, Value pairs) {
    forPanelGroups(e, panelCount, [&](Value, Value panel, int64_t width) {
      Value offset = e.add(e.mul(e.add(firstPanel, panel), plan.panelBytes), e.mul(first, panelColumns * 2));
      Value right = e.gep(weights[size_t(weight)], offset), left = e.gep(x, e.mul(first, 2));
      e.loop(e.c64(0), lines, 1, [&](Value line) {
        prefetchNext(right, line, width);
        block(weight, e.mul(line, PairDots::mostRows), panel, left, right, width, pairs);
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
  // In place of rows that the last tile lacks it reads the last one again; nobody looks at those sums.
  Values rowsAt(Value row, Value left) {
    Values places;
    for (int64_t r = 0; r < PairDots::mostRows; r++)
      places.push_back(e.gep(left, e.mul(e.min(e.add(row, r), e.add(rows, -1)), plan.xRowBytes())));
    return places;
  }
  void block(int64_t weight, Value row, Value panel, Value left, Value right, int64_t width, Value pairs) {
    int64_t lanes = e.target.lanes;
    Value place = plan.sumsAt(e, scratch, weight, row, panel);
    PairDots dots{.panels = width, .panelBytes = plan.panelBytes};
    Values sums, starts = rowsAt(row, left);
    auto sumAt = [&](int64_t i) { return e.gep(place, i / width * plan.sumRowBytes + i % width * panelColumns * 4); };
    for (int64_t i = 0; i < dots.rows * width; i++) sums.push_back(e.load(e.f(lanes), sumAt(i), 4));
    sums = e.loop(e.c64(0), pairs, 1, sums, [&](Value pair, ValueRange carried) {
      Values lefts;
      for (Value start : starts) lefts.push_back(e.gep(start, e.mul(pair, 4)));
      return addPair(e, dots, lefts, e.gep(right, e.mul(pair, panelColumns * 4)), carried);
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
