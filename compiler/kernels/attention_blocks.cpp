#include "compiler/kernels/attention_blocks.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "compiler/kernels/attention_parts.h"
#include "compiler/kernels/dense_block.h"
#include "compiler/kernels/vector_math.h"

using namespace mlir;

namespace llc::kernels {
namespace {
constexpr int64_t mostPositions = 64;  // in a block: a tile's operands and its sums share the first level
constexpr int64_t wideHead = 256;      // elements of keys and values from which on blocks are half as long
using IntCompare = Emitter::IntCompare;
}  // namespace

AttentionLayout::AttentionLayout(const Target &target, const DenseAttentionSpec &spec)
    : rows(target.queryRows),
      columns(target.queryColumns),
      keyColumns(roundUp(spec.keyDim, columns)),
      valueColumns(roundUp(spec.valueDim, columns)) {
  int64_t most = spec.keyDim + spec.valueDim > wideHead ? mostPositions / 2 : mostPositions;
  queryBlock = equalPiece(spec.queries, most, rows);
  keyBlock = equalPiece(spec.keys, most, std::max(rows, columns));
  queryBlocks = (spec.queries + queryBlock - 1) / queryBlock;
}

int64_t AttentionLayout::keysSeen(const DenseAttentionSpec &spec) const {
  int64_t sum = 0, earlier = spec.keys - spec.queries;
  for (int64_t first = 0; first < spec.queries; first += queryBlock) {
    int64_t end = spec.causal ? earlier + std::min(first + queryBlock, spec.queries) : spec.keys;
    sum += end - (spec.window ? std::max<int64_t>(0, earlier + first - spec.window + 1) / keyBlock * keyBlock : 0);
  }
  return sum;
}
int64_t AttentionLayout::queriesSeeing(const DenseAttentionSpec &spec) const {
  int64_t sum = 0, earlier = spec.keys - spec.queries;
  for (int64_t first = 0; first < spec.keys; first += keyBlock) {
    int64_t begin = spec.causal ? std::max<int64_t>(0, first - earlier) / queryBlock * queryBlock : 0;
    int64_t end = std::min(first + keyBlock, spec.keys) + spec.window - 1 - earlier;
    sum += std::max<int64_t>(0, (spec.window ? std::min(spec.queries, end) : spec.queries) - begin);
  }
  return sum;
}

int64_t AttentionLayout::take(int64_t bytes) {
  int64_t offset = scratchBytes;
  scratchBytes += roundUp(bytes, 64);
  return offset;
}

ScratchMatrix AttentionLayout::matrix(int64_t rowCount, int64_t columnCount) {
  ScratchMatrix matrix{0, columnCount};
  matrix.offset = take(rowCount * matrix.rowBytes());
  return matrix;
}

// ---- memory
Value AttentionBlocks::at(const Operand &operand, Value position, Value head) {
  Value row = e.add(e.mul(batch, operand.positions), position);
  Value element = e.add(e.mul(row, operand.heads), head);
  return e.gep(operand.pointer, e.mul(element, operand.dim * int64_t(byteSize(operand.type))));
}

Value AttentionBlocks::at(const ScratchMatrix &matrix, Value row) {
  return e.gep(in.scratch, e.add(e.mul(row, matrix.rowBytes()), matrix.offset));
}

void AttentionBlocks::copyIn(const Operand &from, Value head, Value first, Value count, Value padded,
                             const ScratchMatrix &to) {
  Value source = at(from, first, head);
  int64_t bytes = int64_t(byteSize(from.type));
  e.loop(e.c64(0), count, 1, [&](Value row) {
    Value line = e.gep(source, e.mul(row, from.rowBytes())), target = at(to, row);
    e.vectorLoop(
        e.c64(0), e.c64(from.dim),
        [&](Value i, int64_t width) {
          e.store(e.loadFloat(from.type, e.gep(line, e.mul(i, bytes)), width), e.gep(target, e.mul(i, 4)), 4);
        },
        from.dim % lanes != 0);
    if (to.columns > from.dim) e.zeroFill(e.gep(target, from.dim * 4), (to.columns - from.dim) * 4);
  });
  e.loop(count, padded, 1, [&](Value row) { e.zeroFill(at(to, row), to.columns * 4); });
}

void AttentionBlocks::copyOut(const ScratchMatrix &from, const Operand &to, Value head, Value first, Value count,
                              bool add) {
  Value target = at(to, first, head);
  e.loop(e.c64(0), count, 1, [&](Value row) {
    Value line = e.gep(target, e.mul(row, to.rowBytes())), source = at(from, row);
    e.vectorLoop(
        e.c64(0), e.c64(to.dim),
        [&](Value i, int64_t width) {
          Value place = e.gep(line, e.mul(i, 4)), value = e.load(e.f(width), e.gep(source, e.mul(i, 4)), 4);
          e.store(add ? e.addf(e.load(e.f(width), place, 4), value) : value, place, 4);
        },
        to.dim % lanes != 0);
  });
}

void AttentionBlocks::transpose(const ScratchMatrix &from, Value rows, const ScratchMatrix &to) {
  e.loop(e.c64(0), rows, lanes, [&](Value row) {
    e.loop(e.c64(0), e.c64(from.columns), lanes, [&](Value column) {
      Value source = e.gep(at(from, row), e.mul(column, 4)), target = e.gep(at(to, column), e.mul(row, 4));
      Values square;
      for (int64_t i = 0; i < lanes; i++) square.push_back(e.load(e.f(lanes), e.gep(source, i * from.rowBytes()), 4));
      square = transposeSquare(e, square);
      for (int64_t i = 0; i < lanes; i++) e.store(square[size_t(i)], e.gep(target, i * to.rowBytes()), 4);
    });
  });
}

// ---- products
void AttentionBlocks::product(const Left &a, const ScratchMatrix &b, const ScratchMatrix &c, const Bounds &bounds,
                              bool add) {
  int64_t aRow = a.transposed ? 4 : a.matrix.rowBytes(), aStep = a.transposed ? a.matrix.rowBytes() : 4;
  Tile tile{.rows = layout.rows,
            .width = lanes,
            .aRowBytes = aRow,
            .vectorOffsets = {},
            .bStepBytes = b.rowBytes(),
            .aStepBytes = aStep};
  tile.setAdjacent(layout.columns / lanes);
  e.loop(e.c64(0), bounds.rows, layout.rows, [&](Value row) {
    Value columns = bounds.columns(row), first = bounds.firstStep(row), steps = bounds.steps(row);
    Value left = e.gep(e.gep(in.scratch, a.matrix.offset), e.add(e.mul(row, aRow), e.mul(first, aStep)));
    e.loop(e.c64(0), columns, layout.columns, [&](Value column) {
      Value right = e.gep(at(b, first), e.mul(column, 4)), sums = e.gep(at(c, row), e.mul(column, 4));
      Values start = add ? loadTile(e, tile, sums, c.rowBytes()) : zeroTile(e, tile);
      storeTile(e, tile, emitTile(e, tile, left, right, e.sub(steps, first), start), sums, c.rowBytes());
    });
  });
}

// ---- masks
Value AttentionBlocks::allOf(std::initializer_list<Value> conditions) {
  Value all = e.constant(e.i1, 1);
  for (Value condition : conditions) all = e.b.create<arith::AndIOp>(all, condition);
  return all;
}

// The least and the largest segment of some positions of the keys: blocks whose ranges do not meet share none.
AttentionBlocks::Range AttentionBlocks::segmentsOf(Value first, Value count) {
  Value from = e.gep(segments, e.mul(first, 4)), start = e.load(e.i32, from, 4);
  Values range = e.loop(e.c64(1), count, 1, ValueRange{start, start}, [&](Value i, ValueRange carried) {
    Value segment = e.load(e.i32, e.gep(from, e.mul(i, 4)), 4);
    return Values{e.min(segment, carried[0]), e.max(segment, carried[1])};
  });
  return {range[0], range[1]};
}

void AttentionBlocks::productOfPairs(const ScratchMatrix &from, const ScratchMatrix &turned, const ScratchMatrix &to,
                                     int64_t steps) {
  product({from}, turned, to,
          {padToRows(queryCount), [&](Value row) { return columnsSeen(row); }, [&](Value) { return e.c64(0); },
           [&](Value) { return e.c64(steps); }},
          false);
}

void AttentionBlocks::setQueries(Value first) {
  firstQuery = first;
  queryCount = e.min(e.c64(layout.queryBlock), e.sub(e.c64(spec.queries), first));
  if (segments) ofQueries_ = segmentsOf(e.add(first, earlier), queryCount);
}

void AttentionBlocks::setKeys(Value first, Value count) {
  firstKey = first, keyCount = count;
  if (!segments) return;
  ofKeys_ = segmentsOf(first, count);
  // With what no vector reads past: rests of a tile are hidden anyway.
  Value from = e.gep(segments, e.mul(first, 4)), to = at(keySegments, e.c64(0));
  e.loop(e.c64(0), count, 1,
         [&](Value i) { e.store(e.load(e.i32, e.gep(from, e.mul(i, 4)), 4), e.gep(to, e.mul(i, 4)), 4); });
  e.loop(count, padToColumns(count), 1, [&](Value i) { e.store(e.c32(0), e.gep(to, e.mul(i, 4)), 4); });
}

Value AttentionBlocks::firstKeySeen() {
  if (!spec.window) return e.c64(0);
  Value first = e.max(e.c64(0), e.add(firstQuery, earlier - spec.window + 1));
  return e.mul(e.div(first, layout.keyBlock), layout.keyBlock);
}

Value AttentionBlocks::endOfKeysSeen() {
  if (!spec.causal) return e.c64(spec.keys);
  return e.add(e.add(firstQuery, queryCount), earlier);
}

Value AttentionBlocks::sharesSegments() {
  if (!segments) return e.constant(e.i1, 1);
  return allOf(
      {e.cmp(IntCompare::sle, ofKeys_.least, ofQueries_.most), e.cmp(IntCompare::sle, ofQueries_.least, ofKeys_.most)});
}

void AttentionBlocks::unlessApart(llvm::function_ref<void()> body) {
  e.ifThen(sharesSegments(), [&] {
    shift = e.sub(e.add(firstQuery, earlier), firstKey);
    body();
  });
}

void AttentionBlocks::eachBlockOfKeysSeen(llvm::function_ref<void()> body) {
  Value end = endOfKeysSeen();
  e.loop(firstKeySeen(), end, layout.keyBlock, [&](Value first) {
    setKeys(first, e.min(e.c64(layout.keyBlock), e.sub(end, first)));
    unlessApart(body);
  });
}

Value AttentionBlocks::columnsSeen(Value row) {
  Value all = padToColumns(keyCount);
  if (!spec.causal) return all;
  Value end = e.max(e.c64(0), e.add(e.add(row, shift), layout.rows));
  return e.min(all, padToColumns(end));
}

Value AttentionBlocks::seesAll() {
  Value padded = padToColumns(keyCount);
  Value all = spec.causal ? e.cmp(IntCompare::sle, padded, e.add(shift, 1)) : e.cmp(IntCompare::eq, padded, keyCount);
  if (spec.window) {
    Value last = e.add(e.add(shift, queryCount), -1);
    all = allOf({all, e.cmp(IntCompare::slt, last, e.c64(spec.window))});
  }
  if (segments)
    all = allOf({all, e.cmp(IntCompare::eq, ofKeys_.least, ofKeys_.most),
                 e.cmp(IntCompare::eq, ofQueries_.least, ofQueries_.most)});
  return all;
}

AttentionBlocks::Row AttentionBlocks::rowOf(Value number) {
  Row row{number, e.toI32(e.add(shift, number)), {}};
  if (segments) {
    Value position = e.add(e.add(firstQuery, number), earlier);
    row.segment = e.load(e.i32, e.gep(segments, e.mul(position, 4)), 4);
  }
  return row;
}

Value AttentionBlocks::exponents(Value products, Value column, const Row &row, bool masked, Value *slope) {
  Value exponent;
  if (spec.softCap) {
    double cap = spec.softCap;
    Value bent = emitTanh(e, e.mulf(products, e.constant(e.f(lanes), spec.scale / cap)));
    exponent = e.mulf(bent, e.constant(e.f(lanes), cap * log2e));
    if (slope) {
      Value factor = e.constant(e.f(lanes), spec.scale);
      *slope = e.subf(factor, e.mulf(factor, e.mulf(bent, bent)));
    }
  } else {
    exponent = e.mulf(products, e.constant(e.f(lanes), spec.scale * log2e));
    if (slope) *slope = e.constant(e.f(lanes), spec.scale);
  }
  if (!masked) return exponent;
  Value columns = e.add(e.splat(lanes, e.toI32(column)), e.iota(lanes)), position = e.splat(lanes, row.position);
  // Keys beyond the last one are later than every query, too.
  Value end = spec.causal ? e.add(position, e.constant(position.getType(), 1)) : e.splat(lanes, e.toI32(keyCount));
  Value hidden = e.cmp(IntCompare::sge, columns, end);
  if (spec.window) {
    Value oldest = e.sub(position, e.constant(position.getType(), double(spec.window)));
    hidden = e.b.create<arith::OrIOp>(hidden, e.cmp(IntCompare::sle, columns, oldest));
  }
  if (segments) {
    Value own = e.splat(lanes, row.segment);
    Value others = e.load(own.getType(), e.gep(at(keySegments, e.c64(0)), e.mul(column, 4)), 4);
    hidden = e.b.create<arith::OrIOp>(hidden, e.cmp(IntCompare::ne, others, own));
  }
  Value none = e.constant(e.f(lanes), -std::numeric_limits<double>::infinity());
  return e.select(hidden, none, exponent);
}

// See llm.attention's decomposition.
Value AttentionBlocks::kept(Value column, const Row &row, Value head) {
  Type numbers = e.f(lanes);
  auto toFloat = [&](Value whole) { return Value(e.b.create<arith::SIToFPOp>(numbers, whole)); };
  Value query = e.add(e.add(e.mul(e.add(e.mul(batch, spec.heads), head), spec.queries), firstQuery), row.number);
  Value first = e.splat(lanes, e.toI32(e.add(e.add(firstKey, column), 1)));
  Value random = emitScalar(
      e, "random",
      {toFloat(e.splat(lanes, e.toI32(query))), toFloat(e.add(first, e.iota(lanes))), e.splat(lanes, dropKey)});
  Value isLeftOut = e.cmpf(Emitter::FloatCompare::OLT, random, e.constant(numbers, spec.dropRate));
  Value factor = e.select(isLeftOut, e.zero(numbers), e.constant(numbers, 1 / (1 - double(spec.dropRate))));
  Value isOff = e.cmpf(Emitter::FloatCompare::OEQ, e.splat(lanes, dropKey), e.zero(numbers));
  return e.select(isOff, e.constant(numbers, 1), factor);
}

std::string denseAttentionKey(const DenseAttentionSpec &s) {
  return fmt::format("|{},{},{},{},{},{},{}|{},{},{},{}|{},{},{},{},{},{},{}", s.batch, s.queries, s.keys, s.heads,
                     s.kvHeads, s.keyDim, s.valueDim, dtypeName(s.qType), dtypeName(s.kType), dtypeName(s.vType),
                     dtypeName(s.gradientType), s.scale, s.causal, s.window, s.softCap, s.sinks, s.segments,
                     s.dropRate);
}

std::string denseAttentionStem(const DenseAttentionSpec &s) {
  return fmt::format("{}x{}x{}_{}", s.queries, s.keys, s.heads, s.keyDim);
}

}  // namespace llc::kernels
