// Ops that move elements without computing.
#ifndef LLC_OPS_LAYOUT
#define LLC_OPS_LAYOUT
include "dialect/ops/base.td"

def ReshapeOp : Llm_Op<"reshape", [Pure], ["evaluate", "buildAdjoint", "decompose", "shardingFactors", "cost"]> {
  let summary = "the same elements in row-major order under another shape";
  let description = [{
    At most one dimension is dynamic, on both sides alike. Splitting heads is the common use.

    ```mlir
    %y = llm.reshape %x : (tensor<?x2048xf32>) -> tensor<?x32x64xf32>
    ```
  }];
  let arguments = (ins AnyRankedTensor:$x);
  let results = (outs AnyRankedTensor:$y);
  let hasVerifier = 1;
  let hasFolder = 1;
  let hasCanonicalizer = 1;
}

def AfterOp : Llm_Op<"after", [Pure, AllTypesMatch<["x", "y"]>],
                     ["evaluate", "buildAdjoint", "decompose", "shardingFactors", "cost"]> {
  let summary = "a value that may be read only after another one was computed";
  let description = [{
    `y = x`; what reads y is computed after `done`, whatever that is. So work on parts of a tensor comes part after part,
    and what a part needs lives only that long.

    ```mlir
    %y = llm.after %x, %done : (tensor<4x8xf32>, tensor<16xf32>) -> tensor<4x8xf32>
    ```
  }];
  let arguments = (ins AnyRankedTensor:$x, AnyRankedTensor:$done);
  let results = (outs AnyRankedTensor:$y);
}

def TransposeOp : Llm_Derived<"transpose"> {
  let summary = "dimensions in another order";
  let description = [{
    ```mlir
    %y = llm.transpose %x {signature = "thd->htd"} : (tensor<?x32x64xf32>) -> tensor<32x?x64xf32>
    ```
  }];
  let arguments = (ins AnyRankedTensor:$x, StrAttr:$signature);
  let results = (outs AnyRankedTensor:$y);
  let signature = "%signature";
  let hasFolder = 1;
}

def BroadcastOp : Llm_Op<"broadcast", [Pure]> {
  let summary = "elements repeated along new dimensions";
  let description = [{
    Result letters that x lacks repeat its elements; their extents are those of the result type. A dynamic one is taken
    from `like`, whose letters all belong to the result; only its shape counts.

    ```mlir
    %y = llm.broadcast %x {signature = "i->ji"} : (tensor<64xf32>) -> tensor<3x64xf32>
    %z = llm.broadcast %x, %like {signature = "i,t->ti"} : (tensor<64xf32>, tensor<?xi32>) -> tensor<?x64xf32>
    ```
  }];
  let arguments = (ins AnyRankedTensor:$x, Optional<AnyRankedTensor>:$like, StrAttr:$signature);
  let results = (outs AnyRankedTensor:$y);
  let signature = "%signature";
}

def SliceOp : Llm_Inferred<"slice", [Pure], ["buildProgram", "buildAdjoint"]> {
  let summary = "a range of one dimension";
  let description = [{
    Elements [start, start + size) of dimension `dim`; the dimension is static.

    ```mlir
    %y = llm.slice %x {dim = 1 : i64, start = 64 : i64, size = 32 : i64} : (tensor<?x128xf32>) -> tensor<?x32xf32>
    ```
  }];
  let arguments = (ins AnyRankedTensor:$x, I64Attr:$dim, I64Attr:$start, I64Attr:$size);
  let results = (outs AnyRankedTensor:$y);
  let hasFolder = 1;
}

def ConcatOp : Llm_Inferred<"concat", [Pure], ["buildProgram", "buildAdjoint"]> {
  let summary = "tensors one after the other along a dimension";
  let description = [{
    ```mlir
    %y = llm.concat %x, %w {dim = 1 : i64} : (tensor<?x64xf32>, tensor<?x32xf32>) -> tensor<?x96xf32>
    ```
  }];
  let arguments = (ins Variadic<AnyRankedTensor>:$inputs, I64Attr:$dim);
  let results = (outs AnyRankedTensor:$y);
}

def PadOp : Llm_Inferred<"pad", [Pure], ["buildProgram", "buildAdjoint"]> {
  let summary = "zeros before and after a dimension";
  let description = [{
    ```mlir
    %y = llm.pad %x {dim = 0 : i64, low = 3 : i64, high = 0 : i64} : (tensor<8x4xf32>) -> tensor<11x4xf32>
    ```
  }];
  let arguments = (ins AnyRankedTensor:$x, I64Attr:$dim, I64Attr:$low, I64Attr:$high);
  let results = (outs AnyRankedTensor:$y);
}
#endif
