// The sums of a block (panels.h) by dot products of pairs of bf16, for bf16 weights and activations in rows of bf16.
#pragma once
#include "compiler/kernels/panels.h"

namespace llc::kernels {

// As emitPanelSums, for any number of rows. The plan must have pairs (pairSteps > 0). Subnormal factors count as zero.
void emitPairSums(Emitter &, const PanelPlan &, const PanelWork &);
// The same for up to plan.fewRows rows, the weights read once from memory.
void emitFewPairSums(Emitter &, const PanelPlan &, const PanelWork &);

}  // namespace llc::kernels
