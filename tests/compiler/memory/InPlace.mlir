// RUN: llc-opt --llm-order-stages --llm-plan-memory %s | FileCheck %s

// b is written over a, e over d, the product with its residual over b; x is an argument and stays.
module attributes {llm.max_tokens = 16 : i64, llm.max_rows = 2 : i64} {
  // CHECK-LABEL: func.func @chain
  // CHECK-SAME: llm.frame = 512
  // CHECK: llm.add {{.*}}llm.offset = array<i64: 0>
  // CHECK: llm.tanh {{.*}}llm.offset = array<i64: 256>
  // CHECK: llm.relu {{.*}}llm.offset = array<i64: 0>
  // CHECK: llm.abs {{.*}}llm.offset = array<i64: 256>
  // CHECK: llm.fused{{.*}}llm.offset = array<i64: 0>
  func.func @chain(%x: tensor<?x4xf32> {llm.dim = "tokens"}, %w: tensor<4x4xf32, #llm.panel>) -> tensor<?x4xf32> {
    %a = llm.add %x, %x : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
    %d = llm.tanh %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
    %b = llm.relu %a : (tensor<?x4xf32>) -> tensor<?x4xf32>
    %e = llm.abs %d : (tensor<?x4xf32>) -> tensor<?x4xf32>
    %c = llm.fused(%e, %w, %b) : (tensor<?x4xf32>, tensor<4x4xf32, #llm.panel>, tensor<?x4xf32>) -> tensor<?x4xf32> {
    ^bb0(%i: tensor<?x4xf32>, %v: tensor<4x4xf32, #llm.panel>, %r: tensor<?x4xf32>):
      %p = llm.linear %i, %v : (tensor<?x4xf32>, tensor<4x4xf32, #llm.panel>) -> tensor<?x4xf32>
      %s = llm.add %p, %r : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
      llm.yield %s : tensor<?x4xf32>
    }
    %y = llm.softmax %c : (tensor<?x4xf32>) -> tensor<?x4xf32>
    return %y : tensor<?x4xf32>
  }
  // A second reader of a in the same group forbids it.
  // CHECK-LABEL: func.func @shared
  // CHECK: llm.exp {{.*}}llm.offset = array<i64: 0>
  // CHECK-DAG: llm.relu {{.*}}llm.offset = array<i64: 256>
  // CHECK-DAG: llm.tanh {{.*}}llm.offset = array<i64: 512>
  func.func @shared(%x: tensor<?x4xf32> {llm.dim = "tokens"}) -> tensor<?x4xf32> {
    %a = llm.exp %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
    %b = llm.relu %a : (tensor<?x4xf32>) -> tensor<?x4xf32>
    %c = llm.tanh %a : (tensor<?x4xf32>) -> tensor<?x4xf32>
    %y = llm.mul %b, %c : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
    return %y : tensor<?x4xf32>
  }
  // A replicated stage may still read a while others run what comes behind it: only b takes the place of a.
  // CHECK-LABEL: func.func @replicated
  // CHECK: llm.add {{.*}}llm.offset = array<i64: 0>, llm.replicated
  // CHECK: llm.relu {{.*}}llm.offset = array<i64: 0>, llm.replicated
  // CHECK: llm.fused{{.*}}llm.offset = array<i64: 256>
  func.func @replicated(%x: tensor<?x4xf32> {llm.dim = "tokens"}, %w: tensor<4x4xf32, #llm.panel>)
      -> tensor<?x4xf32> {
    %a = llm.add %x, %x : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
    %b = llm.relu %a : (tensor<?x4xf32>) -> tensor<?x4xf32>
    %c = llm.fused(%x, %w, %b) : (tensor<?x4xf32>, tensor<4x4xf32, #llm.panel>, tensor<?x4xf32>) -> tensor<?x4xf32> {
    ^bb0(%i: tensor<?x4xf32>, %v: tensor<4x4xf32, #llm.panel>, %r: tensor<?x4xf32>):
      %p = llm.linear %i, %v : (tensor<?x4xf32>, tensor<4x4xf32, #llm.panel>) -> tensor<?x4xf32>
      %s = llm.add %p, %r : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
      llm.yield %s : tensor<?x4xf32>
    }
    %y = llm.softmax %c : (tensor<?x4xf32>) -> tensor<?x4xf32>
    return %y : tensor<?x4xf32>
  }
}
