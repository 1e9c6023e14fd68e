// RUN: llc-opt --llm-fuse-heads %s | FileCheck %s

// Bias on the keys, a norm on the queries' heads, rotation of both; the stage gives queries and cache.
// CHECK-LABEL: func.func private @heads
// CHECK: %[[Q:.*]]:2 = llm.fused(
// CHECK: llm.rms_norm
// CHECK: llm.cache_append
// CHECK: llm.yield %{{.*}}, %{{.*}} : tensor<?x2x8xf32>, !llm.kv
// CHECK-NOT: llm.rotary
// CHECK: llm.paged_attention %[[Q]]#0, %[[Q]]#1
func.func private @heads(%x: tensor<?x4xf32> {llm.dim = "tokens"}, %wq: tensor<16x4xf32, #llm.panel>,
    %wk: tensor<8x4xf32, #llm.panel>, %wv: tensor<8x4xf32, #llm.panel>, %b: tensor<8xf32>, %n: tensor<8xf32>,
    %cos: tensor<?x4xf32> {llm.dim = "tokens"}, %sin: tensor<?x4xf32> {llm.dim = "tokens"}, %kv: !llm.kv<1, 8, 8, f32>,
    %batch: !llm.batch, %positions: tensor<?xi32> {llm.dim = "tokens"}) -> tensor<?x2x8xf32> {
  %q = llm.linear %x, %wq : (tensor<?x4xf32>, tensor<16x4xf32, #llm.panel>) -> tensor<?x16xf32>
  %qh = llm.reshape %q : (tensor<?x16xf32>) -> tensor<?x2x8xf32>
  %qn = llm.rms_norm %qh, %n : (tensor<?x2x8xf32>, tensor<8xf32>) -> tensor<?x2x8xf32>
  %qr = llm.rotary %qn, %cos, %sin : (tensor<?x2x8xf32>, tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x2x8xf32>
  %k = llm.linear %x, %wk : (tensor<?x4xf32>, tensor<8x4xf32, #llm.panel>) -> tensor<?x8xf32>
  %kb = llm.add %k, %b : (tensor<?x8xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  %kh = llm.reshape %kb : (tensor<?x8xf32>) -> tensor<?x1x8xf32>
  %kr = llm.rotary %kh, %cos, %sin : (tensor<?x1x8xf32>, tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x1x8xf32>
  %v = llm.linear %x, %wv : (tensor<?x4xf32>, tensor<8x4xf32, #llm.panel>) -> tensor<?x8xf32>
  %vh = llm.reshape %v : (tensor<?x8xf32>) -> tensor<?x1x8xf32>
  %next = llm.cache_append %kv, %kr, %vh, %batch
      : (!llm.kv<1, 8, 8, f32>, tensor<?x1x8xf32>, tensor<?x1x8xf32>, !llm.batch) -> !llm.kv<1, 8, 8, f32>
  %y = llm.paged_attention %qr, %next, %batch, %positions {scale = 0.5}
      : (tensor<?x2x8xf32>, !llm.kv<1, 8, 8, f32>, !llm.batch, tensor<?xi32>) -> tensor<?x2x8xf32>
  return %y : tensor<?x2x8xf32>
}

// The values come from another input: nothing is fused.
// CHECK-LABEL: func.func private @anotherInput
// CHECK-NOT: llm.fused
func.func private @anotherInput(%x: tensor<?x4xf32> {llm.dim = "tokens"}, %z: tensor<?x4xf32> {llm.dim = "tokens"},
    %wq: tensor<8x4xf32, #llm.panel>, %wk: tensor<8x4xf32, #llm.panel>, %wv: tensor<8x4xf32, #llm.panel>,
    %kv: !llm.kv<1, 8, 8, f32>, %batch: !llm.batch, %positions: tensor<?xi32> {llm.dim = "tokens"})
    -> tensor<?x1x8xf32> {
  %q = llm.linear %x, %wq : (tensor<?x4xf32>, tensor<8x4xf32, #llm.panel>) -> tensor<?x8xf32>
  %qh = llm.reshape %q : (tensor<?x8xf32>) -> tensor<?x1x8xf32>
  %k = llm.linear %x, %wk : (tensor<?x4xf32>, tensor<8x4xf32, #llm.panel>) -> tensor<?x8xf32>
  %kh = llm.reshape %k : (tensor<?x8xf32>) -> tensor<?x1x8xf32>
  %v = llm.linear %z, %wv : (tensor<?x4xf32>, tensor<8x4xf32, #llm.panel>) -> tensor<?x8xf32>
  %vh = llm.reshape %v : (tensor<?x8xf32>) -> tensor<?x1x8xf32>
  %next = llm.cache_append %kv, %kh, %vh, %batch
      : (!llm.kv<1, 8, 8, f32>, tensor<?x1x8xf32>, tensor<?x1x8xf32>, !llm.batch) -> !llm.kv<1, 8, 8, f32>
  %y = llm.paged_attention %qh, %next, %batch, %positions {scale = 0.5}
      : (tensor<?x1x8xf32>, !llm.kv<1, 8, 8, f32>, !llm.batch, tensor<?xi32>) -> tensor<?x1x8xf32>
  return %y : tensor<?x1x8xf32>
}

// No chunk of whole panels holds whole heads of 25.
// CHECK-LABEL: func.func private @oddHeads
// CHECK-NOT: llm.fused
func.func private @oddHeads(%x: tensor<?x4xf32> {llm.dim = "tokens"}, %wq: tensor<25x4xf32, #llm.panel>,
    %wk: tensor<25x4xf32, #llm.panel>, %wv: tensor<25x4xf32, #llm.panel>, %kv: !llm.kv<1, 25, 25, f32>,
    %batch: !llm.batch, %positions: tensor<?xi32> {llm.dim = "tokens"}) -> tensor<?x1x25xf32> {
  %q = llm.linear %x, %wq : (tensor<?x4xf32>, tensor<25x4xf32, #llm.panel>) -> tensor<?x25xf32>
  %qh = llm.reshape %q : (tensor<?x25xf32>) -> tensor<?x1x25xf32>
  %k = llm.linear %x, %wk : (tensor<?x4xf32>, tensor<25x4xf32, #llm.panel>) -> tensor<?x25xf32>
  %kh = llm.reshape %k : (tensor<?x25xf32>) -> tensor<?x1x25xf32>
  %v = llm.linear %x, %wv : (tensor<?x4xf32>, tensor<25x4xf32, #llm.panel>) -> tensor<?x25xf32>
  %vh = llm.reshape %v : (tensor<?x25xf32>) -> tensor<?x1x25xf32>
  %next = llm.cache_append %kv, %kh, %vh, %batch
      : (!llm.kv<1, 25, 25, f32>, tensor<?x1x25xf32>, tensor<?x1x25xf32>, !llm.batch) -> !llm.kv<1, 25, 25, f32>
  %y = llm.paged_attention %qh, %next, %batch, %positions {scale = 0.5}
      : (tensor<?x1x25xf32>, !llm.kv<1, 25, 25, f32>, !llm.batch, tensor<?xi32>) -> tensor<?x1x25xf32>
  return %y : tensor<?x1x25xf32>
}
