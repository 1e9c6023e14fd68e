// RUN: llc-opt --llm-round-activations --split-input-file %s | FileCheck %s
// RUN: llc-opt --llm-round-activations --llm-round-activations --split-input-file %s | FileCheck %s
// RUN: llc-opt --llm-round-activations --llm-to-fused --split-input-file %s | FileCheck --check-prefix=FUSED %s

// One rounding for two products, behind what makes the value and before it changes its shape. Weights that are not bf16
// read what they read before, and so does what is no product.
llm.parameter @q : tensor<8x4xbf16>
llm.parameter @k : tensor<8x4xbf16>
llm.parameter @full : tensor<8x4xf32>
llm.parameter @norm : tensor<4xf32>

// CHECK-LABEL: func.func @shared(
// CHECK: %[[N:.*]] = llm.rms_norm
// CHECK: %[[R:.*]] = llm.generic %[[N]] {body = "bf16(a)", signature = "ab->ab"} : (tensor<?x4xf32>) -> tensor<?x4xf32>
// CHECK-NOT: bf16(a)
// CHECK: llm.linear %[[R]], %{{.*}} : (tensor<?x4xf32>, tensor<8x4xbf16>)
// CHECK: llm.linear %[[R]], %{{.*}} : (tensor<?x4xf32>, tensor<8x4xbf16>)
// CHECK: llm.linear %[[N]], %{{.*}} : (tensor<?x4xf32>, tensor<8x4xf32>)
// FUSED-LABEL: func.func @shared(
// FUSED: llm.fused
// FUSED: llm.rms_norm
// FUSED: body = "bf16(a)"
// FUSED: llm.yield
func.func @shared(%x: tensor<?x4xf32> {llm.dim = "tokens"})
    -> (tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>) {
  %w = llm.use @norm : tensor<4xf32>
  %q = llm.use @q : tensor<8x4xbf16>
  %k = llm.use @k : tensor<8x4xbf16>
  %f = llm.use @full : tensor<8x4xf32>
  %n = llm.rms_norm %x, %w {eps = 1.0e-5} : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  %a = llm.linear %n, %q : (tensor<?x4xf32>, tensor<8x4xbf16>) -> tensor<?x8xf32>
  %b = llm.linear %n, %k : (tensor<?x4xf32>, tensor<8x4xbf16>) -> tensor<?x8xf32>
  %c = llm.linear %n, %f : (tensor<?x4xf32>, tensor<8x4xf32>) -> tensor<?x8xf32>
  return %a, %b, %c : tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>
}

// -----

// Attention over the cache rounds what it stores; where somebody else reads its result, that is rounded apart.
llm.parameter @o : tensor<8x8xbf16>

// CHECK-LABEL: func.func @attention(
// CHECK: %[[A:.*]] = llm.paged_attention {{.*}} {llm.rounded, scale = 5.000000e-01 : f64}
// CHECK-NOT: bf16(a)
// CHECK: %[[S:.*]] = llm.reshape %[[A]]
// CHECK: llm.linear %[[S]]
func.func @attention(%q: tensor<?x2x4xf32> {llm.dim = "tokens"}, %kv: !llm.kv<1, 4, 4, f32>, %batch: !llm.batch,
                     %p: tensor<?xi32> {llm.dim = "tokens"}) -> tensor<?x8xf32> {
  %w = llm.use @o : tensor<8x8xbf16>
  %a = llm.paged_attention %q, %kv, %batch, %p {scale = 0.5}
      : (tensor<?x2x4xf32>, !llm.kv<1, 4, 4, f32>, !llm.batch, tensor<?xi32>) -> tensor<?x2x4xf32>
  %s = llm.reshape %a : (tensor<?x2x4xf32>) -> tensor<?x8xf32>
  %y = llm.linear %s, %w : (tensor<?x8xf32>, tensor<8x8xbf16>) -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}
// CHECK-LABEL: func.func @attention_read_twice(
// CHECK: %[[A:.*]] = llm.paged_attention {{.*}} {scale = 5.000000e-01 : f64}
// CHECK: %[[R:.*]] = llm.generic %[[A]] {body = "bf16(a)", signature = "abc->abc"}
// CHECK-DAG: %[[S:.*]] = llm.reshape %[[R]]
// CHECK-DAG: %[[T:.*]] = llm.reshape %[[A]]
// CHECK: %[[Y:.*]] = llm.linear %[[S]]
// CHECK: llm.add %[[T]], %[[Y]]
func.func @attention_read_twice(%q: tensor<?x2x4xf32> {llm.dim = "tokens"}, %kv: !llm.kv<1, 4, 4, f32>,
                                %batch: !llm.batch, %p: tensor<?xi32> {llm.dim = "tokens"}) -> tensor<?x8xf32> {
  %w = llm.use @o : tensor<8x8xbf16>
  %a = llm.paged_attention %q, %kv, %batch, %p {scale = 0.5}
      : (tensor<?x2x4xf32>, !llm.kv<1, 4, 4, f32>, !llm.batch, tensor<?xi32>) -> tensor<?x2x4xf32>
  %s = llm.reshape %a : (tensor<?x2x4xf32>) -> tensor<?x8xf32>
  %y = llm.linear %s, %w : (tensor<?x8xf32>, tensor<8x8xbf16>) -> tensor<?x8xf32>
  %z = llm.add %s, %y : (tensor<?x8xf32>, tensor<?x8xf32>) -> tensor<?x8xf32>
  return %z : tensor<?x8xf32>
}

// -----

// What two products make together is rounded in their stage. Run twice, nothing is rounded twice.
llm.parameter @up : tensor<16x4xbf16>
llm.parameter @gate : tensor<16x4xbf16>
llm.parameter @down : tensor<4x16xbf16>

// CHECK-LABEL: func.func @gates(
// CHECK-SAME: %[[X:.*]]: tensor<?x4xf32>
// CHECK: %[[R:.*]] = llm.generic %[[X]] {body = "bf16(a)"
// CHECK-NOT: bf16(a)
// CHECK: %[[M:.*]] = llm.mul
// CHECK: %[[S:.*]] = llm.generic %[[M]] {body = "bf16(a)"
// CHECK: llm.linear %[[S]]
// FUSED-LABEL: func.func @gates(
// FUSED: llm.fused
// FUSED: llm.linear
// FUSED: llm.linear
// FUSED: llm.mul
// FUSED: body = "bf16(a)"
// FUSED: llm.yield
func.func @gates(%x: tensor<?x4xf32> {llm.dim = "tokens"}) -> tensor<?x4xf32> {
  %u = llm.use @up : tensor<16x4xbf16>
  %g = llm.use @gate : tensor<16x4xbf16>
  %d = llm.use @down : tensor<4x16xbf16>
  %a = llm.linear %x, %u : (tensor<?x4xf32>, tensor<16x4xbf16>) -> tensor<?x16xf32>
  %b = llm.linear %x, %g : (tensor<?x4xf32>, tensor<16x4xbf16>) -> tensor<?x16xf32>
  %c = llm.silu %b : (tensor<?x16xf32>) -> tensor<?x16xf32>
  %m = llm.mul %c, %a : (tensor<?x16xf32>, tensor<?x16xf32>) -> tensor<?x16xf32>
  %y = llm.linear %m, %d : (tensor<?x16xf32>, tensor<4x16xbf16>) -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}
