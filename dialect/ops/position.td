// Position embeddings.
#ifndef LLC_OPS_POSITION
#define LLC_OPS_POSITION
include "dialect/ops/base.td"

def RotaryTableOp : Llm_Derived<"rotary_table"> {
  let summary = "cosines and sines of position times frequency";
  let description = [{
    `cos[t,i] = cos(positions[t] * inverse_frequencies[i]) * scale`, and the same with the sine. The frequencies may
    differ per row: `inverse_frequencies[t,i]`.

    ```mlir
    %cos, %sin = llm.rotary_table %positions, %frequencies
        : (tensor<?xi32>, tensor<32xf32>) -> (tensor<?x32xf32>, tensor<?x32xf32>)
    ```
  }];
  let arguments = (ins AnyRankedTensor:$positions, AnyRankedTensor:$inverse_frequencies,
                       DefaultValuedAttr<F64Attr, "1.0">:$scale);
  let results = (outs AnyRankedTensor:$cos, AnyRankedTensor:$sin);
  let program = [{
    cos[*i] = cos(positions[*]*inverse_frequencies[*i])*%scale;
    sin[*i] = sin(positions[*]*inverse_frequencies[*i])*%scale
  }];
  let widens = 1;
}

def RotaryOp : Llm_Inferred<"rotary", [Pure], ["evaluate", "buildAdjoint", "decompose", "shardingFactors", "cost"]> {
  let summary = "pairs of elements of each head rotated by the row's angles";
  let description = [{
    x[t,h,d] with tables cos[t,r/2], sin[t,r/2]: pair i of the first r elements becomes
    `(a cos - b sin, b cos + a sin)`. Pairs are (i, i + r/2), or (2i, 2i+1) when `interleaved`. Elements from r on pass
    through. The gradient treats the tables as constants.

    ```mlir
    %y = llm.rotary %x, %cos, %sin
        : (tensor<?x4x64xf32>, tensor<?x32xf32>, tensor<?x32xf32>) -> tensor<?x4x64xf32>
    ```
  }];
  let arguments = (ins AnyRankedTensor:$x, AnyRankedTensor:$cos, AnyRankedTensor:$sin,
                       DefaultValuedAttr<BoolAttr, "false">:$interleaved);
  let results = (outs AnyRankedTensor:$y);
}

def SequenceLengthsOp : Llm_Inferred<"sequence_lengths", [Pure],
                                     ["evaluate", "decompose", "shardingFactors", "cost"]> {
  let summary = "length of each row's sequence after this step";
  let description = [{
    For position embeddings that depend on the length.

    ```mlir
    %lengths = llm.sequence_lengths %batch : (!llm.batch) -> tensor<?xi32>
    ```
  }];
  let arguments = (ins Llm_Batch:$batch);
  let results = (outs AnyRankedTensor:$lengths);
  let notDifferentiable = "its result is an integer";
}
#endif
