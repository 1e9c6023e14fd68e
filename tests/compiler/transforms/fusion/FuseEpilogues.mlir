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

// Products of matrices as they lie in memory: a bias joins, and a sum that the next product is added to.
// CHECK-LABEL: func.func @as_they_lie
// CHECK: %[[A:.*]] = llm.fused(
// CHECK: llm.linear
// CHECK: llm.add
// CHECK: %[[B:.*]] = llm.fused({{.*}}%[[A]]
// CHECK: llm.contract
// CHECK: llm.generic
// CHECK: return %[[B]]
func.func @as_they_lie(%x: tensor<64x32xf32>, %w: tensor<48x32xf32>, %b: tensor<48xf32>, %c: tensor<64x48xf32>)
    -> tensor<64x48xf32> {
  %p = llm.linear %x, %w : (tensor<64x32xf32>, tensor<48x32xf32>) -> tensor<64x48xf32>
  %q = llm.add %p, %b : (tensor<64x48xf32>, tensor<48xf32>) -> tensor<64x48xf32>
  %r = llm.contract %x, %w {signature = "td,nd->tn"} : (tensor<64x32xf32>, tensor<48x32xf32>) -> tensor<64x48xf32>
  %s = llm.generic %q, %r {signature = "ab,ab->ab", body = "a+b"}
      : (tensor<64x48xf32>, tensor<64x48xf32>) -> tensor<64x48xf32>
  return %s : tensor<64x48xf32>
}

// Batches have no rows and columns that an epilogue could name.
// CHECK-LABEL: func.func @batches
// CHECK-NOT: llm.fused
func.func @batches(%x: tensor<4x64x32xf32>, %w: tensor<4x48x32xf32>, %b: tensor<48xf32>) -> tensor<4x64x48xf32> {
  %p = llm.contract %x, %w {signature = "btd,bnd->btn"} : (tensor<4x64x32xf32>, tensor<4x48x32xf32>) -> tensor<4x64x48xf32>
  %q = llm.add %p, %b : (tensor<4x64x48xf32>, tensor<48xf32>) -> tensor<4x64x48xf32>
  return %q : tensor<4x64x48xf32>
}

// A sum at computed places is added to a matrix that is there, and the product before it is done by then.
// CHECK-LABEL: func.func @places
// CHECK: %[[P:.*]] = llm.contract
// CHECK: llm.fused(%{{.*}}, %{{.*}}, %[[P]])
// CHECK: "nd,n->{1}d"
// CHECK: "ab,ab->ab"
// CHECK-NOT: llm.fused
func.func @places(%x: tensor<64x32xf32>, %w: tensor<64x48xf32>, %rows: tensor<9x32xf32>, %ids: tensor<9xi32>)
    -> tensor<48x32xf32> {
  %p = llm.contract %w, %x {signature = "tv,td->vd"} : (tensor<64x48xf32>, tensor<64x32xf32>) -> tensor<48x32xf32>
  %s = llm.generic %rows, %ids {signature = "nd,n->{1}d", body = "a", combiner = "sum"}
      : (tensor<9x32xf32>, tensor<9xi32>) -> tensor<48x32xf32>
  %y = llm.generic %p, %s {signature = "ab,ab->ab", body = "a+b"}
      : (tensor<48x32xf32>, tensor<48x32xf32>) -> tensor<48x32xf32>
  return %y : tensor<48x32xf32>
}
