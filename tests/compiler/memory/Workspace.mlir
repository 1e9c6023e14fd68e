// RUN: llc-opt --llm-order-stages --llm-plan-memory %s | FileCheck %s
// RUN: sed 's/llm.max_context = 1024/llm.max_context = 256/' %s | llc-opt --llm-order-stages --llm-plan-memory | FileCheck %s --check-prefix=SHORT

// Contexts of up to 1024 tokens may be read in 4 parts. For one KV head the workspace holds 64 rows, but no more than a
// step has: 16 rows x 2 heads x 4 parts x 128 bytes (8 sums of values, the largest score and the sum, each in a cache line
// of its own) = 16384. The query has 16 x 2 x 8 x 4 = 1024 bytes and lives beside it. A context of 256 is one part.
// CHECK: llm.arena = 17408
// CHECK: llm.paged_attention {{.*}}llm.frame_offset
// SHORT: llm.arena = 1024
// SHORT-NOT: llm.frame_offset
module attributes {llm.max_tokens = 16 : i64, llm.max_rows = 2 : i64, llm.max_context = 1024 : i64} {
  func.func @step(%x: tensor<?x2x8xf32> {llm.dim = "tokens"}, %batch: !llm.batch, %positions: tensor<?xi32> {llm.dim = "tokens"})
      -> tensor<?x2x8xf32> {
    %kv = llm.cache_layer {layer = 0 : i64} : !llm.kv<1, 8, 8, f32>
    %q = llm.softmax %x : (tensor<?x2x8xf32>) -> tensor<?x2x8xf32>
    %a = llm.paged_attention %q, %kv, %batch, %positions {scale = 0.35355339059327379} : (tensor<?x2x8xf32>,
        !llm.kv<1, 8, 8, f32>, !llm.batch, tensor<?xi32>) -> tensor<?x2x8xf32>
    return %a : tensor<?x2x8xf32>
  }
}
