#include "compiler/kernels/attention_parts.h"

#include <fmt/format.h>

#include <algorithm>

#include "compiler/kernels/batch.h"
#include "compiler/kernels/bf16_rows.h"
#include "compiler/kernels/panels.h"
#include "compiler/kernels/vector_math.h"

namespace llc::kernels {

// A part is worth a chunk: 256 slots of a head are some ten microseconds. More than 64 parts would only cost memory,
// and with 64 chunks of other rows and heads a team has work enough.
AttentionParts attentionParts(const PagedAttentionSpec &spec) {
  constexpr int64_t leastSlots = 256, mostParts = 64, enoughChunks = 64, mostBytes = 16 << 20;
  AttentionParts parts;
  parts.slots = std::max(leastSlots, roundUp((spec.contextBound + mostParts - 1) / mostParts, attentionBlockSlots));
  int64_t seen = spec.window ? std::min(spec.window, spec.contextBound) : spec.contextBound;
  if (seen <= parts.slots) return parts;
  parts.number = (spec.contextBound + parts.slots - 1) / parts.slots;
  parts.rowBytes = spec.heads * parts.number * PartialSoftmax::bytes(spec.cache.valueDim);
  parts.rows = std::max<int64_t>(1, std::min(enoughChunks / spec.cache.kvHeads, mostBytes / parts.rowBytes));
  return parts;
}

int64_t attentionRowsPerChunk(const PagedAttentionSpec &spec) {
  return std::max<int64_t>(1, 32 / (spec.heads / spec.cache.kvHeads));
}

std::string attentionStem(const PagedAttentionSpec &spec) {
  return fmt::format("{}x{}_{}", spec.heads, spec.cache.keyDim, dtypeName(spec.cache.type));
}
std::string attentionKey(const PagedAttentionSpec &spec) {
  return fmt::format("|{}|{}|{}|{}|{}|{}|{}|{}|{}", spec.cache.kvHeads, spec.cache.valueDim, spec.window, spec.sinks,
                     spec.alibi, spec.contextBound, spec.scale, spec.softCap, spec.rounded + spec.yInBf16);
}

Value partOffset(Emitter &e, const PagedAttentionSpec &spec, Value row, Value head, Value part) {
  Value number = e.add(e.mul(e.add(e.mul(row, spec.heads), head), attentionParts(spec).number), part);
  return e.mul(number, PartialSoftmax::bytes(spec.cache.valueDim));
}

// ---- PartialSoftmax
int64_t PartialSoftmax::bytes(int64_t valueDim) { return roundUp(valueDim * 4, 64) + 64; }

PartialSoftmax::PartialSoftmax(Emitter &e, int64_t valueDim, Value at)
    : e(e),
      valueDim(valueDim),
      output(at),
      maximum(e.gep(at, roundUp(valueDim * 4, 64))),
      sum(e.gep(at, roundUp(valueDim * 4, 64) + 4)) {}

Value PartialSoftmax::largest() { return e.load(e.f32, maximum, 4); }
Value PartialSoftmax::total() { return e.load(e.f32, sum, 4); }
void PartialSoftmax::set(Value largest, Value total) {
  e.store(largest, maximum, 4);
  e.store(total, sum, 4);
}

void PartialSoftmax::clear() {
  e.vectorLoop(e.c64(0), e.c64(valueDim),
               [&](Value i, int64_t width) { e.store(e.zero(e.f(width)), e.gep(output, e.mul(i, 4)), 4); });
  set(e.constant(e.f32, noMaximum), e.constant(e.f32, 0));
}
void PartialSoftmax::begin(Value sink) {
  clear();
  if (sink) set(e.mulf(e.load(e.f32, sink, 4), e.constant(e.f32, log2e)), e.constant(e.f32, 1));
}

void PartialSoftmax::copyTo(PartialSoftmax other) {
  e.vectorLoop(e.c64(0), e.c64(valueDim), [&](Value i, int64_t width) {
    e.store(e.load(e.f(width), e.gep(output, e.mul(i, 4)), 4), e.gep(other.output, e.mul(i, 4)), 4);
  });
  other.set(largest(), total());
}

void PartialSoftmax::merge(PartialSoftmax other) {
  Value ours = largest(), theirs = other.largest(), both = e.maxf(theirs, ours);
  Value keep = emitExp2Flush(e, e.subf(ours, both)), take = emitExp2Flush(e, e.subf(theirs, both));
  set(both, e.fma(other.total(), take, e.mulf(total(), keep)));
  e.vectorLoop(e.c64(0), e.c64(valueDim), [&](Value i, int64_t width) {
    Value at = e.gep(output, e.mul(i, 4)), more = e.load(e.f(width), e.gep(other.output, e.mul(i, 4)), 4);
    e.store(e.fma(more, e.splat(width, take), e.mulf(e.load(e.f(width), at, 4), e.splat(width, keep))), at, 4);
  });
}

void PartialSoftmax::storeQuotient(const PagedAttentionSpec &spec, Value result, Value rows, Value row, Value head) {
  ResultRows y{result, spec.heads * valueDim, spec.yInBf16, rows};
  Value factor = e.divf(e.constant(e.f32, 1), total()), first = e.mul(head, valueDim);
  e.vectorLoop(e.c64(0), e.c64(valueDim), [&](Value i, int64_t width) {
    Value quotient = e.mulf(e.load(e.f(width), e.gep(output, e.mul(i, 4)), 4), e.splat(width, factor));
    if (spec.rounded && !spec.yInBf16) quotient = e.rounded(DType::bf16, quotient);
    y.store(e, quotient, row, e.add(first, i));
  });
}

// ---- the second stage
namespace {
// All parts of one row's heads that share a KV head, first to last.
void emitMerge(Emitter &e, const PagedAttentionSpec &spec, const KernelArguments &in) {
  AttentionParts parts = attentionParts(spec);
  int64_t valueDim = spec.cache.valueDim, group = spec.heads / spec.cache.kvHeads;
  Value sinks = spec.sinks ? in.pointers[0] : Value(), result = in.pointers[spec.sinks];
  Value workspace = in.pointers[spec.sinks + 1];
  Value row = e.div(in.chunk, spec.cache.kvHeads), firstHead = e.mul(e.rem(in.chunk, spec.cache.kvHeads), group);
  BatchReader reader{e, in.batch};
  Value position = reader.entry(reader.positions(), row), from = e.c64(0);
  if (spec.window) from = e.div(e.max(from, e.add(position, 1 - spec.window)), parts.slots);
  e.loop(firstHead, e.add(firstHead, group), 1, [&](Value head) {
    PartialSoftmax whole(e, valueDim, in.scratch);
    whole.begin(sinks ? e.gep(sinks, e.mul(head, 4)) : Value());
    e.loop(from, e.add(e.div(position, parts.slots), 1), 1,
           [&](Value part) { whole.merge({e, valueDim, e.gep(workspace, partOffset(e, spec, row, head, part))}); });
    whole.storeQuotient(spec, result, in.rows, row, head);
  });
}
}  // namespace

KernelFunction emitMergeAttention(Emitter &e, const PagedAttentionSpec &spec) {
  KernelFunction shape{.symbol = "",
                       .rowsPerChunk = 1,
                       .columnChunks = spec.cache.kvHeads,
                       .scratchBytes = PartialSoftmax::bytes(spec.cache.valueDim)};
  std::string stem = "merge_attention_" + attentionStem(spec);
  return e.kernel(stem + attentionKey(spec), stem, 2 + spec.sinks, shape,
                  [&](const KernelArguments &in) { emitMerge(e, spec, in); });
}

}  // namespace llc::kernels
