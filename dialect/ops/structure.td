// Ops that hold other ops.
#ifndef LLC_OPS_STRUCTURE
#define LLC_OPS_STRUCTURE
include "dialect/ops/base.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"

def FusedOp : Llm_Op<"fused", [IsolatedFromAbove, SingleBlockImplicitTerminator<"::llc::llm::YieldOp">,
                               RecursiveMemoryEffects],
                     ["evaluate", "decompose", "shardingFactors", "cost"]> {
  let summary = "ops that one kernel computes";
  let description = [{
    The region's arguments are the operands, its llm.yield gives the results. The interpreter runs the region; the ops
    inside keep their meaning.

    ```mlir
    %y = llm.fused(%x, %w) : (tensor<?x64xf32>, tensor<64xf32>) -> tensor<?x64xf32> {
    ^bb0(%a: tensor<?x64xf32>, %b: tensor<64xf32>):
      %n = llm.rms_norm %a, %b : (tensor<?x64xf32>, tensor<64xf32>) -> tensor<?x64xf32>
      %s = llm.silu %n : (tensor<?x64xf32>) -> tensor<?x64xf32>
      llm.yield %s : tensor<?x64xf32>
    }
    ```
  }];
  let arguments = (ins Variadic<AnyType>:$inputs);
  let results = (outs Variadic<AnyType>:$outputs);
  let regions = (region SizedRegion<1>:$body);
  let notDifferentiable = "differentiation comes before fusion";
  let assemblyFormat = "`(` $inputs `)` attr-dict `:` functional-type($inputs, results) $body";
  let hasVerifier = 1;
}

def ByRowsOp : Llm_Op<"by_rows", [IsolatedFromAbove, SingleBlockImplicitTerminator<"::llc::llm::YieldOp">,
                                  RecursiveMemoryEffects],
                      ["evaluate", "buildAdjoint", "decompose", "shardingFactors", "cost"]> {
  let summary = "a computation on some rows at a time";
  let description = [{
    The first `tiled` inputs are cut into tiles of as many rows as the region's arguments have; the others are the same
    for all tiles. The region is run for each tile, tile after tile, so that what it makes on the way lives for one tile
    only. The first `row_results` results are what it yields, one tile after the other; the others are sums over the
    tiles. So its gradient is such an op, too: rows of the inputs get rows, the other inputs get sums. That op gives the
    results once more, because all they come from is there; a result that nobody reads costs nothing.

    ```mlir
    %y = llm.by_rows(%x, %w) {row_results = 1 : i64, tiled = 1 : i64}
        : (tensor<512x64xf32>, tensor<32000x64xf32>) -> tensor<512xf32> {
    ^bb0(%a: tensor<256x64xf32>, %b: tensor<32000x64xf32>):
      %z = llm.linear %a, %b : (tensor<256x64xf32>, tensor<32000x64xf32>) -> tensor<256x32000xf32>
      %s = llm.logsumexp %z : (tensor<256x32000xf32>) -> tensor<256xf32>
      llm.yield %s : tensor<256xf32>
    }
    ```
  }];
  let arguments = (ins Variadic<AnyRankedTensor>:$inputs, I64Attr:$tiled, I64Attr:$row_results);
  let results = (outs Variadic<AnyRankedTensor>:$outputs);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "`(` $inputs `)` attr-dict `:` functional-type($inputs, results) $body";
  let extraClassDeclaration = "int64_t tileRows(); int64_t tiles();";
  let hasVerifier = 1;
}

def YieldOp : Llm_Op<"yield", [Pure, Terminator, ReturnLike,
                               ParentOneOf<["::llc::llm::FusedOp", "::llc::llm::ByRowsOp"]>],
                     ["evaluate", "decompose", "shardingFactors", "cost"]> {
  let summary = "the results of the region of llm.fused or llm.by_rows";
  let description = [{
    ```mlir
    llm.yield %s : tensor<?x64xf32>
    ```
  }];
  let arguments = (ins Variadic<AnyType>:$values);
  let results = (outs);
  let notDifferentiable = "the op that it ends is differentiated as a whole";
  let assemblyFormat = "($values^ `:` type($values))? attr-dict";
  let builders = [OpBuilder<(ins), [{ build($_builder, $_state, ::mlir::ValueRange()); }]>];
}
#endif
