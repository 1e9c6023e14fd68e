// Causal attention over a paged cache with an online softmax (Milakov & Gimelshein 2018; blocks of keys as in
// FlashAttention, Dao et al. 2022). A chunk is some rows of the batch and one KV head. Rows of one sequence and the
// query heads that share the KV head form one block of queries, so every key and value that is loaded serves all of
// them. Per block of slots: scores = Q K (K pages lie transposed, slots are the vector), softmax per query, output += P
// V.
// The context is cut into parts at fixed slots; every part has an online softmax of its own, and the parts are merged
// in order of slots. For few rows with a long context each part is a chunk of its own and a second stage merges (split
// keys: Dao et al. 2023, "Flash-Decoding for long-context inference"); else one chunk does all. Both do the same
// arithmetic in the same order, so a result depends neither on the number of threads nor on the rest of the batch.
#include <algorithm>
#include <cmath>

#include "compiler/kernels/attention_parts.h"
#include "compiler/kernels/batch.h"
#include "compiler/kernels/panels.h"
#include "compiler/kernels/tile.h"
#include "compiler/kernels/vector_math.h"

using namespace mlir;

namespace llc::kernels {
namespace {

// Where things lie in scratch, for at most `queries` queries. Rows end in one line more than a power of two.
struct AttentionPlan {
  AttentionPlan(const Target &target, const PagedAttentionSpec &spec)
      : group(spec.heads / spec.cache.kvHeads),
        rowsPerChunk(attentionRowsPerChunk(spec)),
        queries(roundUp(rowsPerChunk * group, target.smallQueryRows)),
        queryRowBytes(spec.cache.keyDim * 4 + 64),
        scoreRowBytes(blockSlots * 4 + 64),
        outputRowBytes(PartialSoftmax::bytes(spec.cache.valueDim)),
        scoresOffset(roundUp(queries * queryRowBytes, 64)),
        outputsOffset(scoresOffset + queries * scoreRowBytes),
        totalsOffset(outputsOffset + queries * outputRowBytes),
        scratchBytes(totalsOffset + queries * outputRowBytes) {}
  static constexpr int64_t blockSlots = attentionBlockSlots;
  int64_t group, rowsPerChunk, queries;
  int64_t queryRowBytes, scoreRowBytes, outputRowBytes;
  int64_t scoresOffset, outputsOffset, totalsOffset, scratchBytes;
};

class PagedAttention {
 public:
  PagedAttention(Emitter &e, const PagedAttentionSpec &spec, const AttentionPlan &plan)
      : e(e),
        spec(spec),
        plan(plan),
        parts(attentionParts(spec)),
        layout(spec.cache),
        lanes(e.target.lanes),
        keyDim(spec.cache.keyDim),
        valueDim(spec.cache.valueDim) {}

  void emit(const KernelArguments &in) {
    BatchReader reader{e, in.batch};
    positions = reader.positions();
    Value sequenceOf = reader.sequenceOf();
    size_t next = 2;
    query = in.pointers[0], cache = in.pointers[1];
    if (spec.sinks) sinks = in.pointers[next++];
    if (spec.alibi) slopes = in.pointers[next++];
    result = in.pointers[next++];
    scratch = in.scratch, stepRows = in.rows;
    Value chunk = in.chunk;
    split = e.constant(e.i1, 0), part = e.c64(0);
    if (parts.number > 1) {
      // Chunks of one part stand together: all rows and heads of part 0, then those of part 1 ...
      workspace = in.pointers[next];
      split = e.b.create<LLVM::ICmpOp>(LLVM::ICmpPredicate::ne, workspace, e.b.create<LLVM::ZeroOp>(e.ptr));
      Value ofPart = e.mul(e.ceilDiv(in.rows, plan.rowsPerChunk), spec.cache.kvHeads);
      part = e.b.create<arith::DivUIOp>(chunk, ofPart);
      chunk = e.sub(chunk, e.mul(part, ofPart));
    }
    head = e.rem(chunk, spec.cache.kvHeads);
    Value first = e.mul(e.div(chunk, spec.cache.kvHeads), plan.rowsPerChunk);
    Value end = e.min(in.rows, e.add(first, plan.rowsPerChunk));
    // Cut the chunk's rows where the sequence changes.
    e.whileLoop(
        ValueRange{first}, [&](ValueRange at) { return e.cmp(Emitter::IntCompare::slt, at[0], end); },
        [&](ValueRange at) {
          Value sequence = reader.entry(sequenceOf, at[0]);
          Value until = endOfRun(reader, sequenceOf, sequence, at[0], end);
          emitBlock(reader, sequence, at[0], until);
          return Values{until};
        });
  }

