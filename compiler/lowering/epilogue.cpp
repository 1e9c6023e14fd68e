#include "compiler/lowering/epilogue.h"

#include <algorithm>

#include "dialect/interfaces/interfaces.h"

namespace llc::compiler {
using namespace mlir;

bool isPlainF32(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  return tensor && tensor.getElementType().isF32() && !tensor.getEncoding();
}

namespace {
std::optional<std::string> readingOf(const std::string &input, const std::string &output) {
  if (input == output) return readsMatrix;
  if (input == output.substr(1)) return readsColumns;
  if (input == output.substr(0, 1)) return readsRows;
  return std::nullopt;
}

// Extents and positions would need the loop's numbers, attributes are bound already.
bool onlyOperandsAndNumbers(const index::ExprPtr &body) {
  bool fine = true;
  index::walk(body, [&](const index::Expr &node) {
    fine &= node.kind == index::Expr::Number || node.kind == index::Expr::Operand || node.kind == index::Expr::Call;
  });
  return fine;
}
}  // namespace

std::optional<ElementwiseOp> asElementwise(Operation *op) {
  if (op->getNumResults() != 1 || op->getNumOperands() == 0 || !llm::derive::hasProgram(op)) return std::nullopt;
  auto result = dyn_cast<RankedTensorType>(op->getResult(0).getType());
  if (!result || result.getRank() != 2 || !isPlainF32(result)) return std::nullopt;
  auto statements = llm::derive::concreteStatements(op);
  if (!statements.ok() || statements->size() != 1) return std::nullopt;
  const index::Statement &statement = statements->front();
  bool plain = statement.output.size() == 2 && index::isIndexLetter(statement.output[0]) &&
               index::isIndexLetter(statement.output[1]) && statement.output[0] != statement.output[1];
  if (!plain || !statement.combiner.empty() || !onlyOperandsAndNumbers(statement.body)) return std::nullopt;
  // The statement's operands are reads; map them to the op's operands.
  auto names = llm::derive::operandNames(op);
  ElementwiseOp elementwise{statement.body, std::vector<std::string>(op->getNumOperands())};
  std::vector<int> operandOf;
  for (size_t i = 0; i < statement.inputs.size(); ++i) {
    auto reading = readingOf(statement.inputs[i], statement.output);
    auto name = std::find(names.begin(), names.end(), statement.inputNames[i]);
    auto number = static_cast<size_t>(name - names.begin());
    if (!reading || number >= op->getNumOperands() || !isPlainF32(op->getOperand(number).getType()))
      return std::nullopt;
    if (!elementwise.reads[number].empty() && elementwise.reads[number] != *reading) return std::nullopt;
    elementwise.reads[number] = *reading;
    operandOf.push_back(static_cast<int>(number));
  }
  for (const std::string &reading : elementwise.reads)
    if (reading.empty()) return std::nullopt;  // an operand that only lends its shape
  elementwise.body = index::rewrite(statement.body, [&](const index::ExprPtr &node) -> index::ExprPtr {
    return node->kind == index::Expr::Operand ? index::operand(operandOf[node->operand]) : nullptr;
  });
  return elementwise;
}

void Epilogue::addProduct(Value result) { expressions_[result] = index::operand(static_cast<int>(products_++)); }

index::ExprPtr Epilogue::expressionOf(Value value) const { return expressions_.lookup(value); }

bool Epilogue::add(Operation *op) {
  auto elementwise = asElementwise(op);
  if (!elementwise) return false;
  std::vector<index::ExprPtr> values;
  for (auto [i, value] : llvm::enumerate(op->getOperands())) {
    index::ExprPtr &expression = expressions_[value];
    auto argument = dyn_cast<BlockArgument>(value);
    if (!argument && (!expression || elementwise->reads[i] != readsMatrix)) return false;
    if (!expression) {
      expression = index::operand(static_cast<int>(products_ + readings_.size()));
      readings_.push_back(elementwise->reads[i]);
      operands_.push_back(stage_->getOperand(argument.getArgNumber()));
    } else if (argument && readings_[static_cast<size_t>(expression->operand) - products_] != elementwise->reads[i]) {
      return false;
    }
    values.push_back(expression);
  }
  expressions_[op->getResult(0)] = index::rewrite(elementwise->body, [&](const index::ExprPtr &node) -> index::ExprPtr {
    return node->kind == index::Expr::Operand ? values[static_cast<size_t>(node->operand)] : nullptr;
  });
  return true;
}

}  // namespace llc::compiler
