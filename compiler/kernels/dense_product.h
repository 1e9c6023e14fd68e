// Products of two matrices that lie in memory as they are, unlike those of matmul.cpp, whose weights were packed
// before: activations by activations, as in the gradients of weights and in attention, and weights that change in every
// step.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "compiler/kernels/emitter.h"

namespace llc::kernels {

// y[m,n] = epilogue( sum_k a[m,k] * b[k,n] ), f32 accumulation, for every element of the batch dimensions. Strides
// count elements; the columns of y are adjacent. Operands: a, b, then the epilogue's extra operands. Result: y (f32).
struct DenseProductSpec {
  int64_t m = 0, n = 0, k = 0;
  int64_t aRow = 0, aStep = 0;  // from row to row, from step of k to step
  int64_t bStep = 0, bColumn = 0;
  int64_t yRow = 0;
  DType aType = DType::f32, bType = DType::f32;        // as they lie in memory
  DType aRounded = DType::f32, bRounded = DType::f32;  // to what they are rounded before they are multiplied; f32: not
  struct Dimension {
    int64_t extent, a, b, y;
  };
  std::vector<Dimension> batches = {};     // outermost first; strides may be 0
  std::vector<Dimension> outerSteps = {};  // further dimensions that are summed over; y unused
  // As in MatmulSpec; only without batches.
  std::string epilogue = "a";
  std::vector<std::string> extras = {};
};
KernelFunction emitDenseProduct(Emitter &, const DenseProductSpec &);

}  // namespace llc::kernels
