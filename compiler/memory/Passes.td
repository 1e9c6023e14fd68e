// From a set of ops to stages in order, each value in its place. In pipeline order.
#ifndef LLC_MEMORY_PASSES
#define LLC_MEMORY_PASSES
include "mlir/Pass/PassBase.td"

def OrderStages : Pass<"llm-order-stages", "::mlir::ModuleOp"> {
  let summary = "orders the ops of every function by levels and marks where the team must wait";
  let description = [{
    An op runs as early as its operands allow; ops of one level form a group that shares one claim loop. The first op of
    every later group carries `llm.barrier`. A group of one row program that the next group alone reads carries
    `llm.replicated`: with few rows every thread computes it, and the barrier behind it is left out. Results that
    a caller sees but that no stage can write in place (an argument that is returned) are copied by an identity op.
  }];
}

def PlanMemory : Pass<"llm-plan-memory", "::mlir::ModuleOp"> {
  let summary = "gives every temporary its place in its function's frame";
  let description = [{
    Writes `llm.offset` (one byte offset per result; -1: not a temporary), `llm.frame_offset` on calls (where the callee's
    frame begins in the caller's) and `llm.frame` on functions (bytes). Blocks are planned once and their frame is reused
    by every call. `llm.arena` on the module is the largest entry's frame: the proven peak.
  }];
}
#endif
