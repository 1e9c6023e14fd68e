// Attention, dense and over the paged cache.
#ifndef LLC_OPS_ATTENTION
#define LLC_OPS_ATTENTION
include "dialect/ops/base.td"

def AttentionOp : Llm_Inferred<"attention", [Pure, AttrSizedOperandSegments],
                               ["evaluate", "buildAdjoint", "decompose", "shardingFactors", "cost"]> {
  let summary = "softmax(scale * q k^T) v, dense";
  let description = [{
    q[b,s,h,d], k[b,t,g,d], v[b,t,g,e] → y[b,s,h,e]; h is a multiple of g and each group of h/g query heads shares a
    key-value head. The queries are the last s of the t positions. `causal`: a key is seen only at or before its query;
    `window` w > 0: only the last w of them; `soft_cap` c > 0: scores become c*tanh(score/c). A sink[h] is one more
    logit per head that takes weight and has no value. `segments[b,t]` (integers): a key is seen only by the queries of
    its own segment, which is how padding and packed documents stay apart; a query always sees itself. `drop_key[1]`, a
    whole number below 2^24, with `drop_rate` r: each weight becomes 0 with the probability r, else it is divided by
    1 - r, before it meets its value (Srivastava et al. 2014). Which ones follows from the key, b, h, s and t alone; a key
    of 0 leaves all as they are.

    log_sum[b,s,h] is the logarithm of the sum of exp(score) over what the query sees, the sink included: all that the
    gradient needs beside the operands and y, so that no weights have to be kept.

    ```mlir
    %y, %log_sum = llm.attention %q, %k, %v {scale = 0.125, causal = true}
        : (tensor<1x7x8x64xf32>, tensor<1x7x2x64xf32>, tensor<1x7x2x64xf32>)
            -> (tensor<1x7x8x64xf32>, tensor<1x7x8xf32>)
    %z, %log_sum_z = llm.attention %q, %k, %v segments %mask {scale = 0.125}
        : (tensor<1x7x8x64xf32>, tensor<1x7x2x64xf32>, tensor<1x7x2x64xf32>, tensor<1x7xi32>)
            -> (tensor<1x7x8x64xf32>, tensor<1x7x8xf32>)
    ```
  }];
  let arguments = (ins AnyRankedTensor:$q, AnyRankedTensor:$k, AnyRankedTensor:$v, Optional<AnyRankedTensor>:$sinks,
                       Optional<AnyRankedTensor>:$segments, Optional<AnyRankedTensor>:$drop_key, F64Attr:$scale,
                       DefaultValuedAttr<BoolAttr, "true">:$causal, DefaultValuedAttr<I64Attr, "0">:$window,
                       DefaultValuedAttr<F64Attr, "0.0">:$soft_cap, DefaultValuedAttr<F64Attr, "0.0">:$drop_rate);
  let results = (outs AnyRankedTensor:$y, AnyRankedTensor:$log_sum);
  let assemblyFormat = [{
    $q `,` $k `,` $v (`sinks` $sinks^)? (`segments` $segments^)? (`drop_key` $drop_key^)? attr-dict
    `:` functional-type(operands, results)
  }];
}

def AttentionBackwardOp : Llm_Inferred<"attention_backward", [Pure, AttrSizedOperandSegments],
                                       ["evaluate", "buildAdjoint", "decompose", "shardingFactors", "cost"]> {
  let summary = "gradients of attention's queries, keys and values";
  let description = [{
    Of llm.attention with the same q, k, v, segments, drop_key and attributes: from dy[b,s,h,e], its log_sum[b,s,h] and
    delta[b,s,h] = sum_e dy*y - (gradient of log_sum). With the weights P = exp(score - log_sum), which are computed
    again, dv = P^T dy, dS = P * (dy v^T - delta), dq = scale * dS k, dk = scale * dS^T q, where dk and dv are summed
    over the query heads of a group (Dao 2023, FlashAttention-2, algorithm 2). `soft_cap` multiplies dS by its derivative.
    A sink plays no part but in log_sum. With factors m by which dropout changed the weights: dv = (m * P)^T dy,
    dS = P * (m * dy v^T - delta).

    ```mlir
    %dq, %dk, %dv = llm.attention_backward %q, %k, %v, %dy, %log_sum, %delta {scale = 0.125}
        : (tensor<1x7x8x64xf32>, tensor<1x7x2x64xf32>, tensor<1x7x2x64xf32>, tensor<1x7x8x64xf32>, tensor<1x7x8xf32>,
           tensor<1x7x8xf32>) -> (tensor<1x7x8x64xf32>, tensor<1x7x2x64xf32>, tensor<1x7x2x64xf32>)
    ```
  }];
  let arguments = (ins AnyRankedTensor:$q, AnyRankedTensor:$k, AnyRankedTensor:$v, AnyRankedTensor:$dy,
                       AnyRankedTensor:$log_sum, AnyRankedTensor:$delta, Optional<AnyRankedTensor>:$segments,
                       Optional<AnyRankedTensor>:$drop_key, F64Attr:$scale,
                       DefaultValuedAttr<BoolAttr, "true">:$causal, DefaultValuedAttr<I64Attr, "0">:$window,
                       DefaultValuedAttr<F64Attr, "0.0">:$soft_cap, DefaultValuedAttr<F64Attr, "0.0">:$drop_rate);
  let results = (outs AnyRankedTensor:$dq, AnyRankedTensor:$dk, AnyRankedTensor:$dv);
  let assemblyFormat = [{
    $q `,` $k `,` $v `,` $dy `,` $log_sum `,` $delta (`segments` $segments^)? (`drop_key` $drop_key^)? attr-dict
    `:` functional-type(operands, results)
  }];
}

