// The memory of a module whose stages are in order: which temporaries each function has, and where they were put.
#pragma once
#include <vector>

#include "compiler/memory/plan.h"
#include "compiler/memory/stages.h"

namespace llc::compiler {

// What lies in a temporary: a stage's result, its workspace, or the frame of a call's callee. Results that are written
// over an operand (in_place.h) lie in the operand's temporary.
struct FrameValue {
  mlir::Operation *op = nullptr;
  int result = 0;        // -1: the workspace, or the callee's frame
  size_t temporary = 0;  // number in plan.temporaries
};
struct Frame {
  FramePlan plan;
  std::vector<FrameValue> values;
};

// Functions that get code, callees before their callers. Error: recursion.
Result<std::vector<mlir::func::FuncOp>> compiledFunctions(mlir::ModuleOp);
// The temporaries of one function with their lifetimes (counted in groups of stages, see llm.barrier); callees must
// have llm.frame already. Offsets are those of llm.offset and llm.frame_offset where present.
Frame frameOf(mlir::func::FuncOp, const Bounds &);
// The plans of all functions of a planned module.
Result<std::vector<FramePlan>> describeMemory(mlir::ModuleOp);

}  // namespace llc::compiler
