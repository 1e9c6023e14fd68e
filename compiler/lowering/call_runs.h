// Calls of blocks as data. Calls that follow each other and differ in numbers alone (which parameters, which cache,
// which places of the frame) become one loop over a table of those numbers: code does not grow with a model's depth.
#pragma once
#include <vector>

#include "compiler/kernels/emitter.h"

namespace llc::compiler {

// What a call passes for one argument of its block.
struct CallArgument {
  enum class Kind {
    value,      // a value that code has already
    frame,      // a place in the caller's frame
    parameter,  // an element of the context's parameters
    cache,      // an element of the context's caches
    stage,      // profiling: the number of the callee's first stage, after the caller's own first
  };
  Kind kind = Kind::value;
  int64_t number = 0;  // frame, parameter, cache: bytes into it; stage: the number
  mlir::Value value = {};
};

struct PlannedCall {
  mlir::func::CallOp call;
  bool barrier = false;  // the team waits before it
  std::vector<CallArgument> arguments;
};

// `period` calls, `repeats` times.
struct CallRun {
  size_t period = 1, repeats = 1;
  size_t size() const { return period * repeats; }
};
// The longest run with which the calls begin.
CallRun firstRun(llvm::ArrayRef<PlannedCall> calls);

// The numbers of a run, in a constant of the module as far as they differ between its rounds.
class CallTable {
 public:
  CallTable(kernels::Emitter &, llvm::ArrayRef<PlannedCall> calls, const CallRun &);
  // The number of an argument of a call of the period, in this round.
  mlir::Value number(mlir::Value round, size_t call, size_t argument);

 private:
  kernels::Emitter &e_;
  llvm::ArrayRef<PlannedCall> calls_;
  mlir::Value table_;
  std::vector<std::vector<int64_t>> column_;  // by call and argument; -1: every round has the same number
  int64_t columns_ = 0;
};

}  // namespace llc::compiler
