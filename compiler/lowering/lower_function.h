// One function of a scheduled module as code: its stages in groups, calls, and where each value lies.
#pragma once
#include "compiler/lowering/kernel_choice.h"
#include "compiler/lowering/kernel_uses.h"
#include "compiler/lowering/profile.h"
#include "compiler/lowering/program_layout.h"
#include "compiler/lowering/team.h"

namespace llc::compiler {

// What all functions of a program share while it is lowered.
struct ProgramLowering {
  kernels::Emitter &emitter;
  const ProgramLayout &layout;
  Bounds bounds;
  int64_t scratchBytes = 0;      // of kernels; grows
  int64_t replicaBytes = 0;      // behind it, for stages that every thread computes for itself
  StageTable *stages = nullptr;  // set: code for profiling
  std::vector<KernelUse> uses;   // of kernels, function by function, in the order of stages
};

// Emits the code of `source` at the end of the emitter's module. Callees must be there already.
Status lowerFunction(ProgramLowering &, mlir::func::FuncOp source);

}  // namespace llc::compiler
