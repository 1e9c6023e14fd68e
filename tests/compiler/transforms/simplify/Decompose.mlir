// RUN: llc-opt --llm-decompose %s | FileCheck %s

// Dense attention has neither a kernel nor a program of its own.
// CHECK-LABEL: func.func @attention
// CHECK-NOT: llm.attention
// CHECK: llm.contract
func.func @attention(%q: tensor<1x3x2x4xf32>, %k: tensor<1x3x2x4xf32>, %v: tensor<1x3x2x4xf32>) -> tensor<1x3x2x4xf32> {
  %y = llm.attention %q, %k, %v {scale = 0.5, causal = true} : (tensor<1x3x2x4xf32>, tensor<1x3x2x4xf32>,
      tensor<1x3x2x4xf32>) -> tensor<1x3x2x4xf32>
  return %y : tensor<1x3x2x4xf32>
}

// A row program can do this one.
// CHECK-LABEL: func.func @rows
// CHECK: llm.softmax
func.func @rows(%x: tensor<?x8xf32> {llm.dim = "tokens"}) -> tensor<?x8xf32> {
  %y = llm.softmax %x : (tensor<?x8xf32>) -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}
