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

def YieldOp : Llm_Op<"yield", [Pure, Terminator, ReturnLike, ParentOneOf<["::llc::llm::FusedOp"]>],
                     ["evaluate", "decompose", "shardingFactors", "cost"]> {
  let summary = "the results of the region of llm.fused";
  let description = [{
    ```mlir
    llm.yield %s : tensor<?x64xf32>
    ```
  }];
  let arguments = (ins Variadic<AnyType>:$values);
  let results = (outs);
  let notDifferentiable = "differentiation comes before fusion";
  let assemblyFormat = "($values^ `:` type($values))? attr-dict";
  let builders = [OpBuilder<(ins), [{ build($_builder, $_state, ::mlir::ValueRange()); }]>];
}
#endif
