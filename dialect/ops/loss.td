// Losses and log-probabilities.
#ifndef LLC_OPS_LOSS
#define LLC_OPS_LOSS
include "dialect/ops/base.td"

def CrossEntropyOp : Llm_Derived<"cross_entropy"> {
  let summary = "negative log-probability of each label";
  let description = [{
    `loss[...] = logsumexp(x[...,:]) - x[...,label]`; a negative label is ignored: its loss and gradient are 0.

    ```mlir
    %loss = llm.cross_entropy %x, %labels : (tensor<?x32000xf32>, tensor<?xi32>) -> tensor<?xf32>
    ```
  }];
  let arguments = (ins AnyRankedTensor:$x, AnyRankedTensor:$labels);
  let results = (outs AnyRankedTensor:$loss);
  let program = [{
    m[*] = max[i] stop(x[*i]);
    s[*] = sum[i] exp(x[*i]-m[*]);
    t[*] = sum[i] x[*i]*eq(@i,labels[*]);
    loss[*] = (log(s[*])+m[*]-t[*])*ge(labels[*],0)
  }];
  let adjoint = [{
    m[*] = max[i] x[*i];
    s[*] = sum[i] exp(x[*i]-m[*]);
    dx[*i] = dloss[*]*ge(labels[*],0)*(exp(x[*i]-m[*])/s[*]-eq(@i,labels[*]))
  }];
}

def LinearLogProbOp : Llm_Inferred<"linear_log_prob", [Pure], ["buildProgram", "buildAdjoint", "decompose"]> {
  let summary = "log-probability of each row's target under softmax(x w)";
  let description = [{
    `logits = scale * linear(x, w)`, soft-capped if `soft_cap` > 0; `y[t] = log softmax(logits[t,:])[targets[t]]`.
    A kernel never stores the logits, and the decomposition only those of some rows at a time (see
    llm.linear_log_prob_backward). A negative target gives 0.

    ```mlir
    %y = llm.linear_log_prob %x, %w, %targets
        : (tensor<?x64xf32>, tensor<32000x64xbf16>, tensor<?xi32>) -> tensor<?xf32>
    ```
  }];
  let arguments = (ins AnyRankedTensor:$x, AnyRankedTensor:$w, AnyRankedTensor:$targets,
                       DefaultValuedAttr<F64Attr, "0.0">:$soft_cap, DefaultValuedAttr<F64Attr, "1.0">:$scale,
                       DefaultValuedAttr<BoolAttr, "true">:$transposed);
  let results = (outs AnyRankedTensor:$y);
}

def LinearLogProbBackwardOp : Llm_Inferred<"linear_log_prob_backward", [Pure],
                                           ["evaluate", "buildAdjoint", "decompose", "shardingFactors", "cost"]> {
  let summary = "gradients of llm.linear_log_prob, and its result once more";
  let description = [{
    Gradients of x and w from that of y; y as llm.linear_log_prob gives it, because its logits are here anyway. A result
    that nobody reads costs nothing. Logits and their gradients exist for `tile_rows` rows at a time (0: as many as fit
    16 MiB, at least 256): each tile's products come after those of the tile before.

    ```mlir
    %y, %dx, %dw = llm.linear_log_prob_backward %x, %w, %targets, %dy
        : (tensor<512x64xf32>, tensor<32000x64xbf16>, tensor<512xi32>, tensor<512xf32>)
            -> (tensor<512xf32>, tensor<512x64xf32>, tensor<32000x64xf32>)
    ```
  }];
  let arguments = (ins AnyRankedTensor:$x, AnyRankedTensor:$w, AnyRankedTensor:$targets, AnyRankedTensor:$dy,
                       DefaultValuedAttr<F64Attr, "0.0">:$soft_cap, DefaultValuedAttr<F64Attr, "1.0">:$scale,
                       DefaultValuedAttr<BoolAttr, "true">:$transposed, DefaultValuedAttr<I64Attr, "0">:$tile_rows);
  let results = (outs AnyRankedTensor:$y, AnyRankedTensor:$dx, AnyRankedTensor:$dw);
}
#endif
