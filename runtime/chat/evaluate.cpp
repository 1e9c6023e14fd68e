// What expressions of templates are worth.
#include "runtime/chat/syntax.h"

namespace llc::chat {

Result<Value> evaluate(Interpreter &run, const Expression &expression) {
  LLC_TRY(run.step());
  if (run.depth >= maxEvaluationDepth)
    return wrongAtLine(expression.line,
                       failed("calls and expressions nest too deep (does a macro call itself without end?)"));
  ++run.depth;
  Result<Value> result = expression.evaluate(run);
  --run.depth;
  if (!result) return wrongAtLine(expression.line, std::move(result.error()));
  if (result->depth() > maxDepth)
    return wrongAtLine(expression.line, failed("values nest deeper than " + std::to_string(maxDepth) + " levels"));
  return result;
}

Result<Value> Name::evaluate(Interpreter &run) const { return run.lookUp(name); }

Result<Value> Sequence::evaluate(Interpreter &run) const {
  std::vector<Value> values;
  for (auto &item : items) {
    LLC_ASSIGN(Value value, chat::evaluate(run, *item));
    values.push_back(std::move(value));
  }
  return Value::list(std::move(values), flavour);
}

Result<Value> Dictionary::evaluate(Interpreter &run) const {
  auto map = std::make_shared<Map>();
  for (auto &[key, item] : entries) {
    LLC_ASSIGN(Value name, chat::evaluate(run, *key));
    if (name.isMap() || (name.isList() && name.list().flavour != Flavour::tuple))
      return failed("a " + name.typeName() + " can't be a key");
    LLC_ASSIGN(Value value, chat::evaluate(run, *item));
    LLC_TRY(run.step(int64_t(map->entries.size()) / 16));
    map->set(name, std::move(value));
  }
  return Value(std::move(map));
}

Result<Value> Attribute::evaluate(Interpreter &run) const {
  LLC_ASSIGN(Value value, chat::evaluate(run, *object));
  return attributeOf(run, value, name);
}

Result<Value> Subscript::evaluate(Interpreter &run) const {
  LLC_ASSIGN(Value value, chat::evaluate(run, *object));
  LLC_ASSIGN(Value key, chat::evaluate(run, *index));
  return elementOf(run, value, key);
}

Result<Value> Slice::evaluate(Interpreter &run) const {
  LLC_ASSIGN(Value value, chat::evaluate(run, *object));
  Value bounds[3];
  const ExpressionPtr *parts[3] = {&from, &to, &step};
  for (int i = 0; i < 3; ++i)
    if (*parts[i]) {
      LLC_ASSIGN(bounds[i], chat::evaluate(run, **parts[i]));
    }
  return sliceOf(run, value, bounds[0], bounds[1], bounds[2]);
}

Result<Value> Unary::evaluate(Interpreter &run) const {
  LLC_ASSIGN(Value value, chat::evaluate(run, *operand));
  if (op == "not") return Value(!value.isTrue());
  if (value.isUndefined()) return failed(value.why());
  if (!value.isNumber()) return failed("bad operand type for unary " + op + ": '" + value.typeName() + "'");
  return op == "-" ? arithmetic(run, "-", Value(int64_t(0)), value) : Result<Value>(std::move(value));
}

Result<Value> Binary::evaluate(Interpreter &run) const {
  LLC_ASSIGN(Value first, chat::evaluate(run, *left));
  if (op == "and") return first.isTrue() ? chat::evaluate(run, *right) : Result<Value>(std::move(first));
  if (op == "or") return first.isTrue() ? Result<Value>(std::move(first)) : chat::evaluate(run, *right);
  LLC_ASSIGN(Value second, chat::evaluate(run, *right));
  return arithmetic(run, op, first, second);
}

namespace {
Result<bool> compare(Interpreter &run, const std::string &op, const Value &a, const Value &b) {
  if (op == "==") return equal(a, b);
  if (op == "!=") return !equal(a, b);
  if (op == "in") return contains(run, b, a);
  if (op == "not in") {
    LLC_ASSIGN(bool found, contains(run, b, a));
    return !found;
  }
  bool swapped = op[0] == '>', orEqual = op.size() == 2;
  LLC_ASSIGN(bool smaller, less(swapped ? b : a, swapped ? a : b));
  return smaller || (orEqual && equal(a, b));
}
}  // namespace

Result<Value> Comparison::evaluate(Interpreter &run) const {
  LLC_ASSIGN(Value left, chat::evaluate(run, *first));
  for (auto &[op, operand] : rest) {
    LLC_ASSIGN(Value right, chat::evaluate(run, *operand));
    LLC_ASSIGN(bool holds, compare(run, op, left, right));
    if (!holds) return Value(false);
    left = std::move(right);
  }
  return Value(true);
}

Result<Value> Conditional::evaluate(Interpreter &run) const {
  LLC_ASSIGN(Value chosen, chat::evaluate(run, *condition));
  if (chosen.isTrue()) return chat::evaluate(run, *yes);
  if (no) return chat::evaluate(run, *no);
  return Value::undefined("the inline if-expression evaluated to false and no else section was defined");
}

Result<Arguments> CallArguments::evaluate(Interpreter &run) const {
  Arguments arguments;
  for (auto &item : positional) {
    LLC_ASSIGN(Value value, chat::evaluate(run, *item));
    arguments.positional.push_back(std::move(value));
  }
  for (auto &[name, item] : named) {
    LLC_ASSIGN(Value value, chat::evaluate(run, *item));
    arguments.named.emplace_back(name, std::move(value));
  }
  if (list) {
    LLC_ASSIGN(Value more, chat::evaluate(run, *list));
    LLC_ASSIGN(std::vector<Value> elements, elementsOf(run, more));
    arguments.positional.insert(arguments.positional.end(), elements.begin(), elements.end());
  }
  if (dictionary) {
    LLC_ASSIGN(Value more, chat::evaluate(run, *dictionary));
    if (!more.isMap()) return failed("what follows ** is no dictionary");
    for (auto &[key, value] : more.map().entries) {
      if (!key.isString()) return failed("names of arguments must be strings");
      arguments.named.emplace_back(key.string(), value);
    }
  }
  return std::move(arguments);
}

Result<Value> Call::evaluate(Interpreter &run) const {
  LLC_ASSIGN(Value callee, chat::evaluate(run, *function));
  LLC_ASSIGN(Arguments values, arguments.evaluate(run));
  return call(run, callee, std::move(values));
}

Result<Value> Filter::evaluate(Interpreter &run) const {
  LLC_ASSIGN(Value value, chat::evaluate(run, *operand));
  LLC_ASSIGN(Arguments values, arguments.evaluate(run));
  return applyFilter(run, name, std::move(value), std::move(values));
}

Result<Value> Filter::apply(Interpreter &run, Value value) const {
  if (operand) {
    LLC_ASSIGN(value, static_cast<const Filter &>(*operand).apply(run, std::move(value)));
  }
  LLC_ASSIGN(Arguments values, arguments.evaluate(run));
  return applyFilter(run, name, std::move(value), std::move(values));
}

Result<Value> Test::evaluate(Interpreter &run) const {
  LLC_ASSIGN(Value value, chat::evaluate(run, *operand));
  LLC_ASSIGN(Arguments values, arguments.evaluate(run));
  LLC_ASSIGN(bool holds, applyTest(run, name, value, values));
  return Value(holds != negated);
}

}  // namespace llc::chat
