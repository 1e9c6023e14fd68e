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

// A sum of paddings that lie one after the other; where a place is missing it stays a sum.
// CHECK-LABEL: func.func @joined
// CHECK-SAME: %[[A:.*]]: tensor<2x3xf32>, %[[B:.*]]: tensor<2x1xf32>, %[[C:.*]]: tensor<2x2xf32>)
// CHECK: %[[Y:.*]] = llm.concat %[[A]], %[[B]], %[[C]] {dim = 1 : i64}
// CHECK: %[[Z:.*]] = llm.generic
// CHECK: return %[[Y]], %[[Z]]
func.func @joined(%a: tensor<2x3xf32>, %b: tensor<2x1xf32>, %c: tensor<2x2xf32>) -> (tensor<2x6xf32>, tensor<2x6xf32>) {
  %0 = llm.pad %c {dim = 1 : i64, low = 4 : i64, high = 0 : i64} : (tensor<2x2xf32>) -> tensor<2x6xf32>
  %1 = llm.pad %a {dim = 1 : i64, low = 0 : i64, high = 3 : i64} : (tensor<2x3xf32>) -> tensor<2x6xf32>
  %2 = llm.pad %b {dim = 1 : i64, low = 3 : i64, high = 2 : i64} : (tensor<2x1xf32>) -> tensor<2x6xf32>
  %3 = llm.generic %0, %1 {signature = "ab,ab->ab", body = "a+b"}
      : (tensor<2x6xf32>, tensor<2x6xf32>) -> tensor<2x6xf32>
  %4 = llm.generic %3, %2 {signature = "ab,ab->ab", body = "a+b"}
      : (tensor<2x6xf32>, tensor<2x6xf32>) -> tensor<2x6xf32>
  %5 = llm.pad %c {dim = 1 : i64, low = 4 : i64, high = 0 : i64} : (tensor<2x2xf32>) -> tensor<2x6xf32>
  %6 = llm.pad %a {dim = 1 : i64, low = 0 : i64, high = 3 : i64} : (tensor<2x3xf32>) -> tensor<2x6xf32>
  %7 = llm.generic %5, %6 {signature = "ab,ab->ab", body = "a+b"}
      : (tensor<2x6xf32>, tensor<2x6xf32>) -> tensor<2x6xf32>
  return %4, %7 : tensor<2x6xf32>, tensor<2x6xf32>
}
