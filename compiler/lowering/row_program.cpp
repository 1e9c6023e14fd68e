#include "compiler/lowering/row_program.h"

#include "compiler/lowering/static_rows.h"
#include "compiler/memory/stages.h"
#include "dialect/interfaces/interfaces.h"
#include "dialect/ops/llm.h"

namespace llc::compiler {
namespace {
using namespace mlir;
using index::ExprPtr;
using index::Statement;

constexpr char rowLetter = 't';

bool leadsDynamic(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  return tensor && tensor.getRank() > 0 && tensor.isDynamicDim(0);
}

std::string renameIndices(std::string_view indices, const std::map<char, char> &letters) {
  std::string text(indices);
  for (char &c : text)
    if (auto found = letters.find(c); found != letters.end()) c = found->second;
  return text;
}

std::set<char> lettersOf(const Statement &statement) {
  std::set<char> letters;
  auto add = [&](std::string_view indices) {
    for (char c : indices)
      if (index::isIndexLetter(c)) letters.insert(c);
  };
  add(statement.output);
  for (const std::string &input : statement.inputs) add(input);
  return letters;
}

// The letter of the rows in a statement of an op with dynamic rows: the first of any operand or result that has them.
char rowLetterOf(const Statement &statement, const std::map<std::string, bool> &dynamic) {
  for (size_t i = 0; i < statement.inputs.size(); ++i) {
    auto found = dynamic.find(statement.inputNames[i]);
    if (found == dynamic.end() || !found->second) continue;
    auto dimensions = index::dimensions(statement.inputs[i]);
    if (!dimensions.empty() && index::isIndexLetter(dimensions[0].letter)) return dimensions[0].letter;
  }
  return 0;
}

// Swaps the rows' letter to t; a t that means something else moves out of the way.
Statement withRowLetter(const Statement &statement, char row) {
  std::set<char> used = lettersOf(statement);
  std::map<char, char> letters;
  if (row == rowLetter) return statement;
  if (row) letters[row] = rowLetter;
  if (used.count(rowLetter)) {
    if (row) {
      letters[rowLetter] = row;
    } else {
      for (char c = 'a'; c <= 'z'; ++c)
        if (c != rowLetter && !used.count(c)) {
          letters[rowLetter] = c;
          break;
        }
    }
  }
  return renameLetters(statement, letters);
}

class Builder {
 public:
  Result<kernels::RowProgramSpec> build(Operation *op, llvm::SmallVectorImpl<unsigned> &operands) {
    auto fused = dyn_cast<llm::FusedOp>(op);
    for (OpOperand &operand : op->getOpOperands()) {
      Value inside = fused ? Value(fused.getBody().getArgument(operand.getOperandNumber())) : operand.get();
      LLC_ASSIGN(bool isNew, addInput(inside, op));
      if (isNew) operands.push_back(operand.getOperandNumber());
    }
    if (fused) {
      for (Operation &inner : fused.getBody().front().without_terminator()) {
        LLC_TRY(addStatements(&inner));
        for (Value result : inner.getResults()) LLC_TRY(declare(spec_.temporaries, names_[result], result.getType(), op));
      }
      for (auto [value, result] : llvm::zip(fused.getBody().front().getTerminator()->getOperands(), op->getResults()))
        LLC_TRY(declare(spec_.outputs, names_[value], result.getType(), op));
    } else {
      LLC_TRY(addStatements(op));
      for (Value result : op->getResults()) LLC_TRY(declare(spec_.outputs, names_[result], result.getType(), op));
    }
    findStaticRows(spec_);
    return std::move(spec_);
  }

  // As if the ops were the region of one llm.fused; every result counts as an output.
  Result<kernels::RowProgramSpec> build(ArrayRef<Operation *> ops) {
    llvm::SmallPtrSet<Operation *, 16> members(ops.begin(), ops.end());
    for (Operation *op : ops)
      for (Value operand : op->getOperands())
        if (!operand.getDefiningOp() || !members.count(operand.getDefiningOp())) LLC_TRY(addInput(operand, op));
    for (Operation *op : ops) {
      LLC_TRY(addStatements(op));
      for (Value result : op->getResults()) LLC_TRY(declare(spec_.outputs, names_[result], result.getType(), op));
    }
    findStaticRows(spec_);
    return std::move(spec_);
  }

 private:
  std::string nextName() { return "v" + std::to_string(count_++); }

  // Whether the operand is a tensor that was no input yet.
  Result<bool> addInput(Value value, Operation *op) {
    if (!isa<RankedTensorType>(value.getType())) return false;
    auto [name, isNew] = names_.try_emplace(value, nextName());
    if (isNew) LLC_TRY(declare(spec_.inputs, name->second, value.getType(), op));
    return bool(isNew);
  }

