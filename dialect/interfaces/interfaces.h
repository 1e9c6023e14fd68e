// The facet interfaces of the llm dialect: Indexed, Evaluable, Differentiable, Decomposable, Shardable, Costed.
#pragma once
#include "mlir/IR/Builders.h"
#include "mlir/IR/OpDefinition.h"

#include "dialect/interfaces/derive.h"
#include "dialect/interfaces/meaning.h"

// Generated headers use the ones above.
// clang-format off
#include "dialect/interfaces/indexed.h.inc"
#include "dialect/interfaces/evaluable.h.inc"
#include "dialect/interfaces/differentiable.h.inc"
#include "dialect/interfaces/decomposable.h.inc"
#include "dialect/interfaces/shardable.h.inc"
#include "dialect/interfaces/costed.h.inc"
// clang-format on
