// The generated interface definitions.
#include "dialect/interfaces/interfaces.h"

#include "dialect/interfaces/costed.cpp.inc"
#include "dialect/interfaces/decomposable.cpp.inc"
#include "dialect/interfaces/differentiable.cpp.inc"
#include "dialect/interfaces/evaluable.cpp.inc"
#include "dialect/interfaces/indexed.cpp.inc"
#include "dialect/interfaces/shardable.cpp.inc"
