// Reads fields of the llc_batch and finds cache pages, in generated code.
#pragma once
#include "compiler/kernels/emitter.h"
#include "compiler/kernels/kernels.h"
#include "runtime/abi/llc_abi.h"

namespace llc::kernels {

// One page of one KV head: K transposed [keyDim][LLC_PAGE_TOKENS], then V [LLC_PAGE_TOKENS][valueDim].
struct PageLayout {
  explicit PageLayout(const CacheSpec &spec)
      : element(int64_t(byteSize(spec.type))),
        keyBytes(spec.keyDim * LLC_PAGE_TOKENS * element),
        headBytes(keyBytes + spec.valueDim * LLC_PAGE_TOKENS * element),
        pageBytes(headBytes * spec.kvHeads) {}
  int64_t element, keyBytes, headBytes, pageBytes;
};

struct BatchReader {
  Emitter &e;
  Value batch;
  Value array(size_t field) { return e.loadPointer(e.gep(batch, int64_t(field))); }
  Value entry(Value array, Value index) { return e.loadI32AsI64(e.gep(array, e.mul(index, 4))); }
  Value positions() { return array(offsetof(llc_batch, positions)); }
  Value sequenceOf() { return array(offsetof(llc_batch, sequence_of)); }
  // The page numbers of one sequence.
  Value pagesOf(Value sequence) {
    Value stride = e.loadI64(e.gep(batch, offsetof(llc_batch, page_stride)));
    return e.gep(array(offsetof(llc_batch, page_table)), e.mul(e.mul(sequence, stride), 4));
  }
};

// Writes keys and values of rows to their slots.
struct CacheWriter {
  CacheWriter(Emitter &e, const CacheSpec &spec, Value cache, Value batch)
      : e(e), spec(spec), layout(spec), cache(cache), batch{e, batch} {}
  // The slot of a row. Emit it once per row; heads are relative to it.
  struct Slot {
    Value page, number;
  };
  Slot slotOf(Value row);
  void key(const Slot &, Value head, Value from);    // spec.keyDim f32 numbers
  void value(const Slot &, Value head, Value from);  // spec.valueDim f32 numbers

  Emitter &e;
  CacheSpec spec;
  PageLayout layout;
  Value cache;
  BatchReader batch;
};

}  // namespace llc::kernels
