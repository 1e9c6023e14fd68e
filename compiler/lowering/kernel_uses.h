// Which kernel computes which stage of a program.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "compiler/kernels/layout_copy.h"

namespace llc::compiler {

struct KernelUse {
  static constexpr int64_t tokens = -1, wanted = -2;
  std::string function, kernel;  // of the scheduled module; the symbol
  int64_t rows = tokens;         // a number, the step's tokens, or its wanted rows
  std::vector<kernels::LayoutCopy> copies;
  bool storesBf16 = false;  // a result as rows of bf16 (kernels/bf16_rows.h), which products read as they are
};

}  // namespace llc::compiler
