#include "compiler/kernels/batch.h"

namespace llc::kernels {

int64_t cachePageBytes(const CacheSpec &spec) { return PageLayout(spec).pageBytes; }

CacheWriter::Slot CacheWriter::slotOf(Value row) {
  Value position = batch.entry(batch.positions(), row);
  Value pages = batch.pagesOf(batch.entry(batch.sequenceOf(), row));
  Value page = batch.entry(pages, e.div(position, LLC_PAGE_TOKENS));
  return {e.gep(cache, e.mul(page, layout.pageBytes)), e.rem(position, LLC_PAGE_TOKENS)};
}
void CacheWriter::key(const Slot &slot, Value head, Value from) {
  Value at = e.gep(slot.page, e.add(e.mul(head, layout.headBytes), e.mul(slot.number, layout.element)));
  e.loop(e.c64(0), e.c64(spec.keyDim), 1, [&](Value i) {
    e.storeFloat(spec.type, e.load(e.f32, e.gep(from, e.mul(i, 4)), 4),
                 e.gep(at, e.mul(i, LLC_PAGE_TOKENS * layout.element)));
  });
}
void CacheWriter::value(const Slot &slot, Value head, Value from) {
  Value offset = e.add(e.mul(slot.number, spec.valueDim * layout.element), layout.keyBytes);
  Value at = e.gep(slot.page, e.add(e.mul(head, layout.headBytes), offset));
  e.vectorLoop(e.c64(0), e.c64(spec.valueDim), [&](Value i, int64_t width) {
    e.storeFloat(spec.type, e.load(e.f(width), e.gep(from, e.mul(i, 4)), 4), e.gep(at, e.mul(i, layout.element)));
  });
}

KernelFunction emitCacheAppend(Emitter &e, const CacheSpec &spec) {
  std::string stem = "cache_append_" + std::to_string(spec.kvHeads) + "x" + std::to_string(spec.keyDim) + "x" +
                     std::to_string(spec.valueDim) + "_" + std::string(dtypeName(spec.type));
  constexpr int64_t rowsPerChunk = 8;
  KernelFunction shape{.symbol = "", .rowsPerChunk = rowsPerChunk};
  return e.kernel(stem, stem, 3, shape, [&](const KernelArguments &in) {
    CacheWriter cache(e, spec, in.pointers[2], in.batch);
    Value first = e.mul(in.chunk, rowsPerChunk), end = e.min(in.rows, e.add(first, rowsPerChunk));
    e.loop(first, end, 1, [&](Value row) {
      CacheWriter::Slot slot = cache.slotOf(row);
      e.loop(e.c64(0), e.c64(spec.kvHeads), 1, [&](Value head) {
        Value number = e.add(e.mul(row, spec.kvHeads), head);
        cache.key(slot, head, e.gep(in.pointers[0], e.mul(number, spec.keyDim * 4)));
        cache.value(slot, head, e.gep(in.pointers[1], e.mul(number, spec.valueDim * 4)));
      });
    });
  });
}

}  // namespace llc::kernels
