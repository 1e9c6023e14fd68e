// RUN: llc-opt --llm-fuse-gates %s | FileCheck %s

// CHECK-LABEL: func.func @gated
// CHECK: %[[Y:.*]] = llm.fused(
// CHECK: llm.linear
// CHECK: llm.silu
// CHECK: llm.linear
// CHECK: llm.mul
// CHECK: return %[[Y]]
func.func @gated(%x: tensor<?x4xf32> {llm.dim = "tokens"}, %g: tensor<8x4xf32, #llm.panel>, %u: tensor<8x4xf32,
    #llm.panel>) -> tensor<?x8xf32> {
  %a = llm.linear %x, %g : (tensor<?x4xf32>, tensor<8x4xf32, #llm.panel>) -> tensor<?x8xf32>
  %s = llm.silu %a : (tensor<?x8xf32>) -> tensor<?x8xf32>
  %b = llm.linear %x, %u : (tensor<?x4xf32>, tensor<8x4xf32, #llm.panel>) -> tensor<?x8xf32>
  %y = llm.mul %s, %b : (tensor<?x8xf32>, tensor<?x8xf32>) -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// A product that somebody else reads stays.
// CHECK-LABEL: func.func @shared
// CHECK-NOT: llm.fused
func.func @shared(%x: tensor<?x4xf32> {llm.dim = "tokens"}, %g: tensor<8x4xf32, #llm.panel>, %u: tensor<8x4xf32,
    #llm.panel>) -> (tensor<?x8xf32>, tensor<?x8xf32>) {
  %a = llm.linear %x, %g : (tensor<?x4xf32>, tensor<8x4xf32, #llm.panel>) -> tensor<?x8xf32>
  %b = llm.linear %x, %u : (tensor<?x4xf32>, tensor<8x4xf32, #llm.panel>) -> tensor<?x8xf32>
  %y = llm.mul %a, %b : (tensor<?x8xf32>, tensor<?x8xf32>) -> tensor<?x8xf32>
  return %y, %a : tensor<?x8xf32>, tensor<?x8xf32>
}