 private:
  Value endOfRun(BatchReader &reader, Value sequenceOf, Value sequence, Value row, Value end) {
    Value last = e.add(end, -1);
    return e.whileLoop(
        ValueRange{e.add(row, 1)},
        [&](ValueRange at) {
          Value same = e.cmp(Emitter::IntCompare::eq, reader.entry(sequenceOf, e.min(at[0], last)), sequence);
          return e.b.create<arith::AndIOp>(e.cmp(Emitter::IntCompare::slt, at[0], end), same).getResult();
        },
        [&](ValueRange at) { return Values{e.add(at[0], 1)}; })[0];
  }

  // ---- rows [row, until) of one sequence
  void emitBlock(BatchReader &reader, Value sequence, Value row, Value until) {
    pages = reader.pagesOf(sequence);
    firstRow = row;
    count = e.mul(e.sub(until, row), plan.group);
    lowest = reader.entry(positions, row), highest = reader.entry(positions, e.add(until, -1));
    Value from = e.c64(0), end = e.add(highest, 1);
    if (spec.window) {
      // The first slot that any of the rows sees, down to a page.
      from = e.max(e.c64(0), e.add(lowest, 1 - spec.window));
      from = e.mul(e.div(from, LLC_PAGE_TOKENS), LLC_PAGE_TOKENS);
    }
    Value partBegin = e.mul(part, parts.slots);
    begin = e.select(split, e.max(from, partBegin), from);
    beyond = e.select(split, e.min(end, e.add(partBegin, parts.slots)), end);
    e.ifThen(e.cmp(Emitter::IntCompare::slt, begin, beyond), [&] {
      loadQueries();
      Value firstPart = e.mul(e.div(begin, parts.slots), parts.slots);
      e.loop(firstPart, beyond, parts.slots, [&](Value slot) { emitPart(slot); });
      e.ifThen(e.cmp(Emitter::IntCompare::eq, split, e.constant(e.i1, 0)), [&] { storeResults(); });
    });
  }
  // What [begin, beyond) has of the part at `first`. Blocks end at multiples of their length, whatever slot the rows
  // begin with.
  void emitPart(Value first) {
    forQueries([&](Value q, Value, Value) { partial(plan.outputsOffset, q).clear(); });
    Value end = e.min(beyond, e.add(first, parts.slots));
    Value firstBlock = e.mul(e.div(e.max(first, begin), AttentionPlan::blockSlots), AttentionPlan::blockSlots);
    e.loop(firstBlock, end, AttentionPlan::blockSlots, [&](Value block) {
      Value slot = e.max(block, begin);
      Value slots = e.sub(e.min(end, e.add(block, AttentionPlan::blockSlots)), slot);
      scores(slot, slots);
      softmax(slot, slots);
      weightedValues(slot, slots);
    });
    forQueries([&](Value q, Value row, Value groupHead) {
      PartialSoftmax own = partial(plan.outputsOffset, q);
      if (parts.number == 1) return partial(plan.totalsOffset, q).merge(own);
      e.ifElse(split, [&] { own.copyTo(partOf(row, groupHead)); }, [&] { partial(plan.totalsOffset, q).merge(own); });
    });
  }
  template <class Body>
  void forQueries(Body body) {
    e.loop(e.c64(0), count, 1, [&](Value q) { body(q, e.add(firstRow, e.div(q, plan.group)), e.rem(q, plan.group)); });
  }
  Value headIndex(Value groupHead) { return e.add(e.mul(head, plan.group), groupHead); }
  Value at(int64_t offset, Value row, int64_t rowBytes) { return e.gep(scratch, e.add(e.mul(row, rowBytes), offset)); }
  PartialSoftmax partial(int64_t offset, Value q) { return {e, valueDim, at(offset, q, plan.outputRowBytes)}; }
  PartialSoftmax partOf(Value row, Value groupHead) {
    return {e, valueDim, e.gep(workspace, partOffset(e, spec, row, headIndex(groupHead), part))};
  }
  // Page of a slot (a multiple of the page length) of this KV head.
  Value pageAt(Value slot) {
    Value number = e.loadI32AsI64(e.gep(pages, e.mul(e.div(slot, LLC_PAGE_TOKENS), 4)));
    return e.gep(cache, e.add(e.mul(number, layout.pageBytes), e.mul(head, layout.headBytes)));
  }

