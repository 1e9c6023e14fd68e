// RUN: llc-opt --llm-decompose %s | FileCheck %s

// Dense attention and its gradient have kernels, which hold no scores.
// CHECK-LABEL: func.func @attention(
// CHECK: llm.attention
// CHECK: llm.attention_backward
// CHECK-NOT: 3x3
func.func @attention(%q: tensor<1x3x2x4xf32>, %k: tensor<1x3x2x4xbf16>, %v: tensor<1x3x2x4xf32>, %dy: tensor<1x3x2x4xf32>,
    %delta: tensor<1x3x2xf32>) -> (tensor<1x3x2x4xf32>, tensor<1x3x2x4xf32>, tensor<1x3x2x4xf32>, tensor<1x3x2x4xf32>) {
  %y, %l = llm.attention %q, %k, %v {scale = 0.5} : (tensor<1x3x2x4xf32>, tensor<1x3x2x4xbf16>, tensor<1x3x2x4xf32>)
      -> (tensor<1x3x2x4xf32>, tensor<1x3x2xf32>)
  %dq, %dk, %dv = llm.attention_backward %q, %k, %v, %dy, %l, %delta {scale = 0.5}
      : (tensor<1x3x2x4xf32>, tensor<1x3x2x4xbf16>, tensor<1x3x2x4xf32>, tensor<1x3x2x4xf32>, tensor<1x3x2xf32>,
         tensor<1x3x2xf32>) -> (tensor<1x3x2x4xf32>, tensor<1x3x2x4xf32>, tensor<1x3x2x4xf32>)
  return %y, %dq, %dk, %dv : tensor<1x3x2x4xf32>, tensor<1x3x2x4xf32>, tensor<1x3x2x4xf32>, tensor<1x3x2x4xf32>
}

// Not for doubles.
// CHECK-LABEL: func.func @doubles(
// CHECK-NOT: llm.attention
// CHECK: llm.contract
func.func @doubles(%q: tensor<1x3x2x4xf64>, %k: tensor<1x3x2x4xf64>, %v: tensor<1x3x2x4xf64>) -> tensor<1x3x2x4xf64> {
  %y, %l = llm.attention %q, %k, %v {scale = 0.5} : (tensor<1x3x2x4xf64>, tensor<1x3x2x4xf64>, tensor<1x3x2x4xf64>)
      -> (tensor<1x3x2x4xf64>, tensor<1x3x2xf64>)
  return %y : tensor<1x3x2x4xf64>
}

// A row program can do this one.
// CHECK-LABEL: func.func @rows
// CHECK: llm.softmax
func.func @rows(%x: tensor<?x8xf32> {llm.dim = "tokens"}) -> tensor<?x8xf32> {
  %y = llm.softmax %x : (tensor<?x8xf32>) -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}
