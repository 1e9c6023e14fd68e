// Runs entries of a traced module in the interpreter.
#pragma once
#include <map>
#include <span>
#include <string>

#include "dialect/reference/interpreter.h"
#include "frontends/huggingface/import.h"
#include "mlir/IR/Diagnostics.h"
#include "tools/cli/training_batch.h"

namespace llc::cli {

// Parameters of a checkpoint as the interpreter wants them, converted once. They are rounded to the element types that the
// module declares, so that a bf16 program of an f32 checkpoint sees rounded weights. Parameters that the module's `prepare`
// makes (packed ones) come from interpreting that. `source` and `module` must outlive this.
class InterpretedWeights {
 public:
  InterpretedWeights(const huggingface::ModelSource &source, mlir::ModuleOp module);
  Result<llm::Tensor> get(llvm::StringRef name);

 private:
  Status prepare();
  const huggingface::ModelSource &source_;
  mlir::ModuleOp module_;
  std::map<std::string, mlir::Type> types_;
  std::map<std::string, llm::Tensor> loaded_;
  bool preparing_ = false;
};

// A tensor of integers, one dimension.
llm::Tensor integers(std::span<const int32_t> values);

// The arguments of `step` for rows of one sequence that begin at position `start`: tokens, positions, batch, wanted rows.
llvm::SmallVector<llm::Datum> stepArguments(std::span<const int32_t> tokens, int64_t start, int64_t sequence, bool allRows);

// The arguments of entries that traceTraining makes: ids, segments, labels, types where the batch has some.
llvm::SmallVector<llm::Datum> batchArguments(const TrainingBatch &batch);

// Collects what the module's diagnostics say while it lives, so that it can be part of an Error.
class Diagnostics {
 public:
  explicit Diagnostics(mlir::MLIRContext &context);
  Error error(const std::string &where) const;

 private:
  std::string text_;
  mlir::ScopedDiagnosticHandler handler_;
};

}  // namespace llc::cli