  // Queries times scale to scratch; scores are base-2 exponents unless a soft cap comes between.
  void loadQueries() {
    double factor = spec.softCap ? double(spec.scale) / spec.softCap : double(spec.scale) * log2e;
    forQueries([&](Value q, Value row, Value groupHead) {
      Value from = e.gep(query, e.mul(e.add(e.mul(row, spec.heads), headIndex(groupHead)), keyDim * 4));
      Value to = at(0, q, plan.queryRowBytes);
      e.vectorLoop(e.c64(0), e.c64(keyDim), [&](Value i, int64_t width) {
        Value value = e.mulf(e.load(e.f(width), e.gep(from, e.mul(i, 4)), 4), e.constant(e.f(width), factor));
        e.store(value, e.gep(to, e.mul(i, 4)), 4);
      });
      partial(plan.totalsOffset, q).begin(spec.sinks ? e.gep(sinks, e.mul(headIndex(groupHead), 4)) : Value());
    });
  }

  // Calls body(first query, queries, columns) for all queries: large tiles, then small ones (padded rows are computed
  // and ignored). A tile is as many queries times so many columns (slots or value dimensions).
  template <class Body>
  void forQueryTiles(Body body) {
    int64_t large = e.target.queryRows, small = e.target.smallQueryRows;
    Value whole = e.mul(e.div(count, large), large);
    e.loop(e.c64(0), whole, large, [&](Value q) { body(q, large, e.target.queryColumns); });
    e.loop(whole, count, small, [&](Value q) { body(q, small, e.target.smallQueryColumns); });
  }

  void scores(Value slot, Value slots) {
    e.loop(e.c64(0), slots, LLC_PAGE_TOKENS, [&](Value offset) {
      Value place = e.add(slot, offset), keys = pageAt(place);
      // Pages lie anywhere in memory: the next one's keys and values are fetched while this one's keys are used.
      Value following = pageAt(e.min(e.add(place, LLC_PAGE_TOKENS), e.add(beyond, -1)));
      forQueryTiles([&](Value q, int64_t rows, int64_t columns) {
        Tile tile{.rows = rows,
                  .width = lanes,
                  .aRowBytes = plan.queryRowBytes,
                  .vectorOffsets = {},
                  .bStepBytes = LLC_PAGE_TOKENS * layout.element,
                  .bType = spec.cache.type};
        tile.setAdjacent(columns / lanes);
        int64_t passes = LLC_PAGE_TOKENS / columns, stepBytes = roundUp(layout.headBytes / (passes * keyDim), 64);
        e.loop(e.c64(0), e.c64(LLC_PAGE_TOKENS), columns, [&](Value column) {
          Value part = e.gep(following, e.mul(e.div(column, columns), keyDim * stepBytes));
          tile.eachStep = [&, part](Value k) {
            for (int64_t line = 0; line < stepBytes; line += 64)
              e.prefetch(e.gep(part, e.add(e.mul(k, stepBytes), line)));
          };
          Values sums = emitTile(e, tile, at(0, q, plan.queryRowBytes), e.gep(keys, e.mul(column, layout.element)),
                                 e.c64(keyDim), zeroTile(e, tile));
          storeTile(e, tile, sums, e.gep(at(plan.scoresOffset, q, plan.scoreRowBytes), e.mul(e.add(offset, column), 4)),
                    plan.scoreRowBytes);
        });
      });
    });
  }

