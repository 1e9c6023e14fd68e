// All facets of an op.
#ifndef LLC_INTERFACES
#define LLC_INTERFACES
include "dialect/interfaces/indexed.td"
include "dialect/interfaces/evaluable.td"
include "dialect/interfaces/differentiable.td"
include "dialect/interfaces/decomposable.td"
include "dialect/interfaces/shardable.td"
include "dialect/interfaces/costed.td"
#endif
