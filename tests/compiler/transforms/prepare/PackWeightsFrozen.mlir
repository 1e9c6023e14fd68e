// RUN: llc-opt --llm-pack-weights %s | FileCheck %s

// A training step: @moving is updated, so that it is never packed; @frozen is multiplied the other way round, too, so that
// a packed copy would be a second one; @head is not.
// CHECK-NOT: #panel
// CHECK: llm.parameter @"head#panel"
// CHECK-NOT: llm.parameter {{.*}}#panel
llm.parameter @frozen : tensor<8x4xbf16>
llm.parameter @head : tensor<4x8xbf16>
llm.parameter @moving : tensor<4x8xf32>

func.func private @block(%x: tensor<2x4xf32>, %w: tensor<8x4xbf16>) -> tensor<2x8xf32> {
  %y = llm.linear %x, %w : (tensor<2x4xf32>, tensor<8x4xbf16>) -> tensor<2x8xf32>
  return %y : tensor<2x8xf32>
}
func.func private @block_backward(%dy: tensor<2x8xf32>, %w: tensor<8x4xbf16>) -> tensor<2x4xf32> {
  %dx = llm.contract %dy, %w {signature = "to,oi->ti"} : (tensor<2x8xf32>, tensor<8x4xbf16>) -> tensor<2x4xf32>
  return %dx : tensor<2x4xf32>
}

// CHECK-LABEL: func.func @train_step
// CHECK: llm.use @frozen : tensor<8x4xbf16>
func.func @train_step(%x: tensor<2x4xf32>) -> (tensor<2x4xf32>, tensor<4x8xf32> {llm.updates = "moving"}) {
  %w = llm.use @frozen : tensor<8x4xbf16>
  %m = llm.use @moving : tensor<4x8xf32>
  %h = llm.use @head : tensor<4x8xbf16>
  %y = call @block(%x, %w) : (tensor<2x4xf32>, tensor<8x4xbf16>) -> tensor<2x8xf32>
  %p = llm.linear %y, %m : (tensor<2x8xf32>, tensor<4x8xf32>) -> tensor<2x4xf32>
  %q = llm.linear %y, %h : (tensor<2x8xf32>, tensor<4x8xbf16>) -> tensor<2x4xf32>
  %dx = call @block_backward(%y, %w) : (tensor<2x8xf32>, tensor<8x4xbf16>) -> tensor<2x4xf32>
  %s = llm.add %p, %q : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<2x4xf32>
  %r = llm.add %s, %dx : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<2x4xf32>
  %n = llm.neg %m : (tensor<4x8xf32>) -> tensor<4x8xf32>
  return %r, %n : tensor<2x4xf32>, tensor<4x8xf32>
}
