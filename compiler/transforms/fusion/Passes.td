// Several ops as one stage. In pipeline order.
#ifndef LLC_FUSION_PASSES
#define LLC_FUSION_PASSES
include "mlir/Pass/PassBase.td"

def FuseGates : Pass<"llm-fuse-gates", "::mlir::ModuleOp"> {
  let summary = "two matrix products of one input whose results meet element by element become one stage";
  let description = [{
    `epilogue(linear(x, w1), linear(x, w2))`: the gate and up projections of an MLP. Both results stay in registers.
  }];
}

def FuseHeads : Pass<"llm-fuse-heads", "::mlir::ModuleOp"> {
  let summary = "the products that make queries, keys and values become one stage with what is done head by head";
  let description = [{
    Bias, normalization of heads and rotation happen while a chunk's sums are in the cache; keys and values go from there
    to the paged cache (`llm.cache_append` joins the stage). Results are the queries and the cache. Needs one input for
    all three products and heads that whole weight panels can cover.
  }];
}

def FuseEpilogues : Pass<"llm-fuse-epilogues", "::mlir::ModuleOp"> {
  let summary = "element-wise ops on the result of a matrix product join it";
  let description = [{
    Bias, activation, scaling, residual: every op that reads the product (or what became of it) element by element, whose
    other operands are vectors over the columns or matrices like the result, and whose predecessor has no other reader. A
    sum at computed places (the gradient of an embedding) takes the sum with another matrix: it adds to that one.
  }];
}

def FuseRows : Pass<"llm-fuse-rows", "::mlir::ModuleOp"> {
  let summary = "chains of ops that work row by row become one row program";
  let description = [{
    Element-wise ops, reductions and normalizations over the inner dimensions, joined when they share values and when no op
    in between would have to run both before and after the group.
  }];
}

def FuseCasts : Pass<"llm-fuse-casts", "::mlir::ModuleOp"> {
  let summary = "conversions to fewer bits join the products that read them";
  let description = [{
    A conversion that no row program took, of a value that lies in memory anyway (a weight), and that products read as
    their right factor alone: they copy that one to panels, and round on the way. No narrow copy of it is ever made.
  }];
}
#endif
