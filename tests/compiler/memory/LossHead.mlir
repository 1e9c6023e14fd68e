// RUN: llc-opt --llm-to-differentiated --llm-to-fused --llm-to-scheduled %s | FileCheck %s

// Logits of all rows would be 64 MiB, and their gradients as much. There are those of 256 rows, 16 MiB,
// and their gradients take their place.
// CHECK: llm.arena = 17{{[0-9][0-9][0-9][0-9][0-9][0-9]}} : i64
// CHECK-LABEL: func.func @loss_and_gradients
// CHECK-COUNT-4: "tv,td->vd"
// CHECK-NOT: tensor<1024x16384xf32>
module attributes {llm.max_tokens = 1 : i64, llm.max_rows = 1 : i64} {
  llm.parameter @head : tensor<16384x16xf32>
  func.func @loss(%x: tensor<1024x16xf32>, %labels: tensor<1024xi32>) -> tensor<1xf32> attributes {llm.differentiate} {
    %w = llm.use @head : tensor<16384x16xf32>
    %y = llm.linear_log_prob %x, %w, %labels
        : (tensor<1024x16xf32>, tensor<16384x16xf32>, tensor<1024xi32>) -> tensor<1024xf32>
    %row = llm.reshape %y : (tensor<1024xf32>) -> tensor<1x1024xf32>
    %loss = llm.reduce %row {signature = "at->a", kind = "sum"} : (tensor<1x1024xf32>) -> tensor<1xf32>
    return %loss : tensor<1xf32>
  }
}
