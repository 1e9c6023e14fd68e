// RUN: llc-opt --llm-order-stages %s | FileCheck %s

// The two products need only x: one group. Their users form the next.
// CHECK-LABEL: func.func private @levels
// CHECK: llm.linear
// CHECK-NOT: llm.barrier
// CHECK: llm.linear
// CHECK: llm.silu {{.*}}llm.barrier
// CHECK: llm.relu
// CHECK-NOT: llm.barrier
// CHECK: llm.mul {{.*}}llm.barrier
func.func private @levels(%x: tensor<?x4xf32> {llm.dim = "tokens"}, %v: tensor<8x4xf32, #llm.panel>,
    %w: tensor<8x4xf32, #llm.panel>) -> tensor<?x8xf32> {
  %a = llm.linear %x, %v : (tensor<?x4xf32>, tensor<8x4xf32, #llm.panel>) -> tensor<?x8xf32>
  %s = llm.silu %a : (tensor<?x8xf32>) -> tensor<?x8xf32>
  %b = llm.linear %x, %w : (tensor<?x4xf32>, tensor<8x4xf32, #llm.panel>) -> tensor<?x8xf32>
  %r = llm.relu %b : (tensor<?x8xf32>) -> tensor<?x8xf32>
  %y = llm.mul %s, %r : (tensor<?x8xf32>, tensor<?x8xf32>) -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// What no stage makes, and what is wanted twice, is copied.
// CHECK-LABEL: func.func @copies
// CHECK: llm.silu
// CHECK-COUNT-2: llm.generic
func.func @copies(%x: tensor<?x4xf32> {llm.dim = "tokens"}) -> (tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>) {
  %y = llm.silu %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
  return %x, %y, %y : tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>
}

// A row program that the next group alone reads is computed by every thread when there are few rows. What a later group
// reads, too, is not; nor is one of two stages of a group, for others would have to wait for the other one anyway.
// CHECK-LABEL: func.func private @replicated
// CHECK: llm.linear
// CHECK: llm.rms_norm {{.*}}llm.barrier, llm.replicated
// CHECK: llm.linear {{.*}}llm.barrier
// CHECK: llm.silu
// CHECK-NOT: llm.replicated
// CHECK: return
func.func private @replicated(%x: tensor<?x8xf32> {llm.dim = "tokens"}, %n: tensor<8xf32>,
    %w: tensor<8x8xf32, #llm.panel>) -> tensor<?x8xf32> {
  %h = llm.linear %x, %w : (tensor<?x8xf32>, tensor<8x8xf32, #llm.panel>) -> tensor<?x8xf32>
  %a = llm.rms_norm %h, %n : (tensor<?x8xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  %b = llm.linear %a, %w : (tensor<?x8xf32>, tensor<8x8xf32, #llm.panel>) -> tensor<?x8xf32>
  %s = llm.silu %b : (tensor<?x8xf32>) -> tensor<?x8xf32>
  %c = llm.linear %s, %w : (tensor<?x8xf32>, tensor<8x8xf32, #llm.panel>) -> tensor<?x8xf32>
  %y = llm.mul %s, %c : (tensor<?x8xf32>, tensor<?x8xf32>) -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}
