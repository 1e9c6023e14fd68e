// Ops whose indices are data, or whose data are indices.
#ifndef LLC_OPS_INDEXING
#define LLC_OPS_INDEXING
include "dialect/ops/base.td"

def GatherRowsOp : Llm_Derived<"gather_rows", [], ["cost"]> {
  let summary = "rows of a table by number";
  let description = [{
    `y[n,:] = table[ids[n],:]`, converted to at least f32. An id outside the table gives a row of zeros.

    ```mlir
    %y = llm.gather_rows %table, %ids : (tensor<32000x64xbf16>, tensor<?xi32>) -> tensor<?x64xf32>
    ```
  }];
  let arguments = (ins AnyRankedTensor:$table, AnyRankedTensor:$ids);
  let results = (outs AnyRankedTensor:$y);
  let signature = "{1}d,n->nd";
  let widens = 1;
}

def TakeOp : Llm_Derived<"take", [], ["cost"]> {
  let summary = "some entries of the leading dimension";
  let description = [{
    `y[r,...] = x[rows[r],...]`; picks the rows whose logits are wanted. A row outside `x` gives zeros.

    ```mlir
    %y = llm.take %x, %rows : (tensor<?x64xf32>, tensor<?xi32>) -> tensor<?x64xf32>
    ```
  }];
  let arguments = (ins AnyRankedTensor:$x, AnyRankedTensor:$rows);
  let results = (outs AnyRankedTensor:$y);
  let signature = "{1}*,r->r*";
  let elementFrom = "x";
}

def IotaOp : Llm_Op<"iota", [Pure]> {
  let summary = "0, 1, 2, ...";
  let description = [{
    ```mlir
    %y = llm.iota : () -> tensor<64xf32>
    ```
  }];
  let arguments = (ins);
  let results = (outs AnyStaticShapeTensor:$y);
  let signature = "->i";
  let body = "@i";
}

def OneHotOp : Llm_Inferred<"one_hot", [Pure]> {
  let summary = "1 at the position an index names, else 0";
  let description = [{
    `y[...,v] = (v == ids[...])`, f32, with `depth` values of v.

    ```mlir
    %y = llm.one_hot %ids {depth = 16 : i64} : (tensor<?xi32>) -> tensor<?x16xf32>
    ```
  }];
  let arguments = (ins AnyRankedTensor:$ids, I64Attr:$depth);
  let results = (outs AnyRankedTensor:$y);
  let signature = "*->*v";
  let body = "eq(@v,a)";
}
#endif
