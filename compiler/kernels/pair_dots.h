// The register tile of products of bf16 pairs: sums[row][panel] += left[row][pair] . right[panel][pair][column], where
// vectors have dot products of two bf16 (Target::pairDots). A panel's line is a vector of 16 columns' pairs.
#pragma once
#include "compiler/kernels/emitter.h"

namespace llc::kernels {

struct PairDots {
  static constexpr int64_t mostRows = 8, mostPanels = 3;  // 24 of 32 registers; three more hold the panels' lines

  int64_t rows = mostRows, panels = mostPanels;
  int64_t leftRowBytes = 0, panelBytes = 0;  // from row to row, from panel to panel
};

// `sums`, row by row, plus the products of the pair at `left` and at `right`.
Values addPair(Emitter &, const PairDots &, Value left, Value right, ValueRange sums);
// The same with the pair of each row where `lefts` say.
Values addPair(Emitter &, const PairDots &, ValueRange lefts, Value right, ValueRange sums);

// body(group, first, number) for groups of as many of `count` panels as a tile has, or one less; after(group) behind
// each.
void forPanelGroups(Emitter &, Value count, llvm::function_ref<void(Value group, Value first, int64_t number)> body,
                    llvm::function_ref<void(Value group)> after = {});

}  // namespace llc::kernels
