// Attention of whole sequences, and its gradient, in memory that grows with the sequence and not with its square:
// blocks of scores live in scratch, one at a time (Dao et al. 2022, FlashAttention; Dao 2023, FlashAttention-2,
// algorithms 1 and 2). Blocks that a mask hides wholly are skipped: those after a causal query, before its window, and
// those of other segments, which are found at run time. Results do not depend on the number of threads.
#pragma once
#include <cstdint>

#include "compiler/kernels/emitter.h"

namespace llc::kernels {

// Shapes and meaning as llm.attention's: q[b,s,h,d], k[b,t,g,d], v[b,t,g,e]; queries <= keys.
struct DenseAttentionSpec {
  int64_t batch = 1, queries = 0, keys = 0, heads = 0, kvHeads = 0, keyDim = 0, valueDim = 0;
  DType qType = DType::f32, kType = DType::f32, vType = DType::f32;
  DType gradientType = DType::f32;  // of dy; for the gradient
  float scale = 1;
  bool causal = true;
  int64_t window = 0;  // 0: none
  float softCap = 0;   // 0: none
  bool sinks = false;  // not for the gradient
  bool segments = false;
  float dropRate = 0;  // 0: no dropout, no operand drop_key
};
// Operands: q, k, v [, sinks[h] (f32)] [, segments[b,t] (i32)] [, drop_key[1] (f32)]. Results: y[b,s,h,e],
// log_sum[b,s,h], f32.
KernelFunction emitDenseAttention(Emitter &, const DenseAttentionSpec &);
// Operands: q, k, v, dy[b,s,h,e], log_sum[b,s,h], delta[b,s,h] (f32) [, segments] [, drop_key]. Results: dq, dk, dv,
// f32.
KernelFunction emitDenseAttentionBackward(Emitter &, const DenseAttentionSpec &);

}  // namespace llc::kernels
