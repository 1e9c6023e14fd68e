// What a kernel copies to another layout before it computes with it: inspect --kernels shows them.
#pragma once
#include <cstdint>
#include <string>

namespace llc::kernels {

struct LayoutCopy {
  std::string what, layout;              // "activations"; "tiles of 16 rows x 32 columns, bf16"
  int64_t fromRows = 0;                  // fewer are read where they lie
  int64_t rowBytes = 0, blockBytes = 0;  // of the copies, for each row, and for each block of rows
  int64_t blockRows = 0;                 // 0: all rows are one block
  bool isStage = false;                  // by a kernel that runs before; else each chunk makes its own
  int64_t bytes(int64_t rows) const {
    if (rows < fromRows) return 0;
    return rows * rowBytes + (blockRows ? (rows + blockRows - 1) / blockRows : 1) * blockBytes;
  }
};

}  // namespace llc::kernels
