// The layer under all kernel generators: builds func + scf + arith + vector + llvm.ptr code for one target.
//
// Pointers are raw !llvm.ptr, offsets i64 bytes, loops scf.for over i64, vectors one-dimensional. "Width" is a number
// of f32 lanes: width 1 means a plain scalar, so that one body serves a vector loop and its scalar remainder.
// Comparisons and minima are written as compare + select, which x86 has as one instruction and aarch64 as two
// (arith.maximumf takes seven on x86).
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "compiler/kernels/layout_copy.h"
#include "compiler/targets/target.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "runtime/base/dtype.h"

namespace llc::kernels {

// One emitted function and how its op is cut into chunks; see kernels.h.
struct KernelFunction {
  std::string symbol;
  int64_t rowsPerChunk = 1;  // chunks(rows) = ceil(rows / rowsPerChunk) * columnChunks; 0: rows do not matter
  int64_t columnChunks = 1;
  int64_t scratchBytes = 0;  // per thread, 64-byte aligned
  // With at most fewRows rows there are fewRowsChunks chunks instead: work is cut differently when weights are all
  // there is to read.
  int64_t fewRows = 0, fewRowsChunks = 0;
  std::vector<LayoutCopy> copies = {};  // which chunks make for themselves
  int64_t chunks(int64_t rows) const {
    if (fewRows && rows <= fewRows) return fewRowsChunks;
    return rowsPerChunk ? (rows + rowsPerChunk - 1) / rowsPerChunk * columnChunks : columnChunks;
  }
};

using mlir::Type;
using mlir::Value;
using mlir::ValueRange;
using Values = llvm::SmallVector<Value>;

// The arguments of a kernel function while its body is emitted.
struct KernelArguments {
  Values pointers;  // operands, then results
  Value rows, chunk, scratch, batch;
};

class Emitter {
 public:
  // New functions go to the end of `module`. The dialects used must be loaded (see jit/object.h: registerCodeDialects).
  Emitter(mlir::ModuleOp module, const Target &target);

  mlir::ModuleOp module;
  const Target target;
  mlir::ImplicitLocOpBuilder b;
  const Type f32, f16, bf16, i1, i8, i16, i32, i64, ptr;

  // ---- functions
  // The kernel of `key`, emitted by `body` on first use. `pointers` counts operands and results; `stem` begins the
  // symbol. `shape` tells the chunking. The builder's insertion point is restored.
  KernelFunction kernel(const std::string &key, const std::string &stem, int64_t pointers, KernelFunction shape,
                        llvm::function_ref<void(const KernelArguments &)> body);
  // A call of a kernel at the current insertion point: pointers, then rows, chunk, scratch, batch.
  void call(const KernelFunction &, ValueRange pointers, Value rows, Value chunk, Value scratch, Value batch);

  // ---- types and constants
  Type vec(int64_t width, Type element) const;  // the element type itself for width 1
  Type f(int64_t width) const { return vec(width, f32); }
  static int64_t widthOf(Value value);
  Value c64(int64_t value);
  Value c32(int64_t value);
  Value constant(Type type, double value);  // float or integer, splat for vectors
  Value zero(Type type);
  Value iota(int64_t width);  // i32 0, 1, 2 ...

  // ---- integers
  Value add(Value x, Value y);
  Value sub(Value x, Value y);
  Value mul(Value x, Value y);
  Value add(Value x, int64_t y);
  Value mul(Value x, int64_t y);
  Value div(Value x, int64_t y);  // of non-negative values
  Value rem(Value x, int64_t y);
  Value ceilDiv(Value x, int64_t y);
  Value min(Value x, Value y);  // signed
  Value max(Value x, Value y);
  Value toI64(Value x);  // sign-extends an i32
  Value toI32(Value x);
  using IntCompare = mlir::arith::CmpIPredicate;
  using FloatCompare = mlir::arith::CmpFPredicate;
  Value cmp(IntCompare predicate, Value x, Value y);

  // ---- floats, scalar or vector alike
  Value addf(Value x, Value y);
  Value subf(Value x, Value y);
  Value mulf(Value x, Value y);
  Value divf(Value x, Value y);
  Value negf(Value x);
  Value fma(Value x, Value y, Value z);  // x*y+z; two roundings where the target has no fma
  Value maxf(Value x, Value y);          // y if x is NaN
  Value minf(Value x, Value y);
  Value sqrt(Value x);
  Value cmpf(FloatCompare predicate, Value x, Value y);
  Value select(Value condition, Value x, Value y);
  Value bitcast(Type type, Value x);
  Value splat(int64_t width, Value scalar);  // the scalar itself for width 1
  Value extract(Value vector, int64_t lane);
  Value reduceAdd(Value vector);  // lanes in tree order
  Value reduceMax(Value vector);
  Value reduceMin(Value vector);

  // ---- memory
  Value gep(Value pointer, Value bytes);
  Value gep(Value pointer, int64_t bytes);
  Value load(Type type, Value pointer, int64_t alignment = 1);
  void store(Value value, Value pointer, int64_t alignment = 1);
  Value alloca(int64_t bytes);  // in the entry block, 64-byte aligned
  Value data(llvm::StringRef bytes);  // constant bytes of the module, 64-byte aligned
  // `width` elements of `type` as f32 and back (f16, bf16: round to nearest even; i32: conversion by value).
  Value loadFloat(DType type, Value pointer, int64_t width);
  void storeFloat(DType type, Value value, Value pointer);
  Value bf16Bits(Value value);             // the i16 patterns that storeFloat would write
  Value rounded(DType type, Value value);  // f32 as it comes back from a store as f16 or bf16
  Value loadI64(Value pointer);
  Value loadI32AsI64(Value pointer);
  Value loadPointer(Value pointer);
  void prefetch(Value pointer);                 // for reading, into all cache levels
  void prefetchFar(Value pointer);              // all but the first
  void zeroFill(Value pointer, int64_t bytes);  // bytes: a multiple of 4

  // ---- control
  Values loop(Value from, Value to, int64_t step, ValueRange initial,
              llvm::function_ref<Values(Value index, ValueRange carried)> body);
  void loop(Value from, Value to, int64_t step, llvm::function_ref<void(Value index)> body);
  Values whileLoop(ValueRange initial, llvm::function_ref<Value(ValueRange)> condition,
                   llvm::function_ref<Values(ValueRange)> body);
  void ifThen(Value condition, llvm::function_ref<void()> then);
  void ifElse(Value condition, llvm::function_ref<void()> then, llvm::function_ref<void()> otherwise);
  // A loop over [from, to) by vectors of the target's width, then one by one: body(index, width). `ragged` false: the
  // caller knows that nothing is left for the second loop.
  void vectorLoop(Value from, Value to, llvm::function_ref<void(Value index, int64_t width)> body, bool ragged = true);

  // An LLVM intrinsic by name with one result, or none. Immediate arguments must come from c32/c8.
  Value intrinsic(llvm::StringRef name, Type result, ValueRange arguments);
  void intrinsic(llvm::StringRef name, ValueRange arguments);
  void pause();  // in a loop that waits for another thread: some ten nanoseconds in which the core does little
  Value c8(int64_t value);

 private:
  std::map<std::string, KernelFunction> functions_;
  std::map<std::string, int> stems_;
  int64_t constants_ = 0;  // globals made by data()
};

}  // namespace llc::kernels
