#include "compiler/kernels/pair_dots.h"

namespace llc::kernels {

Values addPair(Emitter &e, const PairDots &dots, Value left, Value right, ValueRange sums) {
  int64_t lanes = e.target.lanes;
  Type pairs = e.vec(2 * lanes, e.bf16);
  Values lines, next;
  for (int64_t p = 0; p < dots.panels; p++) lines.push_back(e.load(pairs, e.gep(right, p * dots.panelBytes), 4));
  for (int64_t r = 0; r < dots.rows; r++) {
    Value pair = e.bitcast(pairs, e.splat(lanes, e.load(e.i32, e.gep(left, r * dots.leftRowBytes), 4)));
    for (int64_t p = 0; p < dots.panels; p++)
      next.push_back(e.intrinsic("llvm.x86.avx512bf16.dpbf16ps.512", e.f(lanes),
                                 {sums[size_t(r * dots.panels + p)], pair, lines[size_t(p)]}));
  }
  return next;
}

void forPanelGroups(Emitter &e, Value count, llvm::function_ref<void(Value first, int64_t number)> body) {
  Value done = e.c64(0);
  for (int64_t width = PairDots::mostPanels; width >= 1; width--) {
    Value until = e.add(done, e.mul(e.div(e.sub(count, done), width), width));
    e.loop(done, until, width, [&](Value panel) { body(panel, width); });
    done = until;
  }
}

}  // namespace llc::kernels
