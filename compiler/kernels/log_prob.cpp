// log softmax(x W)[target] for each row, vocabulary block by vocabulary block: running maximum, running sum of
// exponentials, and the target's logit when its block passes. The logits of a block live in scratch only.
#include <fmt/format.h>

#include <limits>

#include "compiler/kernels/kernels.h"
#include "compiler/kernels/panels.h"
#include "compiler/kernels/vector_math.h"

using namespace mlir;

namespace llc::kernels {
namespace {

constexpr double log2e = 1.44269504088896340736;
constexpr int64_t logProbRows = 32, blockPanels = 16;

struct LogProb {
  Emitter &e;
  const LogProbSpec &spec;
  const PanelPlan &plan;
  int64_t maximaOffset, sumsOffset, chosenOffset;

  void emit(const KernelArguments &in) {
    Value first = e.mul(in.chunk, logProbRows), rows = e.min(e.c64(logProbRows), e.sub(in.rows, first));
    Value x = e.gep(in.pointers[0], e.mul(first, plan.xRowBytes())), targets = e.gep(in.pointers[2], e.mul(first, 4));
    auto cell = [&](int64_t offset, Value row) { return e.gep(in.scratch, e.add(e.mul(row, 4), offset)); };
    e.loop(e.c64(0), rows, 1, [&](Value row) {
      e.store(e.constant(e.f32, -1e30), cell(maximaOffset, row), 4);
      e.store(e.zero(e.f32), cell(sumsOffset, row), 4);
      e.store(e.zero(e.f32), cell(chosenOffset, row), 4);
    });
    e.loop(e.c64(0), e.c64(plan.panels), plan.blockPanels, [&](Value panel) {
      Value count = e.min(e.c64(plan.blockPanels), e.sub(e.c64(plan.panels), panel)),
            column = e.mul(panel, panelColumns);
      emitPanelSums(e, plan, {x, {in.pointers[1]}, rows, panel, count, in.scratch, in.rows});
      Value columns = e.min(e.mul(count, panelColumns), e.sub(e.c64(plan.n), column));
      e.loop(e.c64(0), rows, 1, [&](Value row) {
        Value sums = e.gep(in.scratch, e.mul(row, plan.sumRowBytes));
        Value place = e.sub(e.loadI32AsI64(e.gep(targets, e.mul(row, 4))), column);
        addBlock(sums, columns, place, cell(maximaOffset, row), cell(sumsOffset, row), cell(chosenOffset, row));
      });
    });
    e.loop(e.c64(0), rows, 1, [&](Value row) {
      Value target = e.loadI32AsI64(e.gep(targets, e.mul(row, 4)));
      Value known = e.b.create<arith::AndIOp>(e.cmp(Emitter::IntCompare::sge, target, e.c64(0)),
                                              e.cmp(Emitter::IntCompare::slt, target, e.c64(plan.n)));
      Value above = e.subf(e.load(e.f32, cell(chosenOffset, row), 4), e.load(e.f32, cell(maximaOffset, row), 4));
      Value result =
          e.subf(e.mulf(above, e.constant(e.f32, 1 / log2e)), emitLog(e, e.load(e.f32, cell(sumsOffset, row), 4)));
      e.store(e.select(known, result, e.zero(e.f32)), e.gep(in.pointers[3], e.mul(e.add(first, row), 4)), 4);
    });
  }

  // Logits as base-2 exponents.
  Value logit(Value sum) {
    if (!spec.softCap) return e.mulf(sum, e.constant(sum.getType(), double(spec.scale) * log2e));
    Value bent = emitTanh(e, e.mulf(sum, e.constant(sum.getType(), double(spec.scale) / spec.softCap)));
    return e.mulf(bent, e.constant(sum.getType(), double(spec.softCap) * log2e));
  }
  void addBlock(Value sums, Value columns, Value place, Value maximum, Value total, Value chosen) {
    int64_t lanes = e.target.lanes;
    Value hidden = e.constant(e.f(lanes), -std::numeric_limits<double>::infinity());
    Value largest =
        e.loop(e.c64(0), columns, lanes, ValueRange{e.constant(e.f(lanes), -1e30)}, [&](Value i, ValueRange carried) {
          Value pointer = e.gep(sums, e.mul(i, 4)), value = logit(e.load(e.f(lanes), pointer, 4));
          // Columns beyond the vocabulary are padding.
          Value left = e.splat(lanes, e.toI32(e.sub(columns, i)));
          value = e.select(e.cmp(Emitter::IntCompare::slt, e.iota(lanes), left), value, hidden);
          e.store(value, pointer, 4);
          return Values{e.maxf(value, carried[0])};
        })[0];
    Value old = e.load(e.f32, maximum, 4), now = e.maxf(e.reduceMax(largest), old), wide = e.splat(lanes, now);
    Value added = e.loop(e.c64(0), columns, lanes, ValueRange{e.zero(e.f(lanes))}, [&](Value i, ValueRange carried) {
      return Values{
          e.addf(carried[0], emitExp2Flush(e, e.subf(e.load(e.f(lanes), e.gep(sums, e.mul(i, 4)), 4), wide)))};
    })[0];
    e.store(e.fma(e.load(e.f32, total, 4), emitExp2Flush(e, e.subf(old, now)), e.reduceAdd(added)), total, 4);
    e.store(now, maximum, 4);
    Value here = e.b.create<arith::AndIOp>(e.cmp(Emitter::IntCompare::sge, place, e.c64(0)),
                                           e.cmp(Emitter::IntCompare::slt, place, columns));
    e.ifThen(here, [&] { e.store(e.load(e.f32, e.gep(sums, e.mul(place, 4)), 4), chosen, 4); });
  }
};

}  // namespace

KernelFunction emitLogProb(Emitter &e, const LogProbSpec &spec) {
  std::string stem =
      "log_prob_" + std::to_string(spec.k) + "x" + std::to_string(spec.n) + "_" + std::string(dtypeName(spec.weights));
  std::string key = stem + fmt::format("|{}|{}|{}", spec.softCap, spec.scale, spec.xInBf16);
  PanelPlan plan(e.target, {spec.k, spec.n, spec.weights, spec.xInBf16}, blockPanels, logProbRows);
  int64_t cells = roundUp(plan.scratchBytes, 64), perCell = logProbRows * 4;
  KernelFunction shape{
      .symbol = "", .rowsPerChunk = logProbRows, .columnChunks = 1, .scratchBytes = cells + 3 * perCell};
  shape.copies = copiesOf(plan, plan.wideBlocks(plan.panels));
  return e.kernel(key, stem, 4, shape, [&](const KernelArguments &in) {
    LogProb{e, spec, plan, cells, cells + perCell, cells + 2 * perCell}.emit(in);
  });
}

}  // namespace llc::kernels
