// The forward: a chunk is a block of queries of one head. Its softmax runs over the blocks of keys (Milakov &
// Gimelshein 2018): the largest score and the sum so far, and values in scratch that are scaled when a larger score
// turns up.
#include "compiler/kernels/dense_attention.h"

#include <numbers>

#include "compiler/kernels/attention_blocks.h"
#include "compiler/kernels/attention_parts.h"
#include "compiler/kernels/vector_math.h"

using namespace mlir;

namespace llc::kernels {
namespace {

struct ForwardLayout : AttentionLayout {
  ForwardLayout(const Target &target, const DenseAttentionSpec &spec)
      : AttentionLayout(target, spec),
        queries(matrix(queryBlock, keyColumns)),
        keys(matrix(keyBlock, keyColumns)),
        turnedKeys(matrix(keyColumns, keyBlock)),
        values(matrix(keyBlock, valueColumns)),
        scores(matrix(queryBlock, keyBlock)),
        outputs(matrix(queryBlock, valueColumns)),
        segments(matrix(1, keyBlock)),
        largest(take(queryBlock * 4)),
        total(take(queryBlock * 4)) {}
  ScratchMatrix queries, keys, turnedKeys, values, scores, outputs, segments;
  int64_t largest, total;  // per query
};

class DenseAttention final : AttentionBlocks {
 public:
  DenseAttention(Emitter &e, const DenseAttentionSpec &spec, const ForwardLayout &plan, const KernelArguments &in)
      : AttentionBlocks(e, spec, plan, in), plan(plan) {}

  void emit() {
    // Queries that see most come first, so that the last chunks are short.
    Value block = e.sub(e.c64(plan.queryBlocks - 1), e.div(in.chunk, spec.batch * spec.heads));
    Value rest = e.rem(in.chunk, spec.batch * spec.heads);
    batch = e.div(rest, spec.heads), head = e.rem(rest, spec.heads);
    keySegments = plan.segments;
    size_t next = 3;
    if (spec.sinks) sinks = in.pointers[next++];
    if (spec.segments) segments = e.gep(in.pointers[next++], e.mul(batch, spec.keys * 4));
    if (spec.dropRate) dropKey = e.load(e.f32, in.pointers[next++], 4);
    setQueries(e.mul(block, plan.queryBlock));
    begin();
    Value kvHead = e.div(head, spec.heads / spec.kvHeads);
    eachBlockOfKeysSeen([&] { emitBlock(kvHead); });
    finish(in.pointers[next], in.pointers[next + 1]);
  }

 private:
  Value perQuery(int64_t offset, Value row) { return e.gep(in.scratch, e.add(e.mul(row, 4), offset)); }

  void begin() {
    Operand q{in.pointers[0], spec.qType, spec.queries, spec.heads, spec.keyDim};
    copyIn(q, head, firstQuery, queryCount, padToRows(queryCount), plan.queries);
    Value largest = e.constant(e.f32, noMaximum), total = e.zero(e.f32);
    if (spec.sinks) {
      largest = e.mulf(e.load(e.f32, e.gep(sinks, e.mul(head, 4)), 4), e.constant(e.f32, log2e));
      total = e.constant(e.f32, 1);
    }
    e.loop(e.c64(0), padToRows(queryCount), 1, [&](Value row) {
      e.zeroFill(at(plan.outputs, row), plan.valueColumns * 4);
      e.store(largest, perQuery(plan.largest, row), 4);
      e.store(total, perQuery(plan.total, row), 4);
    });
  }

  void emitBlock(Value kvHead) {
    Value padded = padToColumns(keyCount);
    copyIn({in.pointers[1], spec.kType, spec.keys, spec.kvHeads, spec.keyDim}, kvHead, firstKey, keyCount, padded,
           plan.keys);
    copyIn({in.pointers[2], spec.vType, spec.keys, spec.kvHeads, spec.valueDim}, kvHead, firstKey, keyCount, padded,
           plan.values);
    transpose(plan.keys, padded, plan.turnedKeys);
    productOfPairs(plan.queries, plan.turnedKeys, plan.scores, plan.keyColumns);
    e.ifElse(seesAll(), [&] { softmax(false); }, [&] { softmax(true); });
    product({plan.scores}, plan.values, plan.outputs,
            {padToRows(queryCount), [&](Value) { return e.c64(plan.valueColumns); }, [&](Value) { return e.c64(0); },
             [&](Value row) { return columnsSeen(row); }},
            true);
  }

