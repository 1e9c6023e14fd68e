// RUN: llc-opt --llm-order-stages --llm-plan-memory %s | FileCheck %s

// 16 tokens x 4 x 4 bytes = 256 bytes a value. a is dead when c is made, so c takes its place; the result has no place.
// CHECK: module attributes {llm.arena = 1024
module attributes {llm.max_tokens = 16 : i64, llm.max_rows = 2 : i64} {
  // CHECK-LABEL: func.func private @block
  // CHECK-SAME: llm.frame = 512
  // CHECK: llm.linear {{.*}}llm.offset = array<i64: 0>
  // CHECK: llm.linear {{.*}}llm.offset = array<i64: 256>
  // CHECK: llm.linear {{.*}}llm.offset = array<i64: 0>
  // CHECK: llm.linear
  // CHECK-NOT: llm.offset
  // CHECK: return
  func.func private @block(%x: tensor<?x4xf32> {llm.dim = "tokens"}, %w: tensor<4x4xf32, #llm.panel>)
      -> tensor<?x4xf32> {
    %a = llm.linear %x, %w : (tensor<?x4xf32>, tensor<4x4xf32, #llm.panel>) -> tensor<?x4xf32>
    %b = llm.linear %a, %w : (tensor<?x4xf32>, tensor<4x4xf32, #llm.panel>) -> tensor<?x4xf32>
    %c = llm.linear %b, %w : (tensor<?x4xf32>, tensor<4x4xf32, #llm.panel>) -> tensor<?x4xf32>
    %d = llm.linear %c, %w : (tensor<?x4xf32>, tensor<4x4xf32, #llm.panel>) -> tensor<?x4xf32>
    return %d : tensor<?x4xf32>
  }
  // The frame of the block is used again by every call.
  // CHECK-LABEL: func.func @step
  // CHECK: call @block{{.*}}llm.frame_offset
  // CHECK: call @block{{.*}}llm.frame_offset
  func.func @step(%x: tensor<?x4xf32> {llm.dim = "tokens"}, %w: tensor<4x4xf32, #llm.panel>)
      -> tensor<?x4xf32> {
    %y = call @block(%x, %w) : (tensor<?x4xf32>, tensor<4x4xf32, #llm.panel>) -> tensor<?x4xf32>
    %z = call @block(%y, %w) : (tensor<?x4xf32>, tensor<4x4xf32, #llm.panel>) -> tensor<?x4xf32>
    %u = call @block(%z, %w) : (tensor<?x4xf32>, tensor<4x4xf32, #llm.panel>) -> tensor<?x4xf32>
    return %u : tensor<?x4xf32>
  }
  // Some threads may still read h while others make y: no barrier need stand behind the replicated stage.
  // CHECK-LABEL: func.func private @replicated
  // CHECK: llm.linear {{.*}}llm.offset = array<i64: 0>
  // CHECK: llm.softmax {{.*}}llm.offset = array<i64: 256>, llm.replicated
  // CHECK: llm.linear {{.*}}llm.offset = array<i64: 512>
  func.func private @replicated(%x: tensor<?x4xf32> {llm.dim = "tokens"}, %w: tensor<4x4xf32, #llm.panel>)
      -> tensor<?x4xf32> {
    %h = llm.linear %x, %w : (tensor<?x4xf32>, tensor<4x4xf32, #llm.panel>) -> tensor<?x4xf32>
    %n = llm.softmax %h : (tensor<?x4xf32>) -> tensor<?x4xf32>
    %y = llm.linear %n, %w : (tensor<?x4xf32>, tensor<4x4xf32, #llm.panel>) -> tensor<?x4xf32>
    %z = llm.linear %y, %w : (tensor<?x4xf32>, tensor<4x4xf32, #llm.panel>) -> tensor<?x4xf32>
    return %z : tensor<?x4xf32>
  }
}
