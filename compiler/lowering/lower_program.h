// From a scheduled module (tensors) to a module of code for one target (func + scf + arith + vector + llvm.ptr): phase
// `vector`. Entries become `void NAME(llc_context *, i64 thread, i64 threads)`; a block becomes one function that every
// layer calls, so code does not grow with depth.
#pragma once
#include "compiler/lowering/kernel_uses.h"
#include "compiler/lowering/program_layout.h"
#include "compiler/targets/target.h"
#include "runtime/abi/stage_table.h"

namespace llc::compiler {

struct LoweredProgram {
  mlir::OwningOpRef<mlir::ModuleOp> module;
  int64_t scratchBytes = 0;       // per thread, the most that any kernel needs
  std::vector<KernelUse> uses;    // function by function, in the order of stages
  std::vector<StageSpec> stages;  // with `profile`: what the numbers in its events mean
};
Result<LoweredProgram> lowerProgram(mlir::ModuleOp scheduled, const ProgramLayout &, const Target &,
                                    bool profile = false);

}  // namespace llc::compiler