def CacheLayerOp : Llm_Op<"cache_layer", [Pure], ["evaluate", "decompose", "shardingFactors", "cost"]> {
  let summary = "the cache of one layer";
  let description = [{
    ```mlir
    %kv = llm.cache_layer {layer = 3 : i64} : !llm.kv<4, 64, 64, f32>
    ```
  }];
  let arguments = (ins I64Attr:$layer);
  let results = (outs Llm_Kv:$kv);
  let notDifferentiable = "its result is a handle";
  let assemblyFormat = "attr-dict `:` type($kv)";
  let hasVerifier = 1;
}

def CacheAppendOp : Llm_Inferred<"cache_append", [MemoryEffects<[MemRead, MemWrite]>],
                                 ["evaluate", "decompose", "shardingFactors", "cost"]> {
  let summary = "the cache with this step's keys and values in it";
  let description = [{
    Row t goes to the slot of its position in its sequence. The result is the same cache: later reads use it, so the
    order is plain data flow. It counts as a write even when nobody in this function reads the result.

    ```mlir
    %next = llm.cache_append %kv, %k, %v, %batch
        : (!llm.kv<4, 64, 64, f32>, tensor<?x4x64xf32>, tensor<?x4x64xf32>, !llm.batch) -> !llm.kv<4, 64, 64, f32>
    ```
  }];
  let arguments = (ins Llm_Kv:$kv, AnyRankedTensor:$k, AnyRankedTensor:$v, Llm_Batch:$batch);
  let results = (outs Llm_Kv:$next);
  let notDifferentiable = "a cache belongs to inference; training uses llm.attention";
  let hasVerifier = 1;
}

def PagedAttentionOp : Llm_Inferred<"paged_attention", [Pure, AttrSizedOperandSegments],
                                    ["evaluate", "decompose", "shardingFactors", "cost"]> {
  let summary = "causal attention of the step's rows over their cached sequences";
  let description = [{
    q[t,h,d] → y[t,h,e]. Row t sees the slots 0 ... positions[t] of its own sequence, with `window` w > 0 only the last
    w of them. `soft_cap` and sinks as in llm.attention. `slopes[h]` (ALiBi) adds slope * (slot - position) to the
    scaled scores, before the soft cap.

    ```mlir
    %y = llm.paged_attention %q, %kv, %batch, %positions {scale = 0.125}
        : (tensor<?x32x64xf32>, !llm.kv<4, 64, 64, f32>, !llm.batch, tensor<?xi32>) -> tensor<?x32x64xf32>
    ```
  }];
  let arguments = (ins AnyRankedTensor:$q, Llm_Kv:$kv, Llm_Batch:$batch, AnyRankedTensor:$positions,
                       Optional<AnyRankedTensor>:$sinks, Optional<AnyRankedTensor>:$slopes, F64Attr:$scale,
                       DefaultValuedAttr<I64Attr, "0">:$window, DefaultValuedAttr<F64Attr, "0.0">:$soft_cap);
  let results = (outs AnyRankedTensor:$y);
  let notDifferentiable = "a cache belongs to inference; training uses llm.attention";
  let assemblyFormat = [{
    $q `,` $kv `,` $batch `,` $positions (`sinks` $sinks^)? (`slopes` $slopes^)? attr-dict
    `:` functional-type(operands, results)
  }];
}
#endif