  static Status declare(std::vector<kernels::RowProgramSpec::Value> &list, const std::string &name, Type type,
                        Operation *op) {
    auto tensor = cast<RankedTensorType>(type);
    auto element = dtypeOf(tensor.getElementType());
    if (!element || llm::isPacked(type))
      return diagnose(ErrorKind::unsupported, modelName(op))
          .says("has an operand that loops can't read")
          .toFix("please report this with the model");
    kernels::RowProgramSpec::Value value{name, {}, *element};
    for (int64_t i = 0; i < tensor.getRank(); ++i)
      value.shape.push_back(tensor.isDynamicDim(i) ? -1 : tensor.getDimSize(i));
    list.push_back(std::move(value));
    return success();
  }

  // Statements of one op: its own names become values of the program.
  Status addStatements(Operation *op) {
    if (!llm::derive::hasProgram(op))
      return diagnose(ErrorKind::unsupported, modelName(op))
          .says("there is no code for " + op->getName().getStringRef().str())
          .toFix("run llm-decompose before, or give the op a program or a kernel");
    LLC_ASSIGN(std::vector<Statement> statements, llm::derive::concreteStatements(op));
    std::map<std::string, std::string> rename;
    std::map<std::string, bool> dynamic;
    auto operandNames = llm::derive::operandNames(op);
    for (size_t i = 0; i < op->getNumOperands() && i < operandNames.size(); ++i) {
      rename[operandNames[i]] = names_[op->getOperand(i)];
      dynamic[operandNames[i]] = leadsDynamic(op->getOperand(i).getType());
    }
    auto resultNames = llm::derive::resultNames(op);
    for (size_t i = 0; i < op->getNumResults(); ++i) rename[resultNames[i]] = names_[op->getResult(i)] = nextName();
    for (Statement &statement : statements) {
      if (statement.name.empty()) statement.name = resultNames.front();
      char row = rowLetterOf(statement, dynamic);
      dynamic[statement.name] =
          row && !statement.output.empty() && index::dimensions(statement.output)[0].letter == row;
      Statement renamed = withRowLetter(statement, row);
      for (std::string &input : renamed.inputNames) input = renamedTo(rename, input);
      renamed.name = renamedTo(rename, statement.name);
      spec_.statements.push_back(std::move(renamed));
    }
    return success();
  }

  const std::string &renamedTo(std::map<std::string, std::string> &rename, const std::string &name) {
    auto [found, isNew] = rename.try_emplace(name);
    if (isNew) found->second = nextName();  // a temporary of the op's program
    return found->second;
  }

  kernels::RowProgramSpec spec_;
  llvm::DenseMap<Value, std::string> names_;
  int count_ = 0;
};
}  // namespace

Statement renameLetters(const Statement &statement, const std::map<char, char> &letters) {
  Statement result = statement;
  result.output = renameIndices(statement.output, letters);
  for (std::string &input : result.inputs) input = renameIndices(input, letters);
  result.body = index::rewrite(statement.body, [&](const ExprPtr &node) -> ExprPtr {
    if (node->kind != index::Expr::Extent && node->kind != index::Expr::Position) return nullptr;
    auto found = letters.find(node->letter);
    if (found == letters.end()) return nullptr;
    auto copy = std::make_shared<index::Expr>(*node);
    copy->letter = found->second;
    return copy;
  });
  return result;
}

Result<kernels::RowProgramSpec> rowProgramOf(Operation *op, llvm::SmallVectorImpl<unsigned> &operands) {
  return Builder().build(op, operands);
}

bool workRowByRow(ArrayRef<Operation *> ops) {
  for (Operation *op : ops) {
    if (op->getNumResults() == 0 || !llm::derive::hasProgram(op)) return false;
    for (Value operand : op->getOperands())
      if (!isa<RankedTensorType>(operand.getType()) || llm::isPacked(operand.getType())) return false;
  }
  auto spec = Builder().build(ops);
  if (!spec.ok()) return false;
  bool dynamic = llvm::all_of(
      ops, [](Operation *op) { return llvm::all_of(op->getResultTypes(), [](Type type) { return leadsDynamic(type); }); });
  if (!dynamic && spec->rows < 0) return kernels::checkElementwise(*spec).ok();
  return kernels::checkRowProgram(*spec).ok();
}

bool worksRowByRow(Operation *op) { return workRowByRow(op); }

}  // namespace llc::compiler
