// One function run forwards and backwards in one block: what every derivative is cut from.
#pragma once
#include <string>
#include <vector>

#include "compiler/transforms/autodiff/reverse.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SetVector.h"
#include "mlir/IR/IRMapping.h"

namespace llc::compiler {

class Tape {
 public:
  // Appends to `block`, whose first arguments stand for those of `source`. `saving`: of the functions that it calls;
  // null: `source` is the one that is differentiated, and each of its calls has its own.
  Tape(Derivatives &derivatives, mlir::func::FuncOp source, mlir::Block *block, const Saving *saving);

  // Clones the function's ops; active calls go to forward functions. `mayReadParameters`: entries.
  llvm::LogicalResult forward(const std::vector<bool> &active, bool mayReadParameters);
  // Emits the adjoints of what is active, last op first.
  llvm::LogicalResult backward();
  // Removes adjoints that nothing reads; call when the block has its terminator.
  void removeDeadAdjoints();

  void addGradient(mlir::Value value, mlir::Value gradient);
  mlir::Value gradientOf(mlir::Value value);  // zeros where nothing flows back
  bool isActive(mlir::Value value) const { return active_.contains(value); }

  llvm::ArrayRef<mlir::Value> results() const { return results_; }
  llvm::MapVector<mlir::StringAttr, mlir::Value> &parameters() { return parameters_; }  // by name, as first read
  bool callsForwards() const { return callsForwards_; }  // some call goes to another function than in the source
  mlir::Operation *lastForward() const { return lastForward_; }  // null: there is none
  mlir::OpBuilder &builder() { return builder_; }

 private:
  struct Step {
    mlir::Operation *op;
    const Derivative *callee;  // of calls
  };
  llvm::LogicalResult cloneCall(mlir::CallOpInterface call, mlir::IRMapping &mapping);
  llvm::LogicalResult noteParameter(mlir::Operation *op, mlir::StringAttr name, bool allowed);
  llvm::LogicalResult adjoint(const Step &step);
  void callAdjoint(const Step &step);

  Derivatives &derivatives_;
  mlir::func::FuncOp source_;
  mlir::Block *block_;
  const Saving *saving_;
  mlir::OpBuilder builder_;
  std::vector<Step> steps_;
  llvm::SmallVector<mlir::Value> results_;
  llvm::DenseSet<mlir::Value> active_;
  llvm::DenseMap<mlir::Value, mlir::Value> sums_;
  llvm::MapVector<mlir::StringAttr, mlir::Value> parameters_;
  llvm::DenseMap<mlir::Value, mlir::StringAttr> parameterOf_;
  mlir::Operation *lastForward_ = nullptr;
  bool callsForwards_ = false;
};

}  // namespace llc::compiler
