// RUN: llc-opt --llm-fuse-epilogues %s | FileCheck %s

// Bias, activation and residual join the product.
// CHECK-LABEL: func.func @all
// CHECK: %[[Y:.*]] = llm.fused(
// CHECK: llm.linear
// CHECK: llm.add
// CHECK: llm.gelu
// CHECK: llm.add
// CHECK: llm.yield
// CHECK: return %[[Y]]
func.func @all(%x: tensor<?x4xf32> {llm.dim = "tokens"}, %w: tensor<8x4xf32, #llm.panel>, %b: tensor<8xf32>,
    %r: tensor<?x8xf32> {llm.dim = "tokens"}) -> tensor<?x8xf32> {
  %p = llm.linear %x, %w : (tensor<?x4xf32>, tensor<8x4xf32, #llm.panel>) -> tensor<?x8xf32>
  %q = llm.add %p, %b : (tensor<?x8xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  %a = llm.gelu %q : (tensor<?x8xf32>) -> tensor<?x8xf32>
  %y = llm.add %r, %a : (tensor<?x8xf32>, tensor<?x8xf32>) -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// A reduction ends the epilogue; a second reader too.
// CHECK-LABEL: func.func @ends
// CHECK-NOT: llm.fused
func.func @ends(%x: tensor<?x4xf32> {llm.dim = "tokens"}, %w: tensor<8x4xf32, #llm.panel>) -> (tensor<?x8xf32>,
    tensor<?x8xf32>) {
  %p = llm.linear %x, %w : (tensor<?x4xf32>, tensor<8x4xf32, #llm.panel>) -> tensor<?x8xf32>
  %s = llm.softmax %p : (tensor<?x8xf32>) -> tensor<?x8xf32>
  %a = llm.silu %p : (tensor<?x8xf32>) -> tensor<?x8xf32>
  return %s, %a : tensor<?x8xf32>, tensor<?x8xf32>
}
