// Contractions, reductions and the op that every derivation ends in: index notation as attributes.
#ifndef LLC_OPS_STRUCTURED
#define LLC_OPS_STRUCTURED
include "dialect/ops/base.td"

def ContractOp : Llm_Derived<"contract"> {
  let summary = "sum of products over an index signature";
  let description = [{
    `y[out] = sum x[in0] * w[in1]` over the letters that the result lacks. Accumulates in f32 and gives at least f32.

    ```mlir
    %y = llm.contract %x, %w {signature = "bmk,bkn->bmn"} : (tensor<2x3x4xf32>, tensor<2x4x5xf32>) -> tensor<2x3x5xf32>
    ```
  }];
  let arguments = (ins AnyRankedTensor:$x, AnyRankedTensor:$w, StrAttr:$signature);
  let results = (outs AnyRankedTensor:$y);
  let signature = "%signature";
  let body = "a*b";
  let combiner = "sum";
}

def LinearOp : Llm_Derived<"linear"> {
  let summary = "x times a weight matrix";
  let description = [{
    `y[t,n] = sum_k x[t,k] * w[n,k]`, or `w[k,n]` with `transposed = false`. A bias is a following llm.add.
    Accumulates in f32 and gives at least f32; the weight may be packed.

    ```mlir
    %y = llm.linear %x, %w : (tensor<?x64xf32>, tensor<128x64xbf16>) -> tensor<?x128xf32>
    ```
  }];
  let arguments = (ins AnyRankedTensor:$x, AnyRankedTensor:$w, DefaultValuedAttr<BoolAttr, "true">:$transposed);
  let results = (outs AnyRankedTensor:$y);
  let signature = "?transposed *k,nk->*n : *k,kn->*n";
  let body = "a*b";
  let combiner = "sum";
}

def ReduceOp : Llm_Derived<"reduce"> {
  let summary = "sum, max, min or product over the letters that the result lacks";
  let description = [{
    `kind` is sum, max, min or prod. The gradient of a maximum goes to every winner.

    ```mlir
    %y = llm.reduce %x {signature = "ti->t", kind = "max"} : (tensor<?x64xf32>) -> tensor<?xf32>
    ```
  }];
  let arguments = (ins AnyRankedTensor:$x, StrAttr:$signature, StrAttr:$kind);
  let results = (outs AnyRankedTensor:$y);
  let signature = "%signature";
  let combiner = "%kind";
}

def GenericOp : Llm_Op<"generic", [Pure]> {
  let summary = "one statement of the index notation";
  let description = [{
    `y[out] = combiner body(operands at their indices)`. Closed under differentiation, decomposition and lowering:
    every derivation ends here, and fusions and kernels match on the signature and body rather than on op names.
    The notation is described in dialect/interfaces/index.h. The result type is written, because affine result indices
    and letters that no operand has get their extents from it.

    ```mlir
    %y = llm.generic %x, %k {signature = "b(2i+k)d,kdc->bic", body = "a*b", combiner = "sum"}
        : (tensor<1x9x4xf32>, tensor<3x4x5xf32>) -> tensor<1x4x5xf32>
    ```
  }];
  let arguments = (ins Variadic<AnyRankedTensor>:$inputs, StrAttr:$signature, StrAttr:$body,
                       DefaultValuedAttr<StrAttr, "\"\"">:$combiner);
  let results = (outs AnyRankedTensor:$y);
  let signature = "%signature";
  let body = "%body";
  let combiner = "%combiner";
  let hasFolder = 1;
}
#endif
