// RUN: llc-opt --llm-order-stages --llm-plan-memory %s | FileCheck %s
// RUN: sed 's/xbf16/xf32/g' %s | llc-opt --llm-order-stages --llm-plan-memory | FileCheck %s --check-prefix=SINGLE

// Tiles of 16 x 32 elements of two bytes: 17 x 3 tiles of 270 x 70 elements and 26 x 3 of 410 x 70, 1 KiB each. Products
// of f32 copy for each block, in scratch.
// CHECK: llm.arena = 132096
// CHECK: llm.linear {{.*}}llm.frame_offset
// SINGLE: llm.arena = 0
// SINGLE-NOT: llm.frame_offset
module attributes {llm.max_tokens = 8 : i64, llm.max_rows = 8 : i64} {
  func.func @step(%x: tensor<270x70xbf16>, %w: tensor<410x70xbf16>) -> tensor<270x410xf32> {
    %y = llm.linear %x, %w : (tensor<270x70xbf16>, tensor<410x70xbf16>) -> tensor<270x410xf32>
    return %y : tensor<270x410xf32>
  }
}
