#include "compiler/lowering/lower_program.h"

#include "compiler/lowering/lower_function.h"
#include "compiler/memory/frames.h"

namespace llc::compiler {
using namespace mlir;

Result<LoweredProgram> lowerProgram(ModuleOp scheduled, const ProgramLayout &layout, const Target &target,
                                    bool profile) {
  LLC_ASSIGN(Bounds bounds, boundsOf(scheduled));
  LLC_ASSIGN(std::vector<func::FuncOp> functions, compiledFunctions(scheduled));
  LoweredProgram lowered;
  lowered.module = ModuleOp::create(scheduled.getLoc());
  kernels::Emitter emitter(*lowered.module, target);
  ProgramLowering program{emitter, layout, bounds};
  StageTable stages;
  if (profile) program.stages = &stages;
  for (func::FuncOp function : functions) LLC_TRY(lowerFunction(program, function));
  lowered.scratchBytes = (program.scratchBytes + 63) / 64 * 64 + program.replicaBytes;
  lowered.uses = std::move(program.uses);
  lowered.stages = stages.take();
  return lowered;
}

}  // namespace llc::compiler
