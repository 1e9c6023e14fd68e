// RUN: llc-opt --llm-simplify %s | FileCheck %s

// The unused block goes, then the parameter and the block that only it used.
// CHECK-NOT: @unused
// CHECK-NOT: @helper
// CHECK: llm.parameter @w
llm.parameter @unused : tensor<4xf32>
llm.parameter @w : tensor<4xf32>
func.func private @helper(%x: tensor<4xf32>) -> tensor<4xf32> {
  return %x : tensor<4xf32>
}
func.func private @unusedBlock(%x: tensor<4xf32>) -> tensor<4xf32> {
  %y = call @helper(%x) : (tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// The same expression twice is computed once.
// CHECK-LABEL: func.func @step
// CHECK: %[[S:.*]] = llm.silu
// CHECK-NOT: llm.silu
// CHECK: llm.add %[[S]], %[[S]]
func.func @step(%x: tensor<4xf32>) -> tensor<4xf32> {
  %w = llm.use @w : tensor<4xf32>
  %m = llm.mul %x, %w : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %a = llm.silu %m : (tensor<4xf32>) -> tensor<4xf32>
  %b = llm.silu %m : (tensor<4xf32>) -> tensor<4xf32>
  %y = llm.add %a, %b : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}
