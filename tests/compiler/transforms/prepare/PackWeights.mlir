// RUN: llc-opt --llm-pack-weights %s | FileCheck %s

// Weights are packed through the calls of a block; the vector becomes f32; the table that is also gathered stays beside
// its packed form.
// CHECK: llm.parameter @"w0#panel" : tensor<8x4xbf16, #llm.panel>
// CHECK: llm.parameter @"b#f32" : tensor<8xf32>
llm.parameter @table : tensor<16x4xbf16>
llm.parameter @w0 : tensor<8x4xbf16>
llm.parameter @w1 : tensor<8x4xbf16>
llm.parameter @b : tensor<8xbf16>

// CHECK-LABEL: func.func private @block
// CHECK-SAME: tensor<8x4xbf16, #llm.panel>, %[[B:.*]]: tensor<8xf32>
// CHECK: llm.add %{{.*}}, %[[B]]
func.func private @block(%x: tensor<?x4xf32> {llm.dim = "tokens"}, %w: tensor<8x4xbf16>, %b: tensor<8xbf16>)
    -> tensor<?x8xf32> {
  %y = llm.linear %x, %w : (tensor<?x4xf32>, tensor<8x4xbf16>) -> tensor<?x8xf32>
  %z = llm.add %y, %b : (tensor<?x8xf32>, tensor<8xbf16>) -> tensor<?x8xf32>
  return %z : tensor<?x8xf32>
}

// CHECK-LABEL: func.func @step
// CHECK-DAG: llm.use @"w0#panel"
// CHECK-DAG: llm.use @"w1#panel"
// CHECK-DAG: llm.use @"table#panel"
// CHECK: llm.gather_rows %{{.*}} : (tensor<16x4xbf16>
func.func @step(%ids: tensor<?xi32> {llm.dim = "tokens"}) -> tensor<?x16xf32> {
  %t = llm.use @table : tensor<16x4xbf16>
  %w0 = llm.use @w0 : tensor<8x4xbf16>
  %w1 = llm.use @w1 : tensor<8x4xbf16>
  %b = llm.use @b : tensor<8xbf16>
  %x = llm.gather_rows %t, %ids : (tensor<16x4xbf16>, tensor<?xi32>) -> tensor<?x4xf32>
  %y = call @block(%x, %w0, %b) : (tensor<?x4xf32>, tensor<8x4xbf16>, tensor<8xbf16>) -> tensor<?x8xf32>
  %z = call @block(%x, %w1, %b) : (tensor<?x4xf32>, tensor<8x4xbf16>, tensor<8xbf16>) -> tensor<?x8xf32>
  %s = llm.add %y, %z : (tensor<?x8xf32>, tensor<?x8xf32>) -> tensor<?x8xf32>
  %logits = llm.linear %x, %t : (tensor<?x4xf32>, tensor<16x4xbf16>) -> tensor<?x16xf32>
  return %logits : tensor<?x16xf32>
}

// One packing function per shape, one call per parameter.
// CHECK-LABEL: func.func @prepare() -> (
// CHECK-SAME: {llm.parameter = "w0#panel"}
// CHECK-COUNT-2: call @prepare.pack_8x4xbf16(
// CHECK-DAG: func.func private @prepare.pack_8x4xbf16
// CHECK-DAG: func.func private @prepare.pack_16x4xbf16
