// RUN: llc-opt --llm-fuse-rows %s | FileCheck %s

// Norm, residual, norm: one row program with two results.
// CHECK-LABEL: func.func @sandwich
// CHECK: %[[Y:.*]]:2 = llm.fused(
// CHECK: llm.rms_norm
// CHECK: llm.add
// CHECK: llm.rms_norm
// CHECK: llm.yield
func.func @sandwich(%x: tensor<?x8xf32> {llm.dim = "tokens"}, %r: tensor<?x8xf32> {llm.dim = "tokens"},
    %w: tensor<8xf32>, %v: tensor<8xf32>) -> (tensor<?x8xf32>, tensor<?x8xf32>) {
  %n = llm.rms_norm %x, %w : (tensor<?x8xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  %h = llm.add %r, %n : (tensor<?x8xf32>, tensor<?x8xf32>) -> tensor<?x8xf32>
  %m = llm.rms_norm %h, %v : (tensor<?x8xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  return %h, %m : tensor<?x8xf32>, tensor<?x8xf32>
}

// The product in between needs the first op's result and makes the last op's operand: no group can hold both.
// CHECK-LABEL: func.func @between
// CHECK-NOT: llm.fused
func.func @between(%x: tensor<?x8xf32> {llm.dim = "tokens"}, %w: tensor<8x8xf32, #llm.panel>) -> tensor<?x8xf32> {
  %a = llm.silu %x : (tensor<?x8xf32>) -> tensor<?x8xf32>
  %p = llm.linear %a, %w : (tensor<?x8xf32>, tensor<8x8xf32, #llm.panel>) -> tensor<?x8xf32>
  %y = llm.add %a, %p : (tensor<?x8xf32>, tensor<?x8xf32>) -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}
