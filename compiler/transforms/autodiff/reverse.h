// Reverse mode over functions (Griewank and Walther, Evaluating Derivatives, 2008, chapters 3 and 12). A function that
// is called gets one forward and one backward function, whoever calls it; no op is named: adjoints come from
// Differentiable, calls from CallOpInterface.
#pragma once
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/SymbolTable.h"

namespace llc::compiler {

// What a called function hands from its forward to its backward pass. Both give the same gradients, bit for bit.
enum class Saving {
  everything,  // every value that backward reads: nothing is computed twice
  nothing,     // its arguments alone: backward computes the values again (gradient checkpointing, Chen et al. 2016)
};

// A function's derivative for one choice of active arguments (those that depend on a parameter).
struct Derivative {
  mlir::func::FuncOp forward;        // (arguments) -> (results, saved...); the function itself if nothing is saved
  mlir::func::FuncOp backward;       // (some arguments, saved..., cotangents) -> gradients; null if no result is active
  unsigned results = 0;              // of the function itself; the forward's others are saved
  std::vector<unsigned> arguments;   // those that backward takes
  std::vector<unsigned> cotangents;  // active results: backward takes one gradient for each
  std::vector<unsigned> gradients;   // active arguments: backward returns one gradient for each
};

class Derivatives {
 public:
  Derivatives(mlir::ModuleOp module, Saving saving) : symbols_(module), saving_(saving) {}

  // The derivative of a called function; added to the module on the first request. Null after an error was reported.
  const Derivative *of(mlir::func::FuncOp function, const std::vector<bool> &active);
  // A parameter that gets no gradient.
  bool isFrozen(mlir::StringAttr parameter) const;
  // Adds @NAME_and_gradients: the arguments and results of `function`, then one gradient per parameter that it reads,
  // in order of first reading (result attribute llm.gradient: its name). Result 0 is the loss, one float.
  llvm::LogicalResult differentiate(mlir::func::FuncOp function);

 private:
  mlir::func::FuncOp add(mlir::func::FuncOp after, llvm::StringRef name, mlir::TypeRange arguments);
  llvm::LogicalResult derive(mlir::func::FuncOp function, mlir::func::FuncOp scratch, const std::vector<bool> &active,
                             Derivative &derivative);

  mlir::SymbolTable symbols_;
  Saving saving_;
  std::map<std::pair<mlir::Operation *, std::vector<bool>>, std::unique_ptr<Derivative>> known_;
  std::set<mlir::Operation *> inProgress_;
};

}  // namespace llc::compiler