  // Scores become weights relative to the largest score so far.
  void softmax(bool masked) {
    e.loop(e.c64(0), queryCount, 1, [&](Value number) {
      Row row = rowOf(number);
      Value line = at(plan.scores, number), end = columnsSeen(e.sub(number, e.rem(number, plan.rows)));
      Value none = e.constant(e.f(lanes), noMaximum);
      Value most = e.loop(e.c64(0), end, lanes, ValueRange{none}, [&](Value column, ValueRange carried) {
        Value place = e.gep(line, e.mul(column, 4));
        Value exponent = exponents(e.load(e.f(lanes), place, 4), column, row, masked, nullptr);
        e.store(exponent, place, 4);
        return Values{e.maxf(exponent, carried[0])};
      })[0];
      Value before = e.load(e.f32, perQuery(plan.largest, number), 4), largest = e.maxf(e.reduceMax(most), before);
      Value correction = emitExp2Flush(e, e.subf(before, largest)), wide = e.splat(lanes, largest);
      Value sums = e.loop(e.c64(0), end, lanes, ValueRange{e.zero(e.f(lanes))}, [&](Value column, ValueRange carried) {
        Value place = e.gep(line, e.mul(column, 4));
        Value weight = emitExp2Flush(e, e.subf(e.load(e.f(lanes), place, 4), wide));
        e.store(spec.dropRate ? e.mulf(weight, kept(column, row, head)) : weight, place, 4);
        return Values{e.addf(carried[0], weight)};
      })[0];
      Value total = e.load(e.f32, perQuery(plan.total, number), 4);
      e.store(e.addf(e.mulf(total, correction), e.reduceAdd(sums)), perQuery(plan.total, number), 4);
      e.store(largest, perQuery(plan.largest, number), 4);
      scaleRow(at(plan.outputs, number), correction);
    });
  }

  void scaleRow(Value line, Value factor) {
    e.loop(e.c64(0), e.c64(plan.valueColumns), lanes, [&](Value column) {
      Value place = e.gep(line, e.mul(column, 4));
      e.store(e.mulf(e.load(e.f(lanes), place, 4), e.splat(lanes, factor)), place, 4);
    });
  }

  void finish(Value y, Value logSums) {
    Value sums = at({logSums, DType::f32, spec.queries, spec.heads, 1}, firstQuery, head);
    e.loop(e.c64(0), queryCount, 1, [&](Value row) {
      Value total = e.load(e.f32, perQuery(plan.total, row), 4),
            largest = e.load(e.f32, perQuery(plan.largest, row), 4);
      scaleRow(at(plan.outputs, row), e.divf(e.constant(e.f32, 1), total));
      Value logSum = e.addf(e.mulf(largest, e.constant(e.f32, std::numbers::ln2)), emitLog(e, total));
      e.store(logSum, e.gep(sums, e.mul(row, spec.heads * 4)), 4);
    });
    copyOut(plan.outputs, {y, DType::f32, spec.queries, spec.heads, spec.valueDim}, head, firstQuery, queryCount,
            false);
  }

  const ForwardLayout &plan;
  Value head, sinks;
};

}  // namespace

KernelFunction emitDenseAttention(Emitter &e, const DenseAttentionSpec &spec) {
  ForwardLayout plan(e.target, spec);
  KernelFunction shape{.symbol = "",
                       .rowsPerChunk = 0,
                       .columnChunks = plan.queryBlocks * spec.batch * spec.heads,
                       .scratchBytes = plan.scratchBytes};
  int64_t heads = spec.batch * spec.heads;
  shape.copies = {{.what = "queries", .layout = "rows, f32", .blockBytes = heads * spec.queries * spec.keyDim * 4},
                  {.what = "keys and values",
                   .layout = "rows, keys columns, too, f32",
                   .blockBytes = heads * plan.keysSeen(spec) * (2 * spec.keyDim + spec.valueDim) * 4}};
  std::string stem = "attention_" + denseAttentionStem(spec);
  return e.kernel("attention" + denseAttentionKey(spec), stem, 5 + spec.sinks + spec.segments + (spec.dropRate > 0),
                  shape, [&](const KernelArguments &in) { DenseAttention(e, spec, plan, in).emit(); });
}

}  // namespace llc::kernels
