#include "compiler/kernels/pair_dots.h"

namespace llc::kernels {

Values addPair(Emitter &e, const PairDots &dots, Value left, Value right, ValueRange sums) {
  Values lefts;
  for (int64_t r = 0; r < dots.rows; r++) lefts.push_back(e.gep(left, r * dots.leftRowBytes));
  return addPair(e, dots, ValueRange(lefts), right, sums);
}

Values addPair(Emitter &e, const PairDots &dots, ValueRange lefts, Value right, ValueRange sums) {
  int64_t lanes = e.target.lanes;
  Type pairs = e.vec(2 * lanes, e.bf16);
  Values lines, next;
  for (int64_t p = 0; p < dots.panels; p++) lines.push_back(e.load(pairs, e.gep(right, p * dots.panelBytes), 4));
  for (int64_t r = 0; r < dots.rows; r++) {
    Value pair = e.bitcast(pairs, e.splat(lanes, e.load(e.i32, lefts[size_t(r)], 4)));
    for (int64_t p = 0; p < dots.panels; p++)
      next.push_back(e.intrinsic("llvm.x86.avx512bf16.dpbf16ps.512", e.f(lanes),
                                 {sums[size_t(r * dots.panels + p)], pair, lines[size_t(p)]}));
  }
  return next;
}

void forPanelGroups(Emitter &e, Value count, llvm::function_ref<void(Value group, Value first, int64_t number)> body,
                    llvm::function_ref<void(Value group)> after) {
  // 3 + 3 + 2 + 2 rather than 3 + 3 + 3 + 1: the sums of one panel are too few to keep the units busy.
  constexpr int64_t most = PairDots::mostPanels;
  static_assert(most == 3, "a group that is not whole has two panels, or is the only one and has one");
  Value groups = e.ceilDiv(count, most), lacking = e.sub(e.mul(groups, most), count);
  Value whole = e.max(e.c64(0), e.sub(groups, lacking));
  e.loop(e.c64(0), groups, 1, [&](Value group) {
    Value first = e.add(e.mul(group, most - 1), e.min(group, whole));
    auto rest = [&] {
      Value isTwo = e.cmp(Emitter::IntCompare::sge, e.sub(count, first), e.c64(2));
      e.ifElse(isTwo, [&] { body(group, first, 2); }, [&] { body(group, first, 1); });
    };
    e.ifElse(e.cmp(Emitter::IntCompare::slt, group, whole), [&] { body(group, first, most); }, rest);
    if (after) after(group);
  });
}

}  // namespace llc::kernels
