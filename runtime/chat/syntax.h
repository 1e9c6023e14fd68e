// The syntax tree of a template. Every node knows how to run itself.
#pragma once
#include <memory>

#include "runtime/chat/interpreter.h"

namespace llc::chat {

// How a list of statements ended: at its end, or by `break` or `continue` in a loop around it.
enum class Flow { on, leaves, repeats };

struct Expression {
  int line = 0;
  virtual ~Expression() = default;
  virtual Result<Value> evaluate(Interpreter &run) const = 0;
};
using ExpressionPtr = std::unique_ptr<Expression>;

struct Statement {
  int line = 0;
  virtual ~Statement() = default;
  virtual Result<Flow> render(Interpreter &run) const = 0;
};
using Statements = std::vector<std::unique_ptr<Statement>>;

// ---- expressions
// ------------------------------------------------------------------------------------------------------
struct Constant : Expression {
  Value value;
  Result<Value> evaluate(Interpreter &) const override { return value; }
};
struct Name : Expression {
  std::string name;
  Result<Value> evaluate(Interpreter &run) const override;
};
struct Sequence : Expression {  // [a, b] or (a, b)
  std::vector<ExpressionPtr> items;
  Flavour flavour = Flavour::list;
  Result<Value> evaluate(Interpreter &run) const override;
};
struct Dictionary : Expression {
  std::vector<std::pair<ExpressionPtr, ExpressionPtr>> entries;
  Result<Value> evaluate(Interpreter &run) const override;
};
struct Attribute : Expression {  // object.name
  ExpressionPtr object;
  std::string name;
  Result<Value> evaluate(Interpreter &run) const override;
};
struct Subscript : Expression {  // object[index]
  ExpressionPtr object, index;
  Result<Value> evaluate(Interpreter &run) const override;
};
struct Slice : Expression {  // object[from:to:step]
  ExpressionPtr object, from, to, step;
  Result<Value> evaluate(Interpreter &run) const override;
};
struct Unary : Expression {  // -, +, not
  std::string op;
  ExpressionPtr operand;
  Result<Value> evaluate(Interpreter &run) const override;
};
struct Binary : Expression {  // arithmetic, ~, and, or
  std::string op;
  ExpressionPtr left, right;
  Result<Value> evaluate(Interpreter &run) const override;
};
struct Comparison : Expression {  // a < b <= c
  ExpressionPtr first;
  std::vector<std::pair<std::string, ExpressionPtr>> rest;
  Result<Value> evaluate(Interpreter &run) const override;
};
struct Conditional : Expression {  // a if condition else b
  ExpressionPtr condition, yes, no;
  Result<Value> evaluate(Interpreter &run) const override;
};
struct CallArguments {
  std::vector<ExpressionPtr> positional;
  std::vector<std::pair<std::string, ExpressionPtr>> named;
  ExpressionPtr list, dictionary;  // *list, **dictionary
  Result<Arguments> evaluate(Interpreter &run) const;
};
struct Call : Expression {
  ExpressionPtr function;
  CallArguments arguments;
  Result<Value> evaluate(Interpreter &run) const override;
};
struct Filter : Expression {  // operand|name(arguments)
  std::string name;
  ExpressionPtr operand;
  CallArguments arguments;
  Result<Value> evaluate(Interpreter &run) const override;
  // Upon the text of a block: the first filter of such a chain has no operand.
  Result<Value> apply(Interpreter &run, Value value) const;
};
struct Test : Expression {  // operand is [not] name(arguments)
  std::string name;
  bool negated = false;
  ExpressionPtr operand;
  CallArguments arguments;
  Result<Value> evaluate(Interpreter &run) const override;
};

// What `set` and `for` assign to: names; `attribute`: of a namespace.
struct Target {
  std::vector<std::string> names;
  std::string attribute;
  bool tuple = false;
};
Status assign(Interpreter &run, const Target &target, Value value);

// ---- statements
// -------------------------------------------------------------------------------------------------------
struct Data : Statement {
  std::string text;
  Result<Flow> render(Interpreter &run) const override;
};
struct Output : Statement {
  ExpressionPtr value;
  Result<Flow> render(Interpreter &run) const override;
};
struct If : Statement {
  std::vector<std::pair<ExpressionPtr, Statements>> branches;  // no condition: else
  Result<Flow> render(Interpreter &run) const override;
};
struct For : Statement {
  Target target;
  ExpressionPtr sequence, condition;
  Statements body, otherwise;
  Result<Flow> render(Interpreter &run) const override;
};
struct Jump : Statement {
  Flow flow;
  Result<Flow> render(Interpreter &) const override { return flow; }
};
struct Set : Statement {
  Target target;
  ExpressionPtr value;
  Result<Flow> render(Interpreter &run) const override;
};
struct SetBlock : Statement {
  Target target;
  ExpressionPtr filters;  // may be null
  Statements body;
  Result<Flow> render(Interpreter &run) const override;
};
struct Signature {
  std::vector<std::pair<std::string, ExpressionPtr>> parameters;  // with defaults, or null
  bool varargs = false, kwargs = false;                           // whether the body takes more, by these names
};
struct Macro : Statement {
  std::string name;
  Signature signature;
  Statements body;
  Result<Flow> render(Interpreter &run) const override;
};
struct CallBlock : Statement {  // {% call(parameters) macro() %}: the macro finds the body as caller()
  ExpressionPtr call;
  Signature signature;
  Statements body;
  Result<Flow> render(Interpreter &run) const override;
};
struct FilterBlock : Statement {
  ExpressionPtr filters;
  Statements body;
  Result<Flow> render(Interpreter &run) const override;
};
struct With : Statement {
  std::vector<std::pair<Target, ExpressionPtr>> values;
  Statements body;
  Result<Flow> render(Interpreter &run) const override;
};
struct Generation : Statement {  // what the assistant said: {% generation %}
  Statements body;
  Result<Flow> render(Interpreter &run) const override;
};

// Runs until a jump. Errors name the line.
Result<Flow> renderAll(Interpreter &run, const Statements &statements);
// evaluate(), with the line in errors, limits counted, and values that nest too deep refused.
Result<Value> evaluate(Interpreter &run, const Expression &expression);

}  // namespace llc::chat
