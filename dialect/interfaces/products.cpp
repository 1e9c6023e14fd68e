#include "dialect/interfaces/products.h"

#include "dialect/interfaces/interfaces.h"
#include "mlir/IR/Diagnostics.h"

namespace llc::llm {
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
}  // namespace

std::optional<MatrixProduct> matrixProductOf(const index::Statement &statement) {
  llvm::SmallVector<int> operands;
  if (statement.combiner != "sum" || !collectFactors(*statement.body, operands)) return std::nullopt;
  if (operands.size() != 2 || operands[0] == operands[1]) return std::nullopt;
  llvm::StringRef a = statement.inputs[size_t(operands[0])], b = statement.inputs[size_t(operands[1])];
  llvm::StringRef y = statement.output;
  auto some = [](llvm::StringRef text, auto condition) {
    return llvm::any_of(text, [&](char c) { return index::isIndexLetter(c) && condition(c); });
  };
  bool rows = some(y, [&](char c) { return a.contains(c) && !b.contains(c); });
  bool columns = some(y, [&](char c) { return b.contains(c) && !a.contains(c); });
  bool steps = some(a, [&](char c) { return b.contains(c) && !y.contains(c); });
  if (!rows || !columns || !steps) return std::nullopt;
  bool batched = some(y, [&](char c) { return a.contains(c) && b.contains(c); });
  return MatrixProduct{operands[0], operands[1], batched};
}

void visitDecomposition(mlir::Operation *op, llvm::function_ref<void(llvm::ArrayRef<mlir::Operation *>)> visit) {
  auto decomposable = mlir::dyn_cast<Decomposable>(op);
  if (!decomposable) return;
  mlir::ScopedDiagnosticHandler silent(op->getContext(), [](mlir::Diagnostic &) { return mlir::success(); });
  mlir::OpBuilder builder(op);
  mlir::Operation *before = op->getPrevNode();
  llvm::SmallVector<mlir::Value> results;
  bool made = mlir::succeeded(decomposable.decompose(builder, results));
  llvm::SmallVector<mlir::Operation *> parts;
  for (mlir::Operation *part = before ? before->getNextNode() : &op->getBlock()->front(); part != op;
       part = part->getNextNode())
    parts.push_back(part);
  if (made) visit(parts);
  for (mlir::Operation *part : llvm::reverse(parts)) part->erase();
}

}  // namespace llc::llm
