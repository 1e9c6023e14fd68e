// Shared by the derive*.cpp files: running a program over any kind of value.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "dialect/interfaces/derive.h"
#include "dialect/interfaces/index.h"

namespace llc::llm::derive {

template <class T>
using Scope = std::map<std::string, T>;

std::vector<std::string> splitNames(const char *names);
// Operands by their names and by their positions ("0", "1", ...), so that signatures and programs read the same scope.
template <class T, class Range>
Scope<T> bindOperands(const std::vector<std::string> &names, Range &&operands) {
  Scope<T> scope;
  size_t position = 0;
  for (auto &&operand : operands) {
    if (position < names.size()) scope.insert({names[position], operand});
    scope.insert({std::to_string(position), operand});
    ++position;
  }
  return scope;
}

// Abstract interpretation of a program over T = shape, tensor or IR value: expands `*` per statement and calls
// step(concrete statement, operands) -> Result<T>.
template <class T, class ShapeOf, class Step>
Status runProgram(const index::Program &program, Scope<T> &scope, ShapeOf shapeOf, Step step) {
  for (const index::Statement &statement : program.statements) {
    std::vector<T> operands;
    std::vector<Shape> shapes;
    for (const std::string &name : statement.inputNames) {
      auto found = scope.find(name);
      if (found == scope.end())
        return diagnose(ErrorKind::invalidInput, "`" + statement.signature() + "`")
            .says("there is no value " + name)
            .toFix("use the names of operands and of earlier statements");
      operands.push_back(found->second);
      shapes.push_back(shapeOf(found->second));
    }
    LLC_ASSIGN(index::Statement concrete, index::instantiate(statement, shapes));
    LLC_ASSIGN(T value, step(concrete, operands));
    scope[statement.name] = std::move(value);
  }
  return llc::success();
}

// Program of the given texts under the given attributes; `resultName` names a signature's result.
Result<index::Program> programOf(const MeaningText &text, mlir::DictionaryAttr attributes);
// A text of several statements with attributes bound.
Result<index::Program> boundProgram(llvm::StringRef text, mlir::DictionaryAttr attributes);

// Emits the program's statements as ops. Names in `known` are not computed again; `types` gives the types of named
// values, other temporaries are at least f32. Appends what was emitted to `steps`.
struct EmittedStep {
  index::Statement statement;  // concrete
  std::vector<mlir::Value> operands;
  mlir::Value value;
};
Status emitProgram(const index::Program &program, mlir::OpBuilder &builder, mlir::Operation *op,
                   Scope<mlir::Value> &scope, const Scope<mlir::Value> &known,
                   const Scope<mlir::RankedTensorType> &types, std::vector<EmittedStep> &steps);

}  // namespace llc::llm::derive
