// The rotation of one head, for kernels that rotate among other things.
#pragma once
#include "compiler/kernels/kernels.h"

namespace llc::kernels {

// spec.dim numbers at `from` to `to` (which may be `from`), by the row's spec.rotated/2 cosines and sines. spec.heads
// plays no part.
void emitRotatedHead(Emitter &, const RotarySpec &spec, Value from, Value to, Value cosines, Value sines);

}  // namespace llc::kernels
