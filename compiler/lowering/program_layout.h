// What generated code and the runtime must agree on, read off a scheduled module: the numbers of parameters and caches,
// entries with their arguments, prepare steps.
#pragma once
#include "compiler/memory/stages.h"
#include "compiler/pipelines/pipeline.h"

namespace llc::compiler {

struct ProgramLayout {
  Manifest manifest;                         // without scratchBytes and levels, which code generation finds out
  std::vector<PrepareStep> prepare;          // one per manifest.parameters
  llvm::StringMap<int64_t> parameterNumber;  // of llm.parameter symbols that entries use
  std::map<int64_t, int64_t> cacheNumber;    // layer -> number
};
// Errors: parameters of types that artifacts can't hold, entries with unknown arguments.
Result<ProgramLayout> layoutOf(mlir::ModuleOp scheduled);

}  // namespace llc::compiler
