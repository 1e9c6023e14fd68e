#include "compiler/transforms/precision/factors.h"

#include "compiler/memory/stages.h"
#include "dialect/interfaces/interfaces.h"
#include "dialect/interfaces/products.h"

namespace llc::compiler {
using namespace mlir;
namespace {

// Of each operand: whether it is read as a factor, and whether it is read in another way.
struct Readings {
  explicit Readings(Operation *op) : factor(op->getNumOperands()), other(op->getNumOperands()) {}
  llvm::SmallVector<bool> factor, other;
};

void readStatements(Operation *op, Readings &readings) {
  auto statements = llm::derive::concreteStatements(op);
  if (!statements.ok()) return;
  auto names = llm::derive::operandNames(op);
  for (const index::Statement &statement : *statements) {
    auto product = llm::matrixProductOf(statement);
    for (auto [place, input] : llvm::enumerate(statement.inputNames)) {
      auto operand = size_t(llvm::find(names, input) - names.begin());
      if (operand >= names.size()) continue;  // a value that the program computes
      bool isFactor = product && (int(place) == product->left || int(place) == product->right);
      (isFactor ? readings.factor : readings.other)[operand] = true;
    }
  }
}

void readDecomposition(Operation *op, Readings &readings) {
  llm::visitDecomposition(op, [&](llvm::ArrayRef<Operation *> parts) {
    for (Operation *part : parts) {
      if (stageKind(part) == StageKind::alias) continue;
      llvm::SmallVector<OpOperand *> factors = matrixFactors(part);
      for (OpOperand &operand : part->getOpOperands())
        for (OpOperand &outer : op->getOpOperands())
          if (memoryOf(operand.get()) == memoryOf(outer.get()))
            (llvm::is_contained(factors, &operand) ? readings.factor : readings.other)[outer.getOperandNumber()] = true;
    }
  });
}
}  // namespace

llvm::SmallVector<OpOperand *> matrixFactors(Operation *op) {
  llvm::SmallVector<OpOperand *> factors;
  if (!isa<llm::Decomposable>(op) || op->getNumOperands() < 2 || op->getNumRegions() > 0) return factors;
  Readings readings(op);
  if (llm::derive::hasProgram(op))
    readStatements(op, readings);
  else if (stageKind(op) == StageKind::kernel)
    readDecomposition(op, readings);
  for (OpOperand &operand : op->getOpOperands())
    if (readings.factor[operand.getOperandNumber()] && !readings.other[operand.getOperandNumber()])
      factors.push_back(&operand);
  return factors;
}

}  // namespace llc::compiler
