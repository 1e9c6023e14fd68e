#include "compiler/kernels/batch.h"

namespace llc::kernels {

int64_t cachePageBytes(const CacheSpec &spec) { return PageLayout(spec).pageBytes; }

KernelFunction emitCacheAppend(Emitter &e, const CacheSpec &spec) {
  std::string stem = "cache_append_" + std::to_string(spec.kvHeads) + "x" + std::to_string(spec.keyDim) + "x" +
                     std::to_string(spec.valueDim) + "_" + std::string(dtypeName(spec.type));
  constexpr int64_t rowsPerChunk = 8;
  KernelFunction shape{.symbol = "", .rowsPerChunk = rowsPerChunk};
  return e.kernel(stem, stem, 3, shape, [&](const KernelArguments &in) {
    PageLayout layout(spec);
    BatchReader batch{e, in.batch};
    Value positions = batch.positions(), sequenceOf = batch.sequenceOf();
    Value first = e.mul(in.chunk, rowsPerChunk), end = e.min(in.rows, e.add(first, rowsPerChunk));
    e.loop(first, end, 1, [&](Value row) {
      Value position = batch.entry(positions, row), slot = e.rem(position, LLC_PAGE_TOKENS);
      Value page = batch.entry(batch.pagesOf(batch.entry(sequenceOf, row)), e.div(position, LLC_PAGE_TOKENS));
      Value base = e.gep(in.pointers[2], e.mul(page, layout.pageBytes));
      e.loop(e.c64(0), e.c64(spec.kvHeads), 1, [&](Value head) {
        Value key = e.gep(in.pointers[0], e.mul(e.add(e.mul(row, spec.kvHeads), head), spec.keyDim * 4));
        Value value = e.gep(in.pointers[1], e.mul(e.add(e.mul(row, spec.kvHeads), head), spec.valueDim * 4));
        Value at = e.gep(base, e.mul(head, layout.headBytes));
        Value keyAt = e.gep(at, e.mul(slot, layout.element));
        e.loop(e.c64(0), e.c64(spec.keyDim), 1, [&](Value i) {
          e.storeFloat(spec.type, e.load(e.f32, e.gep(key, e.mul(i, 4)), 4),
                       e.gep(keyAt, e.mul(i, LLC_PAGE_TOKENS * layout.element)));
        });
        Value valueAt = e.gep(at, e.add(e.mul(slot, spec.valueDim * layout.element), layout.keyBytes));
        e.vectorLoop(e.c64(0), e.c64(spec.valueDim), [&](Value i, int64_t width) {
          e.storeFloat(spec.type, e.load(e.f(width), e.gep(value, e.mul(i, 4)), 4),
                       e.gep(valueAt, e.mul(i, layout.element)));
        });
      });
    });
  });
}

}  // namespace llc::kernels
