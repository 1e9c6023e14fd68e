// The heart of every product with packed weights: fills a block of sums in scratch. Used by matmul, gated matmul and
// log-probabilities, which differ in what they do with the sums.
#pragma once
#include <string>
#include <vector>

#include "compiler/kernels/bf16_rows.h"
#include "compiler/kernels/emitter.h"

namespace llc::kernels {

// What is multiplied: x[t,k] by `weights` matrices w[k,n] of panels.
struct PanelFactors {
  int64_t k, n;
  DType type;
  bool xInBf16 = false;  // x is rows of bf16 (bf16_rows.h)
  int64_t weights = 1;
};

// How x[t,k] * w[k,n] is cut into blocks of rowBlock rows x blockPanels panels. Scratch holds, for each weight, the
// sums [rows][blockPanels*16] of one block, then, where halves are expanded, a part of some panels as f32, or what the
// tile unit needs.
struct PanelPlan : PanelFactors {
  // Without rowBlock: as many rows as the target's.
  PanelPlan(const Target &, const PanelFactors &, int64_t blockPanels, int64_t rowBlock = 0);

  int64_t panels, panelBytes;  // of one matrix
  int64_t stepBytes;           // one k of one panel
  int64_t blockPanels;
  int64_t rowBlock, kBlock;
  int64_t expandRows;     // from so many rows on weights are multiplied as f32 copies (0: never)
  int64_t expandedSteps;  // of k in one copy
  int64_t sumRowBytes, sumsBytes, scratchBytes;
  int64_t sumsOffset(int64_t weight) const { return weight * sumsBytes; }
  int64_t restOffset() const { return sumsOffset(weights); }  // what follows the sums in scratch
  Value sumsAt(Emitter &, Value scratch, int64_t weight, Value row, Value panel) const;  // 16 of them
  int64_t xRowBytes() const { return xInBf16 ? bf16RowBytes(k) : k * 4; }

  // With a tile unit (tileUnitK > 0): up to fewRows rows blocks are of narrowPanels panels, else of blockPanels; blocks
  // of more rows go through the unit. In scratch: 64 bytes that describe the tiles, then the terms of activations of
  // f32.
  int64_t fewRows = 0, narrowPanels, tileUnitK = 0, terms = 0;
  int64_t termBytes() const { return rowBlock * tileUnitK * 2; }
  int64_t termOffset(int64_t term) const { return restOffset() + 64 + term * termBytes(); }

  // With dot products of pairs blocks are chosen by fewRows in the same way; of many rows they take so much of k at
  // once.
  int64_t pairSteps = 0;

  // Every block is made of groups of so many panels.
  bool isOfGroups(int64_t wide) const {
    return panels % wide == 0 && blockPanels % wide == 0 && narrowPanels % wide == 0;
  }
  // Blocks side by side that `panels` columns of panels make: of blockPanels and of narrowPanels.
  int64_t wideBlocks(int64_t panels) const { return (panels + blockPanels - 1) / blockPanels; }
  int64_t narrowBlocks(int64_t panels) const { return (panels + narrowPanels - 1) / narrowPanels; }
};

// A chunk is a block of rows by a block of columns: where it lies, when there are columnBlocks blocks side by side.
struct ChunkPlace {
  Value few;  // rows are at most plan.fewRows, so that blocks are narrow; null where they never are
  Value firstRow, rows, columnBlock, width;
  Value either(Emitter &, int64_t narrow, int64_t wide) const;  // a number that depends on `few`
};
ChunkPlace placeOfChunk(Emitter &, const PanelPlan &, Value chunk, Value rows, int64_t columnBlocks);
// What the chunks copy, when so many wide blocks lie side by side.
std::vector<LayoutCopy> copiesOf(const PanelPlan &, int64_t columnBlocks);
// The kernel's chunks when so many wide or narrow blocks lie side by side, and plan.scratchBytes of scratch.
KernelFunction chunksOf(const PanelPlan &, int64_t columnBlocks, int64_t narrowBlocks);

// body(first, number) for `most` of [from, to) at a time, then for what is left in halves of that.
void forHalves(Emitter &, Value from, Value to, int64_t most,
               llvm::function_ref<void(Value first, int64_t number)> body);

// `width` elements of an epilogue's operand with that index string (MatmulSpec::extras). Numbers of the row, of the
// column of y, and of y's element.
struct ExtraPlace {
  Value row, column, element;
};
Value loadExtra(Emitter &, const std::string &indices, Value pointer, const ExtraPlace &, int64_t width);

// Panels per block such that a matrix gives enough blocks for all threads and a block is worth being claimed.
int64_t chooseBlockPanels(int64_t n);

// The sums of rows [0, rows) of `x` (rows <= plan.rowBlock) and panels [firstPanel, firstPanel + panelCount).
struct PanelWork {
  Value x;
  Values weights;  // plan.weights matrices
  Value rows, firstPanel, panelCount, scratch;
  Value stepRows;  // all that there are, of which these are a block
};
void emitPanelSums(Emitter &, const PanelPlan &, const PanelWork &);

}  // namespace llc::kernels
