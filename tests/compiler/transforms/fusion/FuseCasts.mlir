// RUN: llc-opt --llm-fuse-casts %s | FileCheck %s

// The weight is rounded where each of its two products reads it, as the right factor.
// CHECK-LABEL: func.func private @layer(
// CHECK-SAME: %[[X:.*]]: tensor<64x32xbf16>, %[[G:.*]]: tensor<64x48xbf16>, %[[W:.*]]: tensor<48x32xf32>)
// CHECK-NEXT: llm.fused(%[[W]], %[[X]])
// CHECK: llm.cast
// CHECK-NEXT: llm.linear
// CHECK: llm.fused(%[[W]], %[[G]])
// CHECK: llm.cast
// CHECK-NEXT: llm.contract
func.func private @layer(%x: tensor<64x32xbf16>, %g: tensor<64x48xbf16>, %w: tensor<48x32xf32>)
    -> (tensor<64x48xf32>, tensor<64x32xf32>) {
  %n = llm.cast %w : (tensor<48x32xf32>) -> tensor<48x32xbf16>
  %y = llm.linear %x, %n : (tensor<64x32xbf16>, tensor<48x32xbf16>) -> tensor<64x48xf32>
  %d = llm.contract %g, %n {signature = "tn,nk->tk"} : (tensor<64x48xbf16>, tensor<48x32xbf16>) -> tensor<64x32xf32>
  return %y, %d : tensor<64x48xf32>, tensor<64x32xf32>
}

// A left factor would be rounded for every block of columns; a product that is small has no kernel of its own.
// CHECK-LABEL: func.func private @stays(
// CHECK-NOT: llm.fused
func.func private @stays(%x: tensor<64x32xf32>, %w: tensor<48x32xbf16>, %a: tensor<4x4xbf16>, %b: tensor<4x4xf32>)
    -> (tensor<64x48xf32>, tensor<4x4xf32>) {
  %n = llm.cast %x : (tensor<64x32xf32>) -> tensor<64x32xbf16>
  %y = llm.linear %n, %w : (tensor<64x32xbf16>, tensor<48x32xbf16>) -> tensor<64x48xf32>
  %m = llm.cast %b : (tensor<4x4xf32>) -> tensor<4x4xbf16>
  %z = llm.linear %a, %m : (tensor<4x4xbf16>, tensor<4x4xbf16>) -> tensor<4x4xf32>
  return %y, %z : tensor<64x48xf32>, tensor<4x4xf32>
}
