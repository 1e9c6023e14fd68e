// The gradient. Weights come again from the saved logarithms of their sums. A chunk is one key-value head of one
// sequence: blocks of keys stay while the blocks of queries that see them pass. Gradients of keys and values wait in
// scratch, those of queries are added up in memory, block of keys after block. If there are few such heads, chunks are
// blocks of keys, for the gradients of keys and values, and then blocks of queries of one head, for those of queries:
// seven products instead of five. Nobody else adds to what a chunk writes, so the order of every sum is fixed.
#include "compiler/kernels/attention_blocks.h"
#include "compiler/kernels/attention_parts.h"
#include "compiler/kernels/dense_attention.h"
#include "compiler/kernels/vector_math.h"

using namespace mlir;

namespace llc::kernels {
namespace {

constexpr int64_t enoughHeads = 16;  // of key-value heads of the batch, to go round in most teams

struct BackwardLayout : AttentionLayout {
  BackwardLayout(const Target &target, const DenseAttentionSpec &spec)
      : AttentionLayout(target, spec),
        isWhole(spec.batch * spec.kvHeads >= enoughHeads),
        keyBlocks((spec.keys + keyBlock - 1) / keyBlock),
        keyChunks(spec.batch * spec.kvHeads * (isWhole ? 1 : keyBlocks)),
        queryChunks(isWhole ? 0 : spec.batch * spec.heads * queryBlocks),
        queries(matrix(queryBlock, keyColumns)),
        outer(matrix(queryBlock, valueColumns)),
        keys(matrix(keyBlock, keyColumns)),
        values(matrix(keyBlock, valueColumns)),
        turnedKeys(matrix(keyColumns, keyBlock)),
        turnedValues(matrix(valueColumns, keyBlock)),
        weights(matrix(queryBlock, keyBlock)),
        slopes(matrix(queryBlock, keyBlock)),
        dQueries(matrix(queryBlock, keyColumns)),
        dKeys(matrix(keyBlock, keyColumns)),
        dValues(matrix(keyBlock, valueColumns)),
        segments(matrix(1, keyBlock)) {}
  bool isWhole;  // chunks are heads
  int64_t keyBlocks, keyChunks, queryChunks;
  ScratchMatrix queries, outer, keys, values, turnedKeys, turnedValues;
  ScratchMatrix weights, slopes;  // of a block of queries and one of keys: P; dy v^T, then the gradient of q k^T
  ScratchMatrix dQueries, dKeys, dValues, segments;
};

// Operands that are not always there.
int64_t extras(const DenseAttentionSpec &spec) { return spec.segments + (spec.dropRate > 0); }

class DenseAttentionBackward final : AttentionBlocks {
 public:
  DenseAttentionBackward(Emitter &e, const DenseAttentionSpec &spec, const BackwardLayout &plan,
                         const KernelArguments &in)
      : AttentionBlocks(e, spec, plan, in),
        plan(plan),
        query{in.pointers[0], spec.qType, spec.queries, spec.heads, spec.keyDim},
        key{in.pointers[1], spec.kType, spec.keys, spec.kvHeads, spec.keyDim},
        value{in.pointers[2], spec.vType, spec.keys, spec.kvHeads, spec.valueDim},
        dy{in.pointers[3], spec.gradientType, spec.queries, spec.heads, spec.valueDim},
        logSum{in.pointers[4], DType::f32, spec.queries, spec.heads, 1},
        delta{in.pointers[5], DType::f32, spec.queries, spec.heads, 1},
        dq{in.pointers[size_t(6 + extras(spec))], DType::f32, spec.queries, spec.heads, spec.keyDim},
        dk{in.pointers[size_t(7 + extras(spec))], DType::f32, spec.keys, spec.kvHeads, spec.keyDim},
        dv{in.pointers[size_t(8 + extras(spec))], DType::f32, spec.keys, spec.kvHeads, spec.valueDim},
        group(spec.heads / spec.kvHeads) {}

  void emit() {
    keySegments = plan.segments;
    if (spec.dropRate) dropKey = e.load(e.f32, in.pointers[size_t(6 + spec.segments)], 4);
    if (plan.isWhole) return emitHead();
    e.ifElse(
        e.cmp(Emitter::IntCompare::slt, in.chunk, e.c64(plan.keyChunks)), [&] { emitKeys(); }, [&] { emitQueries(); });
  }

