// The sums of a block (panels.h) on the tile unit of AMX, for bf16 weights and many rows.
#pragma once
#include "compiler/kernels/panels.h"

namespace llc::kernels {

// As emitPanelSums, for any number of rows. The plan must have a tile unit (tileUnitK > 0). Rows of bf16 are tiles as
// they lie; activations of f32 are packed into scratch as two bf16 numbers each, whose sum is the activation up to
// 2^-18 of it.
void emitTileSums(Emitter &, const PanelPlan &, const PanelWork &);

// f32 as bf16 bits, by the instruction where that has the width for it: subnormals become zero, as they are for
// products of tiles.
Value tileBits(Emitter &, Value value);

}  // namespace llc::kernels
