// RUN: llc-opt --llm-differentiate --split-input-file --verify-diagnostics %s | FileCheck %s

// Functions without the mark stay.
// CHECK-LABEL: func.func @plain
// CHECK: llm.silu
func.func @plain(%x: tensor<4xf32>) -> tensor<4xf32> {
  %y = llm.silu %x : (tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// -----

// expected-error @below {{is marked llm.differentiate, but this version has no differentiation pass yet; to fix: remove the attribute}}
func.func @marked(%x: tensor<4xf32>) -> tensor<4xf32> attributes {llm.differentiate} {
  return %x : tensor<4xf32>
}
