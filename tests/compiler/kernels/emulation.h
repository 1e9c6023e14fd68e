// Instructions that this machine may lack, in software: after emulateInstructions() a module's tile operations are
// calls of the functions below and its bf16 instructions are plain arithmetic, so that code for AMX runs anywhere, with
// every index that the generators compute. What an operation may not do (an undefined shape, registers that do not fit
// together, no configuration) ends the process, as the processor would.
#pragma once
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "compiler/kernels/emitter.h"

namespace llc::emulation {

// The tiles of a thread, and what it has done with them.
struct TileUnit {
  struct Shape {
    int rows = 0, rowBytes = 0;
  };
  bool configured = false;
  std::array<Shape, 8> shapes;
  alignas(64) uint8_t data[8][16][64] = {};
  int64_t products = 0, loads = 0, stores = 0, configurations = 0;

  void require(bool holds, const char *what) const {
    if (holds) return;
    fprintf(stderr, "tile emulation: %s\n", what);
    abort();
  }
  Shape &shape(int8_t tile) {
    require(configured && tile >= 0 && tile < 8, "no such tile, or none is configured");
    require(shapes[size_t(tile)].rows > 0 && shapes[size_t(tile)].rowBytes > 0, "a tile without shape");
    return shapes[size_t(tile)];
  }
};
inline thread_local TileUnit unit;

inline void configure(const uint8_t *bytes) {
  unit.require(bytes[0] == 1 && bytes[1] == 0, "palette 1, start row 0");
  for (size_t tile = 0; tile < 8; tile++) {
    uint16_t rowBytes;
    std::memcpy(&rowBytes, bytes + 16 + 2 * tile, 2);
    unit.require(rowBytes <= 64 && bytes[48 + tile] <= 16, "a tile is at most 16 rows of 64 bytes");
    unit.shapes[tile] = {bytes[48 + tile], rowBytes};
  }
  unit.configured = true, unit.configurations++;
  std::memset(unit.data, 0, sizeof unit.data);
}
inline void release() { unit.configured = false; }
inline void zero(int8_t tile) {
  unit.shape(tile);
  std::memset(unit.data[tile], 0, sizeof unit.data[tile]);
}
inline void load(int8_t tile, const uint8_t *from, int64_t stride) {
  auto shape = unit.shape(tile);
  std::memset(unit.data[tile], 0, sizeof unit.data[tile]);
  for (int row = 0; row < shape.rows; row++)
    std::memcpy(unit.data[tile][row], from + row * stride, size_t(shape.rowBytes));
  unit.loads++;
}
inline void store(int8_t tile, uint8_t *to, int64_t stride) {
  auto shape = unit.shape(tile);
  for (int row = 0; row < shape.rows; row++)
    std::memcpy(to + row * stride, unit.data[tile][row], size_t(shape.rowBytes));
  unit.stores++;
}

inline float flushed(float value) { return std::fpclassify(value) == FP_SUBNORMAL ? std::copysign(0.f, value) : value; }
inline float elementOf(const uint8_t *row, int number) {
  uint16_t half;
  std::memcpy(&half, row + 2 * number, 2);
  uint32_t bits = uint32_t(half) << 16;
  float value;
  std::memcpy(&value, &bits, 4);
  return flushed(value);
}
// tdpbf16ps as Intel's manual has it: even and odd elements are summed apart, subnormals count as zero.
inline void multiply(int8_t sums, int8_t left, int8_t right) {
  auto c = unit.shape(sums), a = unit.shape(left), b = unit.shape(right);
  unit.require(sums != left && sums != right && left != right, "three different tiles");
  unit.require(c.rows == a.rows && c.rowBytes == b.rowBytes && a.rowBytes == 4 * b.rows, "shapes that do not fit");
  for (int row = 0; row < c.rows; row++)
    for (int column = 0; column < c.rowBytes / 4; column++) {
      float even = 0, odd = 0, sum;
      for (int pair = 0; pair < b.rows; pair++) {
        even = flushed(std::fma(elementOf(unit.data[left][row], 2 * pair),
                                elementOf(unit.data[right][pair], 2 * column), even));
        odd = flushed(std::fma(elementOf(unit.data[left][row], 2 * pair + 1),
                               elementOf(unit.data[right][pair], 2 * column + 1), odd));
      }
      std::memcpy(&sum, unit.data[sums][row] + 4 * column, 4);
      sum = flushed(sum + flushed(even + odd));
      std::memcpy(unit.data[sums][row] + 4 * column, &sum, 4);
    }
  unit.products++;
}

// The function that stands for an intrinsic; null: there is none.
inline void *functionFor(llvm::StringRef intrinsic) {
  if (intrinsic == "llvm.x86.ldtilecfg") return reinterpret_cast<void *>(configure);
  if (intrinsic == "llvm.x86.tilerelease") return reinterpret_cast<void *>(release);
  if (intrinsic == "llvm.x86.tilezero") return reinterpret_cast<void *>(zero);
  if (intrinsic == "llvm.x86.tileloadd64") return reinterpret_cast<void *>(load);
  if (intrinsic == "llvm.x86.tilestored64") return reinterpret_cast<void *>(store);
  if (intrinsic == "llvm.x86.tdpbf16ps") return reinterpret_cast<void *>(multiply);
  return nullptr;
}

// vdpbf16ps: the odd element of a pair first. (That subnormals count as zero is left out.)
inline mlir::Value dotOfPairs(kernels::Emitter &e, mlir::ValueRange operands) {
  auto halves = [&](mlir::Value pairs) {
    mlir::Value words = e.bitcast(e.vec(16, e.i32), pairs);
    mlir::Value even = e.b.create<mlir::arith::ShLIOp>(words, e.constant(words.getType(), 16));
    mlir::Value odd = e.b.create<mlir::arith::AndIOp>(words, e.constant(words.getType(), double(-0x10000)));
    return std::pair(e.bitcast(e.f(16), even), e.bitcast(e.f(16), odd));
  };
  auto [evenLeft, oddLeft] = halves(operands[1]);
  auto [evenRight, oddRight] = halves(operands[2]);
  return e.fma(evenLeft, evenRight, e.fma(oddLeft, oddRight, operands[0]));
}

// Replaces what needs AMX or AVX512-BF16 in a module of phase `vector` (kernels as the generators emit them). The code
// then runs in this process only: it holds addresses.
inline void emulateInstructions(mlir::ModuleOp module) {
  kernels::Emitter e(module, targetOf(IsaLevel::generic));
  llvm::SmallVector<mlir::LLVM::CallIntrinsicOp> calls;
  module.walk([&](mlir::LLVM::CallIntrinsicOp call) { calls.push_back(call); });
  for (auto call : calls) {
    e.b.setInsertionPoint(call);
    if (void *function = functionFor(call.getIntrin())) {
      auto type = mlir::LLVM::LLVMFunctionType::get(mlir::LLVM::LLVMVoidType::get(module.getContext()),
                                                    llvm::to_vector(call.getOperandTypes()));
      kernels::Values operands = {
          e.b.create<mlir::LLVM::IntToPtrOp>(e.ptr, e.c64(reinterpret_cast<int64_t>(function)))};
      operands.append(call.getOperands().begin(), call.getOperands().end());
      e.b.create<mlir::LLVM::CallOp>(type, operands);
      call.erase();
    } else if (call.getIntrin() == "llvm.x86.avx512bf16.dpbf16ps.512") {
      call->replaceAllUsesWith(mlir::ValueRange{dotOfPairs(e, call.getOperands())});
      call.erase();
    } else if (call.getIntrin() == "llvm.x86.avx512bf16.cvtneps2bf16.512") {
      call->replaceAllUsesWith(
          mlir::ValueRange{e.bitcast(call->getResult(0).getType(), e.bf16Bits(call.getOperand(0)))});
      call.erase();
    }
  }
}

}  // namespace llc::emulation
