// Normalizations over the last dimension.
#ifndef LLC_OPS_NORMALIZATION
#define LLC_OPS_NORMALIZATION
include "dialect/ops/base.td"

def RmsNormOp : Llm_Derived<"rms_norm"> {
  let summary = "x divided by its root mean square, times a weight";
  let description = [{
    `y = x / sqrt(mean(x^2) + eps) * (w + offset)`; with offset 1 the stored weight is the difference from one.

    ```mlir
    %y = llm.rms_norm %x, %w {eps = 1.0e-05} : (tensor<?x64xf32>, tensor<64xbf16>) -> tensor<?x64xf32>
    ```
  }];
  let arguments = (ins AnyRankedTensor:$x, AnyRankedTensor:$w, DefaultValuedAttr<F64Attr, "1e-6">:$eps,
                       DefaultValuedAttr<F64Attr, "0.0">:$offset);
  let results = (outs AnyRankedTensor:$y);
  let program = [{
    q[*] = sum[i] x[*i]*x[*i]/#i;
    r[*] = rsqrt(q[*]+%eps);
    y[*i] = x[*i]*r[*]*(w[i]+%offset)
  }];
}

def LayerNormOp : Llm_Inferred<"layer_norm", [Pure, AttrSizedOperandSegments], ["operandNames", "buildProgram"]> {
  let summary = "x with zero mean and unit variance, times a weight, plus a bias";
  let description = [{
    `y = (x - mean) / sqrt(variance + eps) * w + b`; weight and bias are optional.

    ```mlir
    %y = llm.layer_norm %x weight %w bias %b {eps = 1.0e-05}
        : (tensor<?x64xf32>, tensor<64xf32>, tensor<64xf32>) -> tensor<?x64xf32>
    %z = llm.layer_norm %x {eps = 1.0e-05} : (tensor<?x64xf32>) -> tensor<?x64xf32>
    ```
  }];
  let arguments = (ins AnyRankedTensor:$x, Optional<AnyRankedTensor>:$w, Optional<AnyRankedTensor>:$b,
                       DefaultValuedAttr<F64Attr, "1e-5">:$eps);
  let results = (outs AnyRankedTensor:$y);
  let assemblyFormat = [{
    $x (`weight` $w^)? (`bias` $b^)? attr-dict `:` functional-type(operands, results)
  }];
}

def SoftmaxOp : Llm_Derived<"softmax"> {
  let summary = "exponentials normalized to sum 1 over the last dimension";
  let description = [{
    ```mlir
    %y = llm.softmax %x : (tensor<?x64xf32>) -> tensor<?x64xf32>
    ```
  }];
  let arguments = (ins AnyRankedTensor:$x);
  let results = (outs AnyRankedTensor:$y);
  let program = [{
    m[*] = max[i] x[*i];
    e[*i] = exp(x[*i]-m[*]);
    s[*] = sum[i] e[*i];
    y[*i] = e[*i]/s[*]
  }];
  let adjoint = [{ r[*] = sum[i] dy[*i]*y[*i]; dx[*i] = y[*i]*(dy[*i]-r[*]) }];
}

def LogSumExpOp : Llm_Derived<"logsumexp"> {
  let summary = "logarithm of the sum of exponentials over the last dimension";
  let description = [{
    ```mlir
    %y = llm.logsumexp %x : (tensor<?x64xf32>) -> tensor<?xf32>
    ```
  }];
  let arguments = (ins AnyRankedTensor:$x);
  let results = (outs AnyRankedTensor:$y);
  let program = [{
    m[*] = max[i] stop(x[*i]);
    s[*] = sum[i] exp(x[*i]-m[*]);
    y[*] = log(s[*])+m[*]
  }];
  let adjoint = [{ dx[*i] = dy[*]*exp(x[*i]-y[*]) }];
}
#endif
