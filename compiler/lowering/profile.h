// Profiling: code that writes down when each chunk of each stage ran (llc_profile_log of runtime/abi/llc_abi.h), and
// the table of what the stages are. Without profiling nothing of this is emitted.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "compiler/lowering/team.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "runtime/abi/stage_table.h"

namespace llc::compiler {

// "layers.3.self_attn" of a location that carries the model's names: the outermost one. Empty: it carries none.
std::string placeName(mlir::Location);

// The stages of a program while its functions are lowered, callees first. A function numbers its stages from 0, those
// of the blocks it calls included; an entry adds the number of stages of the entries before it.
class StageTable {
 public:
  // What to add to the numbers of this entry; 0 for functions that are no entries (blocks are told by their caller).
  int64_t begin(mlir::func::FuncOp function);
  // The number of a new stage of `function`, or of the first of the stages of a called block.
  int64_t addStage(mlir::func::FuncOp function, mlir::Operation *op, const std::string &kernel);
  int64_t addCall(mlir::func::FuncOp function, mlir::func::CallOp call);
  // A second stage of an op whose work the first one counts.
  int64_t addSecondStage(mlir::func::FuncOp function, mlir::Operation *op, const std::string &kernel);
  int64_t size(mlir::func::FuncOp function) const;
  std::vector<StageSpec> take();

 private:
  std::map<std::string, std::vector<StageSpec>> functions_;
  std::vector<std::string> entries_;
};

// Ticks of the processor's constant-rate counter.
mlir::Value emitTicks(kernels::Emitter &);
// An event from `begin` until now of this thread.
void emitStageEvent(kernels::Emitter &, const TeamValues &, mlir::Value stage, mlir::Value begin);
// The same for the barrier behind `stage`. A single thread never waits and writes nothing down.
void emitWaitEvent(kernels::Emitter &, const TeamValues &, mlir::Value stage, mlir::Value begin);

}  // namespace llc::compiler
