// Tensors kept in 8 bits: blocks of elements with a scale each, dynamic quantization (Dettmers et al. 2022, 8-bit
// Optimizers via Block-wise Quantization). Codes are those of dynamic_code in the index notation.
#pragma once
#include "frontends/dsl/dsl.h"

namespace llc::models {

// Elements of a block: 256, as in bitsandbytes, or else the largest divisor of the count from 64 on. 0: the tensor
// stays f32, because it is smaller than 4096 elements (as there), or because there is no such divisor.
int64_t blockSize(const dsl::Shape &shape);

enum class Signs { both, positive };  // positive: no number is below zero, and the codes are twice as close
struct EncodedBlocks {
  dsl::Tensor codes;   // [blocks,size] u8
  dsl::Tensor scales;  // [blocks] f32: the largest magnitude of each
};
EncodedBlocks toBlocks(dsl::Tensor x, Signs signs);  // x [blocks,size]
dsl::Tensor fromBlocks(const EncodedBlocks &blocks, Signs signs);

}  // namespace llc::models