  void softmax(Value slot, Value slots) {
    // The blocks that every row sees wholly are most of them: no mask there.
    Value inside = e.cmp(Emitter::IntCompare::sle, e.add(slot, slots), e.add(lowest, 1));
    inside = e.b.create<arith::AndIOp>(inside, e.cmp(Emitter::IntCompare::eq, e.rem(slots, lanes), e.c64(0)));
    if (spec.window)
      inside =
          e.b.create<arith::AndIOp>(inside, e.cmp(Emitter::IntCompare::sgt, slot, e.sub(highest, e.c64(spec.window))));
    e.ifElse(inside, [&] { softmaxRows(slot, slots, false); }, [&] { softmaxRows(slot, slots, true); });
  }
  void softmaxRows(Value slot, Value slots, bool masked) {
    Value padded = e.mul(e.ceilDiv(slots, lanes), lanes);  // within the last page: scores exist there
    forQueries([&](Value q, Value row, Value groupHead) {
      Value line = at(plan.scoresOffset, q, plan.scoreRowBytes);
      Value position = e.load(e.i32, e.gep(positions, e.mul(row, 4)), 4);
      Value slope;
      if (spec.alibi)
        slope = e.mulf(e.load(e.f32, e.gep(slopes, e.mul(headIndex(groupHead), 4)), 4),
                       e.constant(e.f32, spec.softCap ? 1 / spec.softCap : log2e));
      Value none = e.splat(lanes, e.constant(e.f32, noMaximum));
      Value largest = e.loop(e.c64(0), padded, lanes, ValueRange{none}, [&](Value i, ValueRange carried) {
        Value pointer = e.gep(line, e.mul(i, 4)), raw = e.load(e.f(lanes), pointer, 4);
        Value score = finishScore(raw, e.add(slot, i), position, slope, masked);
        if (score != raw) e.store(score, pointer, 4);
        return Values{e.maxf(score, carried[0])};
      })[0];
      PartialSoftmax own = partial(plan.outputsOffset, q);
      Value old = own.largest(), maximum = e.maxf(e.reduceMax(largest), old);
      Value correction = emitExp2Flush(e, e.subf(old, maximum)), wide = e.splat(lanes, maximum);
      Value sums = e.loop(e.c64(0), padded, lanes, ValueRange{e.zero(e.f(lanes))}, [&](Value i, ValueRange carried) {
        Value pointer = e.gep(line, e.mul(i, 4));
        Value weight = emitExp2Flush(e, e.subf(e.load(e.f(lanes), pointer, 4), wide));
        e.store(weight, pointer, 4);
        return Values{e.addf(carried[0], weight)};
      })[0];
      own.set(maximum, e.addf(e.mulf(own.total(), correction), e.reduceAdd(sums)));
      e.vectorLoop(e.c64(0), e.c64(valueDim), [&](Value i, int64_t width) {
        Value pointer = e.gep(own.output, e.mul(i, 4));
        e.store(e.mulf(e.load(e.f(width), pointer, 4), e.splat(width, correction)), pointer, 4);
      });
    });
  }
  // ALiBi, soft cap and the masks on one vector of scores that begins at `slot`.
  Value finishScore(Value score, Value slot, Value position, Value slope, bool masked) {
    Value slots = e.add(e.splat(lanes, e.toI32(slot)), e.iota(lanes)), own = e.splat(lanes, position);
    Value distance = e.sub(slots, own);  // 0 for the row's own key, negative for earlier ones
    if (spec.alibi) score = e.fma(e.splat(lanes, slope), e.b.create<arith::SIToFPOp>(e.f(lanes), distance), score);
    if (spec.softCap) score = e.mulf(emitTanh(e, score), e.constant(e.f(lanes), double(spec.softCap) * log2e));
    if (!masked) return score;
    Value hidden = e.constant(e.f(lanes), -std::numeric_limits<double>::infinity());
    score = e.select(e.cmp(Emitter::IntCompare::sgt, distance, e.constant(distance.getType(), 0)), hidden, score);
    if (!spec.window) return score;
    Value tooOld = e.cmp(Emitter::IntCompare::sle, distance, e.constant(distance.getType(), double(-spec.window)));
    return e.select(tooOld, hidden, score);
  }

