// The facet interfaces of the llm dialect: Indexed, Evaluable, Differentiable, Decomposable, Shardable, Costed.
#pragma once
#include "mlir/IR/Builders.h"
#include "mlir/IR/OpDefinition.h"

#include "dialect/interfaces/derive.h"
#include "dialect/interfaces/meaning.h"

#include "dialect/interfaces/indexed.h.inc"
#include "dialect/interfaces/evaluable.h.inc"
#include "dialect/interfaces/differentiable.h.inc"
#include "dialect/interfaces/decomposable.h.inc"
#include "dialect/interfaces/shardable.h.inc"
#include "dialect/interfaces/costed.h.inc"
