// The sums of a block (panels.h) on the tile unit of AMX, for bf16 weights and many rows.
#pragma once
#include "compiler/kernels/panels.h"

namespace llc::kernels {

// As emitPanelSums, for any number of rows. The plan must have a tile unit (fewRows > 0). Activations are packed into
// scratch as plan.terms bf16 numbers each, whose sum is the activation up to 2^-9 (one) or 2^-18 (two) of it.
void emitTileSums(Emitter &, const PanelPlan &, const PanelWork &);

// f32 as bf16 bits, by the instruction where that has the width for it: subnormals become zero, as they are for
// products of tiles.
Value tileBits(Emitter &, Value value);

}  // namespace llc::kernels
