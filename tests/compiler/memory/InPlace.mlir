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
  // The last op of a row program writes over the row that the others have read; one before the last does not, and the sum
  // at computed places is added to p where it is.
  // CHECK-LABEL: func.func @rows
  // CHECK: llm.exp {{.*}}llm.offset = array<i64: [[PLACE:[0-9]+]]>
  // CHECK: llm.fused{{.*}}llm.offset = array<i64: {{[0-9]+}}, [[PLACE]]>
  // CHECK: llm.cos {{.*}}llm.offset = array<i64: [[OTHER:[0-9]+]]>
  // CHECK-NOT: llm.fused{{.*}}llm.offset = array<i64: [[OTHER]]
  func.func @rows(%x: tensor<64x96xf32>) -> (tensor<64x96xf32>, tensor<64xf32>) {
    %a = llm.exp %x : (tensor<64x96xf32>) -> tensor<64x96xf32>
    %s:2 = llm.fused(%a) : (tensor<64x96xf32>) -> (tensor<64xf32>, tensor<64x96xf32>) {
    ^bb0(%i: tensor<64x96xf32>):
      %m = llm.generic %i {signature = "tv->t", body = "a", combiner = "max"} : (tensor<64x96xf32>) -> tensor<64xf32>
      %d = llm.generic %i, %m {signature = "tv,t->tv", body = "a-b"}
          : (tensor<64x96xf32>, tensor<64xf32>) -> tensor<64x96xf32>
      llm.yield %m, %d : tensor<64xf32>, tensor<64x96xf32>
    }
    %b = llm.cos %s#1 : (tensor<64x96xf32>) -> tensor<64x96xf32>
    %t:2 = llm.fused(%b) : (tensor<64x96xf32>) -> (tensor<64x96xf32>, tensor<64xf32>) {
    ^bb0(%i: tensor<64x96xf32>):
      %e = llm.generic %i {signature = "tv->tv", body = "a*a"} : (tensor<64x96xf32>) -> tensor<64x96xf32>
      %m = llm.generic %i {signature = "tv->t", body = "a", combiner = "sum"} : (tensor<64x96xf32>) -> tensor<64xf32>
      llm.yield %e, %m : tensor<64x96xf32>, tensor<64xf32>
    }
    %y = llm.sin %t#0 : (tensor<64x96xf32>) -> tensor<64x96xf32>
    %z = llm.add %s#0, %t#1 : (tensor<64xf32>, tensor<64xf32>) -> tensor<64xf32>
    return %y, %z : tensor<64x96xf32>, tensor<64xf32>
  }
  // CHECK-LABEL: func.func @places
  // CHECK: llm.exp {{.*}}llm.offset = array<i64: [[SUM:[0-9]+]]>
  // CHECK: llm.fused{{.*}}llm.offset = array<i64: [[SUM]]>
  func.func @places(%x: tensor<9x32xf32>, %ids: tensor<9xi32>, %p: tensor<48x32xf32>) -> tensor<48x32xf32> {
    %e = llm.exp %p : (tensor<48x32xf32>) -> tensor<48x32xf32>
    %s = llm.fused(%x, %ids, %e) : (tensor<9x32xf32>, tensor<9xi32>, tensor<48x32xf32>) -> tensor<48x32xf32> {
    ^bb0(%rows: tensor<9x32xf32>, %i: tensor<9xi32>, %start: tensor<48x32xf32>):
      %g = llm.generic %rows, %i {signature = "nd,n->{1}d", body = "a", combiner = "sum"}
          : (tensor<9x32xf32>, tensor<9xi32>) -> tensor<48x32xf32>
      %a = llm.generic %start, %g {signature = "ab,ab->ab", body = "a+b"}
          : (tensor<48x32xf32>, tensor<48x32xf32>) -> tensor<48x32xf32>
      llm.yield %a : tensor<48x32xf32>
    }
    %y = llm.softmax %s : (tensor<48x32xf32>) -> tensor<48x32xf32>
    return %y : tensor<48x32xf32>
  }
}
