// The reference interpreter: runs a function of a module on values, op by op. Clear, slow, right.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "dialect/interfaces/meaning.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "mlir/IR/BuiltinOps.h"

namespace llc::llm {

// What a run needs beside arguments, and what it leaves behind.
struct Environment {
  // The value of a parameter by name, for llm.use. Called at every use: return a shared tensor (copies are cheap).
  std::function<Result<Tensor>(llvm::StringRef name)> parameters;
  // Caches by layer, made empty by llm.cache_layer when absent. Later runs go on with them.
  std::map<int64_t, std::shared_ptr<Cache>> caches;
  // Round every result to its element type (f32, bf16, f16, integers); off: all floats stay double.
  bool roundToType = true;
  // Called after every op that has results, calls included; failure stops the run. `callers` is the path of calls.
  std::function<llvm::LogicalResult(mlir::Operation *op, llvm::ArrayRef<Datum> operands, llvm::ArrayRef<Datum> results)>
      observer;
  std::vector<mlir::Operation *> callers;

  // Independent copies of the caches, to run the same step twice.
  std::map<int64_t, std::shared_ptr<Cache>> copyOfCaches() const;
};

// Runs func.func @name; arguments by position (tensors, and Batch or Cache handles). Errors are emitted as diagnostics.
llvm::FailureOr<std::vector<Datum>> interpret(mlir::ModuleOp module, llvm::StringRef name,
                                              llvm::ArrayRef<Datum> arguments, Environment &environment);
// Runs a block; `results` are the terminator's operands.
llvm::LogicalResult interpretBlock(mlir::Block &block, llvm::ArrayRef<Datum> arguments, Environment &environment,
                                   llvm::SmallVectorImpl<Datum> &results);

// Rounds to the nearest value of the element type (floats to even, integers towards zero).
Tensor roundedTo(mlir::Type element, const Tensor &tensor);

}  // namespace llc::llm
