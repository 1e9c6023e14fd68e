// Cleaning up, the same before and after fusion. In pipeline order.
#ifndef LLC_SIMPLIFY_PASSES
#define LLC_SIMPLIFY_PASSES
include "mlir/Pass/PassBase.td"

def Simplify : Pass<"llm-simplify", "::mlir::ModuleOp"> {
  let summary = "canonical forms, common subexpressions, unused functions and parameters";
  let description = [{
    Sums of paddings that lie one after the other become concatenations. Canonicalization and common-subexpression
    elimination in every function, then removal of private functions that nobody
    calls and of parameters that nobody uses (a checkpoint may hold more than one entry needs).
  }];
}

def Decompose : Pass<"llm-decompose", "::mlir::ModuleOp"> {
  let summary = "ops that have neither a kernel nor a program for the loop emitters become simpler ops";
  let description = [{
    Dense attention, normalizations over dimensions that are no rows, the loss head where its weight is not packed, and
    whatever else says by its facet `decompose` what it consists of. Run after packing, which says what has a kernel, and
    before fusion, so that the parts can be fused.
  }];
}
#endif
