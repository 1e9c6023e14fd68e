// Conversion of whole tensors between element types, for checkpoints stored in another type than the program wants.
#pragma once
#include <cstdint>

#include "runtime/base/dtype.h"

namespace llc {

// Floats round to nearest even. `from` and `to` do not overlap and need no alignment.
void convertElements(const void *from, DType fromType, void *to, DType toType, uint64_t count);

}  // namespace llc