  void weightedValues(Value slot, Value slots) {
    forQueryTiles([&](Value q, int64_t rows, int64_t wide) {
      int64_t done = valueDim / wide * wide, vectors = done + (valueDim - done) / lanes * lanes;
      auto columns = [&](int64_t from, int64_t to, int64_t step, int64_t width) {
        e.loop(e.c64(from), e.c64(to), step,
               [&](Value column) { valueTile(slot, slots, column, width, step / width, q, rows); });
      };
      columns(0, done, wide, lanes);
      columns(done, vectors, lanes, lanes);
      columns(vectors, valueDim, 1, 1);
    });
  }
  void valueTile(Value slot, Value slots, Value column, int64_t width, int64_t number, Value q, int64_t rows) {
    Tile tile{.rows = rows,
              .width = width,
              .aRowBytes = plan.scoreRowBytes,
              .vectorOffsets = {},
              .bStepBytes = valueDim * layout.element,
              .bType = spec.cache.type};
    tile.setAdjacent(number);
    Value output = e.gep(at(plan.outputsOffset, q, plan.outputRowBytes), e.mul(column, 4));
    Value weights = at(plan.scoresOffset, q, plan.scoreRowBytes);
    Values sums = e.loop(e.c64(0), slots, LLC_PAGE_TOKENS, loadTile(e, tile, output, plan.outputRowBytes),
                         [&](Value offset, ValueRange carried) {
                           Value values = e.gep(pageAt(e.add(slot, offset)),
                                                e.add(e.mul(column, layout.element), layout.keyBytes));
                           // Slots that hold no token yet may hold anything, NaN too: never multiply by them.
                           Value filled = e.min(e.c64(LLC_PAGE_TOKENS), e.sub(slots, offset));
                           return emitTile(e, tile, e.gep(weights, e.mul(offset, 4)), values, filled, Values(carried));
                         });
    storeTile(e, tile, sums, output, plan.outputRowBytes);
  }

  void storeResults() {
    forQueries([&](Value q, Value row, Value groupHead) {
      partial(plan.totalsOffset, q).storeQuotient(spec, result, stepRows, row, headIndex(groupHead));
    });
  }

  Emitter &e;
  const PagedAttentionSpec &spec;
  const AttentionPlan &plan;
  AttentionParts parts;
  PageLayout layout;
  int64_t lanes, keyDim, valueDim;
  Value query, cache, sinks, slopes, result, workspace, scratch, stepRows, positions, head;
  Value split, part;  // does this chunk do nothing but this part?
  // Of the block: its page numbers, rows, queries, positions, and the slots it reads.
  Value pages, firstRow, count, lowest, highest, begin, beyond;
};

}  // namespace

KernelFunction emitPagedAttention(Emitter &e, const PagedAttentionSpec &spec) {
  AttentionPlan plan(e.target, spec);
  KernelFunction shape{.symbol = "",
                       .rowsPerChunk = plan.rowsPerChunk,
                       .columnChunks = spec.cache.kvHeads,
                       .scratchBytes = plan.scratchBytes};
  std::string stem = "paged_attention_" + attentionStem(spec);
  int64_t pointers = 3 + spec.sinks + spec.alibi + (attentionParts(spec).number > 1);
  return e.kernel(stem + attentionKey(spec), stem, pointers, shape,
                  [&](const KernelArguments &in) { PagedAttention(e, spec, plan).emit(in); });
}

}  // namespace llc::kernels
