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
  // Operand a (b) is what copyDenseFactor() made of it; then strides and types are still those of what was copied.
  bool aCopied = false, bCopied = false;
};
KernelFunction emitDenseProduct(Emitter &, const DenseProductSpec &);

// A factor that many blocks of y multiply is copied once for all of them, by a kernel that runs before. Bytes of the
// copies, 0 where blocks copy for themselves; the same for all targets, as memory is planned for all of them.
struct DenseCopies {
  int64_t aBytes = 0, bBytes = 0;
};
DenseCopies denseCopies(const DenseProductSpec &);
// Does this target multiply such copies?
bool multipliesCopies(const Target &, const DenseProductSpec &);
enum class DenseFactor { a, b };
// Operand: the factor. Result: its copy.
KernelFunction copyDenseFactor(Emitter &, const DenseProductSpec &, DenseFactor);

}  // namespace llc::kernels