 private:
  // ---- chunks
  void setPlace(Value ofBatch, Value ofHead) {
    batch = ofBatch, kvHead = ofHead;
    if (spec.segments) segments = e.gep(in.pointers[6], e.mul(batch, spec.keys * 4));
  }
  void emitHead() {
    setPlace(e.div(in.chunk, spec.kvHeads), e.rem(in.chunk, spec.kvHeads));
    e.loop(e.c64(0), e.c64(spec.queries), 1,
           [&](Value position) { e.zeroFill(at(dq, position, e.mul(kvHead, group)), group * spec.keyDim * 4); });
    e.loop(e.c64(0), e.c64(spec.keys), plan.keyBlock, [&](Value first) {
      emitBlockOfKeys(first, [&](Value head) {
        queryGradients(false);
        copyOut(plan.dQueries, dq, head, firstQuery, queryCount, true);
      });
    });
  }
  void emitKeys() {
    Value place = e.div(in.chunk, plan.keyBlocks), block = e.rem(in.chunk, plan.keyBlocks);
    setPlace(e.div(place, spec.kvHeads), e.rem(place, spec.kvHeads));
    emitBlockOfKeys(e.mul(block, plan.keyBlock), [](Value) {});
  }
  void emitQueries() {
    Value chunk = e.add(in.chunk, -plan.keyChunks), place = e.div(chunk, plan.queryBlocks);
    Value head = e.rem(place, spec.heads);
    setPlace(e.div(place, spec.heads), e.div(head, group));
    setQueries(e.mul(e.rem(chunk, plan.queryBlocks), plan.queryBlock));
    loadQueries(head);
    e.loop(e.c64(0), padToRows(queryCount), 1,
           [&](Value row) { e.zeroFill(at(plan.dQueries, row), plan.keyColumns * 4); });
    eachBlockOfKeysSeen([&] {
      loadKeys();
      weights(head);
      queryGradients(true);
    });
    copyOut(plan.dQueries, dq, head, firstQuery, queryCount, false);
  }

  // The gradients of a block of keys and values; `each` uses what is there for a block of queries of one head.
  void emitBlockOfKeys(Value first, llvm::function_ref<void(Value head)> each) {
    setKeys(first, e.min(e.c64(plan.keyBlock), e.sub(e.c64(spec.keys), first)));
    loadKeys();
    e.loop(e.c64(0), padToColumns(keyCount), 1, [&](Value row) {
      e.zeroFill(at(plan.dKeys, row), plan.keyColumns * 4);
      e.zeroFill(at(plan.dValues, row), plan.valueColumns * 4);
    });
    e.loop(e.c64(0), e.c64(group), 1, [&](Value member) {
      Value head = e.add(e.mul(kvHead, group), member);
      e.loop(firstQuerySeeing(), endOfQueriesSeeing(), plan.queryBlock, [&](Value firstOfQueries) {
        setQueries(firstOfQueries);
        unlessApart([&] {
          loadQueries(head);
          weights(head);
          keyGradients();
          each(head);
        });
      });
    });
    copyOut(plan.dKeys, dk, kvHead, first, keyCount, false);
    copyOut(plan.dValues, dv, kvHead, first, keyCount, false);
  }

  // ---- a block of keys, a block of queries
  void loadKeys() {
    Value padded = padToColumns(keyCount);
    copyIn(key, kvHead, firstKey, keyCount, padded, plan.keys);
    copyIn(value, kvHead, firstKey, keyCount, padded, plan.values);
    transpose(plan.keys, padded, plan.turnedKeys);
    transpose(plan.values, padded, plan.turnedValues);
  }
  void loadQueries(Value head) {
    copyIn(query, head, firstQuery, queryCount, padToRows(queryCount), plan.queries);
    copyIn(dy, head, firstQuery, queryCount, padToRows(queryCount), plan.outer);
  }
  // Whole blocks of queries that see some key of the block, but for segments.
  Value firstQuerySeeing() {
    if (!spec.causal) return e.c64(0);
    Value first = e.max(e.c64(0), e.add(firstKey, -earlier));
    return e.mul(e.div(first, plan.queryBlock), plan.queryBlock);
  }
  Value endOfQueriesSeeing() {
    if (!spec.window) return e.c64(spec.queries);
    return e.min(e.c64(spec.queries), e.add(e.add(firstKey, keyCount), spec.window - 1 - earlier));
  }

