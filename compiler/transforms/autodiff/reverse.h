// Reverse mode over functions (Griewank and Walther, Evaluating Derivatives, 2008, chapters 3 and 12). A function that
// is called gets one forward and one backward function, whoever calls it; no op is named: adjoints come from
// Differentiable, calls from CallOpInterface.
#pragma once
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "compiler/transforms/autodiff/saving.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/SymbolTable.h"

namespace llc::compiler {

// A function's derivative for one choice of active arguments (those that depend on a parameter).
struct Derivative {
  mlir::func::FuncOp forward;        // (arguments) -> (results, saved...); the function itself if nothing is saved
  mlir::func::FuncOp backward;       // (some arguments, saved..., cotangents) -> gradients; null if no result is active
  unsigned results = 0;              // of the function itself; the forward's others are saved
  std::vector<unsigned> arguments;   // those that backward takes
  std::vector<unsigned> cotangents;  // active results: backward takes one gradient for each
  std::vector<unsigned> gradients;   // active arguments: backward returns one gradient for each
};

// What the calls of a function that is differentiated save: the first `early` one thing, those after them another.
struct Savings {
  Saving early, late;
  size_t earlyCalls = 0;
};

class Derivatives {
 public:
  Derivatives(mlir::ModuleOp module, Savings savings) : symbols_(module), savings_(std::move(savings)) {}

  // The derivative of a called function, for one of `savings`; added to the module on the first request. Null after an
  // error was reported.
  const Derivative *of(mlir::func::FuncOp function, const std::vector<bool> &active, const Saving &saving);
  // A parameter that gets no gradient.
  bool isFrozen(mlir::StringAttr parameter) const;
  // Adds @NAME_and_gradients: the arguments and results of `function`, then one gradient per parameter that it reads,
  // in order of first reading (result attribute llm.gradient: its name). Result 0 is the loss, one float.
  llvm::LogicalResult differentiate(mlir::func::FuncOp function);

  // For the next call of the function that is differentiated.
  const Saving &savingOfNextCall() { return calls_++ < savings_.earlyCalls ? savings_.early : savings_.late; }
  size_t calls() const { return calls_; }
  // Of all of its calls, what they save.
  void noteSaved(mlir::ValueRange values);
  double savedBytes() const { return savedBytes_; }

 private:
  mlir::func::FuncOp add(mlir::func::FuncOp after, llvm::StringRef name, mlir::TypeRange arguments);
  llvm::LogicalResult derive(mlir::func::FuncOp function, mlir::func::FuncOp scratch, const std::vector<bool> &active,
                             const Saving &saving, Derivative &derivative);

  mlir::SymbolTable symbols_;
  Savings savings_;
  size_t calls_ = 0;
  double savedBytes_ = 0;
  std::map<std::tuple<mlir::Operation *, std::vector<bool>, const Saving *>, std::unique_ptr<Derivative>> known_;
  std::set<mlir::Operation *> inProgress_;
};

}  // namespace llc::compiler
