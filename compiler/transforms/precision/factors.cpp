#include "compiler/transforms/precision/factors.h"

#include "compiler/memory/stages.h"
#include "dialect/interfaces/interfaces.h"
#include "mlir/IR/Diagnostics.h"

namespace llc::compiler {
using namespace mlir;
namespace {

// The operands of a product of operands and numbers; false if the expression is another one.
bool collectFactors(const index::Expr &body, llvm::SmallVectorImpl<int> &operands) {
  if (body.kind == index::Expr::Number) return true;
  if (body.kind == index::Expr::Operand) {
    operands.push_back(body.operand);
    return true;
  }
  return body.kind == index::Expr::Call && body.function->name == "mul" &&
         llvm::all_of(body.arguments, [&](const index::ExprPtr &part) { return collectFactors(*part, operands); });
}

// The two inputs of a statement that multiplies matrices.
std::optional<std::pair<int, int>> factorsOf(const index::Statement &statement) {
  llvm::SmallVector<int> operands;
  if (statement.combiner != "sum" || !collectFactors(*statement.body, operands)) return std::nullopt;
  if (operands.size() != 2 || operands[0] == operands[1]) return std::nullopt;
  StringRef a = statement.inputs[size_t(operands[0])], b = statement.inputs[size_t(operands[1])], y = statement.output;
  auto some = [](StringRef text, auto condition) {
    return llvm::any_of(text, [&](char c) { return index::isIndexLetter(c) && condition(c); });
  };
  bool rows = some(y, [&](char c) { return a.contains(c) && !b.contains(c); });
  bool columns = some(y, [&](char c) { return b.contains(c) && !a.contains(c); });
  bool steps = some(a, [&](char c) { return b.contains(c) && !y.contains(c); });
  if (!rows || !columns || !steps) return std::nullopt;
  return std::pair(operands[0], operands[1]);
}

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
    auto factors = factorsOf(statement);
    for (auto [place, input] : llvm::enumerate(statement.inputNames)) {
      auto operand = size_t(llvm::find(names, input) - names.begin());
      if (operand >= names.size()) continue;  // a value that the program computes
      bool isFactor = factors && (int(place) == factors->first || int(place) == factors->second);
      (isFactor ? readings.factor : readings.other)[operand] = true;
    }
  }
}

// Reads the op's decomposition, which does not stay.
void readDecomposition(Operation *op, Readings &readings) {
  ScopedDiagnosticHandler silent(op->getContext(), [](Diagnostic &) { return mlir::success(); });
  OpBuilder builder(op);
  Operation *before = op->getPrevNode();
  llvm::SmallVector<Value> results;
  if (failed(cast<llm::Decomposable>(op).decompose(builder, results))) return;
  llvm::SmallVector<Operation *> parts;
  for (Operation *part = before ? before->getNextNode() : &op->getBlock()->front(); part != op;
       part = part->getNextNode())
    parts.push_back(part);
  for (Operation *part : parts) {
    if (stageKind(part) == StageKind::alias) continue;
    llvm::SmallVector<OpOperand *> factors = matrixFactors(part);
    for (OpOperand &operand : part->getOpOperands())
      for (OpOperand &outer : op->getOpOperands())
        if (memoryOf(operand.get()) == memoryOf(outer.get()))
          (llvm::is_contained(factors, &operand) ? readings.factor : readings.other)[outer.getOperandNumber()] = true;
  }
  for (Operation *part : llvm::reverse(parts)) part->erase();
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
