#include "compiler/kernels/dense_block.h"

#include <algorithm>

#include "compiler/kernels/kernels.h"
#include "compiler/kernels/vector_math.h"

using namespace mlir;

namespace llc::kernels {
namespace {
constexpr int64_t enoughChunks = 16;  // else blocks are narrower

int64_t pieces(int64_t count, int64_t most) { return (count + most - 1) / most; }
}  // namespace

int64_t equalPiece(int64_t count, int64_t most, int64_t unit) {
  return roundUp((count + pieces(count, most) - 1) / pieces(count, most), unit);
}

namespace {
int64_t sumsOf(const DenseProductSpec &spec) {
  int64_t sums = spec.k;
  for (auto &dimension : spec.outerSteps) sums *= dimension.extent;
  return sums;
}
}  // namespace

LayoutCopy DenseBlocks::copyOfA(const DenseProductSpec &spec, const std::string &layout, int64_t bytes) const {
  return {
      .what = "first factor", .layout = layout, .blockBytes = batches * columnBlocks * spec.m * sumsOf(spec) * bytes};
}
LayoutCopy DenseBlocks::copyOfB(const DenseProductSpec &spec, const std::string &layout, int64_t bytes) const {
  return {.what = "second factor", .layout = layout, .blockBytes = batches * rowBlocks * spec.n * sumsOf(spec) * bytes};
}

DenseBlocks::DenseBlocks(const DenseProductSpec &spec, const Limits &limits) {
  steps = equalPiece(spec.k, limits.steps, limits.stepUnit);
  rows = equalPiece(spec.m, limits.rows, limits.rowUnit);
  for (auto &dimension : spec.batches) batches *= dimension.extent;
  panels = pieces(spec.n, panelColumns);
  rowBlocks = pieces(spec.m, rows);
  blockPanels = limits.panels;
  while (blockPanels > 4 && batches * rowBlocks * pieces(panels, blockPanels) < enoughChunks) blockPanels /= 2;
  blockPanels = std::min(blockPanels, panels);
  columnBlocks = pieces(panels, blockPanels);
  isOneSum = spec.k <= steps && spec.outerSteps.empty();
  sumRowBytes = blockPanels * panelColumns * 4 + 64;
  copies = roundUp(rows * sumRowBytes, 64);
  int64_t aBytes = int64_t(byteSize(spec.aType)), bBytes = int64_t(byteSize(spec.bType));
  aRowBytes = spec.aRow * aBytes, aStepBytes = spec.aStep * aBytes;
  bStepBytes = spec.bStep * bBytes, bColumnBytes = spec.bColumn * bBytes;
}

void DenseBlock::emit(const index::ExprPtr &ofSums) {
  epilogue = ofSums;
  Value block = placeOfChunk();
  firstRow = e.mul(e.div(block, blocks.columnBlocks), blocks.rows);
  firstColumn = e.mul(e.rem(block, blocks.columnBlocks), blocks.blockPanels * panelColumns);
  rows = e.min(e.c64(blocks.rows), e.sub(e.c64(spec.m), firstRow));
  columns = e.min(e.c64(blocks.blockPanels * panelColumns), e.sub(e.c64(spec.n), firstColumn));
  panelCount = e.ceilDiv(columns, panelColumns);
  a = e.gep(a, e.mul(firstRow, blocks.aRowBytes));
  b = e.gep(b, e.mul(firstColumn, blocks.bColumnBytes));
  if (!blocks.isOneSum) zeroSums();
  begin();
  overOuterSteps(0, a, b);
  end();
  if (!finishesParts()) finish({e.c64(0), rows, e.c64(0), columns}, in.scratch);
}

// Moves the pointers to the chunk's batch element; gives the number of its block there.
Value DenseBlock::placeOfChunk() {
  a = in.pointers[0], b = in.pointers[1], y = in.pointers.back();
  Value rest = e.div(in.chunk, blocks.rowBlocks * blocks.columnBlocks);
  for (size_t i = spec.batches.size(); i-- > 0;) {
    const DenseProductSpec::Dimension &dimension = spec.batches[i];
    Value position = i ? e.rem(rest, dimension.extent) : rest;
    rest = e.div(rest, dimension.extent);
    a = e.gep(a, e.mul(position, dimension.a * aBytes()));
    b = e.gep(b, e.mul(position, dimension.b * bBytes()));
    y = e.gep(y, e.mul(position, dimension.y * 4));
  }
  return e.rem(in.chunk, blocks.rowBlocks * blocks.columnBlocks);
}

void DenseBlock::zeroSums() {
  e.loop(e.c64(0), rows, 1,
         [&](Value row) { e.zeroFill(e.gep(in.scratch, e.mul(row, blocks.sumRowBytes)), blocks.sumRowBytes - 64); });
}

void DenseBlock::overOuterSteps(size_t depth, Value aFrom, Value bFrom) {
  if (depth == spec.outerSteps.size()) return overSteps(aFrom, bFrom);
  const DenseProductSpec::Dimension &dimension = spec.outerSteps[depth];
  e.loop(e.c64(0), e.c64(dimension.extent), 1, [&](Value position) {
    Value outside = isLast;
    alsoLast(position, e.c64(dimension.extent), 1);
    overOuterSteps(depth + 1, e.gep(aFrom, e.mul(position, dimension.a * aBytes())),
                   e.gep(bFrom, e.mul(position, dimension.b * bBytes())));
    isLast = outside;
  });
}

// Where `first` + `step` reaches the end, the last one of the loops outside is the last one still.
void DenseBlock::alsoLast(Value first, Value end, int64_t step) {
  Value reached = e.cmp(Emitter::IntCompare::sge, e.add(first, step), end);
  isLast = isLast ? e.b.create<arith::AndIOp>(isLast, reached).getResult() : reached;
}

void DenseBlock::overSteps(Value aFrom, Value bFrom) {
  e.loop(e.c64(0), e.c64(spec.k), blocks.steps, [&](Value first) {
    Value outside = isLast;
    part = e.div(first, blocks.steps);
    if (!blocks.isOneSum) alsoLast(first, e.c64(spec.k), blocks.steps);
    Value count = e.min(e.c64(blocks.steps), e.sub(e.c64(spec.k), first));
    multiply(e.gep(aFrom, e.mul(first, blocks.aStepBytes)), e.gep(bFrom, e.mul(first, blocks.bStepBytes)), count);
    isLast = outside;
  });
}

Value DenseBlock::sameElement(Value array, Value row, Value column) {
  Value at = e.add(e.mul(e.add(firstRow, row), spec.yRow), e.add(firstColumn, column));
  return e.gep(array, e.mul(at, 4));
}

void DenseBlock::finish(const Range &range, Value sumsOfRange) {
  Value rangeColumn = e.add(firstColumn, range.firstColumn);
  e.loop(e.c64(0), range.rows, 1, [&](Value row) {
    Value globalRow = e.add(e.add(firstRow, range.firstRow), row);
    Value sums = e.gep(sumsOfRange, e.mul(row, blocks.sumRowBytes));
    Value rowStart = e.add(e.mul(globalRow, spec.yRow), rangeColumn);
    e.vectorLoop(
        e.c64(0), range.columns,
        [&](Value column, int64_t width) {
          Value at = e.add(rowStart, column);
          auto leaf = [&](const index::Expr &node) -> Value {
            if (node.operand == 0) return e.load(e.f(width), e.gep(sums, e.mul(column, 4)), 4);
            return loadExtra(e, spec.extras[size_t(node.operand - 1)], in.pointers[size_t(1 + node.operand)],
                             {globalRow, e.add(rangeColumn, column), at}, width);
          };
          e.store(emitExpr(e, epilogue, width, leaf), e.gep(y, e.mul(at, 4)), 4);
        },
        spec.n % lanes != 0);
  });
}

}  // namespace llc::kernels
