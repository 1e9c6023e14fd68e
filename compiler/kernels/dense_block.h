// What the ways to compute a block of dense_product.h share: how y is cut into blocks and k into parts, and the
// epilogue. For each part of k the factors are copied and multiplied; sums wait in scratch.
#pragma once
#include "compiler/kernels/dense_product.h"
#include "compiler/kernels/panels.h"
#include "dialect/interfaces/index.h"

namespace llc::kernels {

// `count` in the fewest pieces of at most `most`, equal but for the last: their size, a multiple of `unit`.
int64_t equalPiece(int64_t count, int64_t most, int64_t unit);

struct DenseBlocks {
  // Blocks of at most mostRows x mostPanels, parts of k of at most mostSteps; rows and steps are multiples of their
  // units.
  struct Limits {
    int64_t rows, rowUnit, panels, steps, stepUnit;
  };
  DenseBlocks(const DenseProductSpec &spec, const Limits &limits);
  int64_t chunks() const { return batches * rowBlocks * columnBlocks; }
  // What all chunks copy of a factor for themselves, elements of so many bytes.
  LayoutCopy copyOfA(const DenseProductSpec &spec, const std::string &layout, int64_t bytes) const;
  LayoutCopy copyOfB(const DenseProductSpec &spec, const std::string &layout, int64_t bytes) const;

  int64_t rows, steps, panels, blockPanels;  // of a block; panels: of y
  int64_t batches = 1, rowBlocks, columnBlocks;
  bool isOneSum;                // k has one part: sums need not be there before it
  int64_t sumRowBytes, copies;  // sums come first in scratch; offset of what follows
  // From row to row of what multiply() is given, and so on.
  int64_t aRowBytes, aStepBytes, bStepBytes, bColumnBytes;
};

class DenseBlock {
 public:
  DenseBlock(Emitter &e, const DenseProductSpec &spec, const DenseBlocks &blocks, const KernelArguments &in)
      : e(e), spec(spec), in(in), lanes(e.target.lanes), blocks(blocks) {}
  virtual ~DenseBlock() = default;
  void emit(const index::ExprPtr &epilogue);

 protected:
  // Sums of the block += a part of k, `count` long, that begins at these pointers. (Sums = it, where blocks.isOneSum.)
  virtual void multiply(Value aPart, Value bPart, Value count) = 0;
  virtual void begin() {}
  virtual void end() {}
  // Does multiply() itself finish() the sums whose last part of k it is given?
  virtual bool finishesParts() const { return false; }
  // y = epilogue(sums) for a range of the block's rows and columns, whose sums begin at `sums`.
  struct Range {
    Value firstRow, rows, firstColumn, columns;
  };
  void finish(const Range &, Value sums);

  int64_t aBytes() const { return int64_t(byteSize(spec.aType)); }
  int64_t bBytes() const { return int64_t(byteSize(spec.bType)); }

  Emitter &e;
  const DenseProductSpec &spec;
  const KernelArguments &in;
  int64_t lanes;
  Value rows, columns, panelCount;  // of this block
  Value part;                       // while multiply() is emitted: the number of the part of k
  Value isLast;                     // while multiply() is emitted: no part of k follows; null: never does one
  // The element of a row and a column of the block, of y and of an array like y.
  Value resultAt(Value row, Value column) { return sameElement(y, row, column); }
  Value sameElement(Value array, Value row, Value column);

 private:
  Value placeOfChunk();
  void zeroSums();
  void overOuterSteps(size_t depth, Value aFrom, Value bFrom);
  void overSteps(Value aFrom, Value bFrom);
  void alsoLast(Value first, Value end, int64_t step);

  const DenseBlocks &blocks;
  index::ExprPtr epilogue;
  Value a, b, y, firstRow, firstColumn;
};

}  // namespace llc::kernels