  // ---- both
  void weights(Value head) {
    productOfPairs(plan.queries, plan.turnedKeys, plan.weights, plan.keyColumns);
    productOfPairs(plan.outer, plan.turnedValues, plan.slopes, plan.valueColumns);
    e.ifElse(seesAll(), [&] { weigh(head, false); }, [&] { weigh(head, true); });
  }
  void keyGradients() {
    // The first query that sees a tile of keys, and those behind it.
    auto first = [&](Value row) {
      if (!spec.causal) return e.c64(0);
      return e.min(queryCount, e.max(e.c64(0), e.sub(row, shift)));
    };
    auto queries = [&](Value) { return queryCount; };
    Value keys = padToRows(keyCount);
    product({plan.weights, true}, plan.outer, plan.dValues,
            {keys, [&](Value) { return e.c64(plan.valueColumns); }, first, queries}, true);
    product({plan.slopes, true}, plan.queries, plan.dKeys,
            {keys, [&](Value) { return e.c64(plan.keyColumns); }, first, queries}, true);
  }
  void queryGradients(bool add) {
    product({plan.slopes}, plan.keys, plan.dQueries,
            {padToRows(queryCount), [&](Value) { return e.c64(plan.keyColumns); }, [&](Value) { return e.c64(0); },
             [&](Value row) { return columnsSeen(row); }},
            add);
  }

  // Dot products become weights, products with the values' gradient become gradients of the dot products.
  void weigh(Value head, bool masked) {
    Value logSums = at(logSum, firstQuery, head), deltas = at(delta, firstQuery, head);
    e.loop(e.c64(0), queryCount, 1, [&](Value number) {
      Row row = rowOf(number);
      Value stride = e.mul(number, spec.heads * 4), end = columnsSeen(e.sub(number, e.rem(number, plan.rows)));
      Value sum = e.mulf(e.load(e.f32, e.gep(logSums, stride), 4), e.constant(e.f32, log2e));
      Value wideSum = e.splat(lanes, sum), wideDelta = e.splat(lanes, e.load(e.f32, e.gep(deltas, stride), 4));
      Value weights = at(plan.weights, number), slopes = at(plan.slopes, number);
      e.loop(e.c64(0), end, lanes, [&](Value column) {
        Value offset = e.mul(column, 4), place = e.gep(weights, offset), slopePlace = e.gep(slopes, offset), slope;
        Value exponent = exponents(e.load(e.f(lanes), place, 4), column, row, masked, &slope);
        Value weight = emitExp2Flush(e, e.subf(exponent, wideSum));
        Value ofWeight = e.load(e.f(lanes), slopePlace, 4), left = weight;
        if (spec.dropRate) {
          Value factor = kept(column, row, head);
          ofWeight = e.mulf(ofWeight, factor), left = e.mulf(weight, factor);
        }
        Value gradient = e.subf(ofWeight, wideDelta);
        e.store(left, place, 4);
        e.store(e.mulf(e.mulf(weight, gradient), slope), slopePlace, 4);
      });
      // Hidden from all of the tile.
      e.loop(end, padToColumns(keyCount), lanes, [&](Value column) {
        Value offset = e.mul(column, 4);
        e.store(e.zero(e.f(lanes)), e.gep(weights, offset), 4);
        e.store(e.zero(e.f(lanes)), e.gep(slopes, offset), 4);
      });
    });
  }

  const BackwardLayout &plan;
  Operand query, key, value, dy, logSum, delta, dq, dk, dv;
  int64_t group;  // query heads of a key-value head
  Value kvHead;
};

}  // namespace

namespace {
std::vector<LayoutCopy> copiesOf(const DenseAttentionSpec &spec, const BackwardLayout &plan) {
  int64_t keyHeads = spec.batch * spec.kvHeads, heads = spec.batch * spec.heads,
          width = (spec.keyDim + spec.valueDim) * 4;
  int64_t queries = heads * plan.queriesSeeing(spec), keys = keyHeads * spec.keys;
  if (!plan.isWhole) queries += heads * spec.queries, keys += heads * plan.keysSeen(spec);
  return {{.what = "queries and gradients", .layout = "rows, f32", .blockBytes = queries * width},
          {.what = "keys and values", .layout = "rows and columns, f32", .blockBytes = 2 * keys * width}};
}
}  // namespace

KernelFunction emitDenseAttentionBackward(Emitter &e, const DenseAttentionSpec &spec) {
  BackwardLayout plan(e.target, spec);
  KernelFunction shape{.symbol = "",
                       .rowsPerChunk = 0,
                       .columnChunks = plan.keyChunks + plan.queryChunks,
                       .scratchBytes = plan.scratchBytes,
                       .copies = copiesOf(spec, plan)};
  std::string stem = "attention_backward_" + denseAttentionStem(spec);
  return e.kernel("attention_backward" + denseAttentionKey(spec), stem, 9 + extras(spec), shape,
                  [&](const KernelArguments &in) { DenseAttentionBackward(e, spec, plan, in).emit(); });
}

}  // namespace llc::kernels
