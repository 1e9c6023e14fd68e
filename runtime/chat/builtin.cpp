#include "runtime/chat/builtin.h"

#include "runtime/chat/text.h"

namespace llc::chat {

Result<Slots> Slots::of(const std::string &callee, const std::vector<const char *> &parameters,
                        const Arguments &arguments) {
  Slots slots;
  slots.callee_ = callee;
  slots.parameters_ = parameters;
  slots.given_.resize(parameters.size());
  if (arguments.positional.size() > parameters.size())
    return failed(fmt::format("{} takes at most {} arguments, {} were given", callee, parameters.size(),
                              arguments.positional.size()));
  for (size_t i = 0; i < arguments.positional.size(); ++i) slots.given_[i] = arguments.positional[i];
  for (auto &[name, value] : arguments.named) {
    auto found = std::find(parameters.begin(), parameters.end(), name);
    if (found == parameters.end()) return failed(callee + " has no argument '" + name + "'");
    slots.given_[size_t(found - parameters.begin())] = value;
  }
  return std::move(slots);
}

Result<int64_t> Slots::whole(size_t i, int64_t fallback) const {
  Value value = at(i);
  if (value.isNone()) return fallback;
  if (value.isInteger() || value.isBool()) return value.integer();
  return failed(fmt::format("'{}' of {} must be a whole number, not {}", parameters_[i], callee_, value.typeName()));
}

Result<std::string> Slots::text(size_t i, const std::string &fallback) const {
  Value value = at(i);
  if (value.isNone()) return fallback;
  if (value.isString()) return value.string();
  return failed(fmt::format("'{}' of {} must be a string, not {}", parameters_[i], callee_, value.typeName()));
}

Result<Value> callBuiltin(Interpreter &run, const std::string &name, const Builtin &builtin, const Value &value,
                          const Arguments &arguments) {
  Slots slots;
  if (!builtin.handsOn) {
    LLC_ASSIGN(slots, Slots::of(name, builtin.parameters, arguments));
  }
  LLC_ASSIGN(Value result, builtin.call(run, value, slots, arguments));
  if (result.isString()) LLC_TRY(run.spendText(result.string().size()));
  return std::move(result);
}

namespace {
Builtins allFilters() {
  Builtins table;
  addTextFilters(table);
  addSequenceFilters(table);
  addValueFilters(table);
  return table;
}
const Builtins &filters() {
  static const Builtins table = allFilters();
  return table;
}

Error unknown(const char *kind, const std::string &name, const std::vector<std::string> &known) {
  std::string near = nearestNames(name, known);
  return failed(fmt::format("no {} named '{}' is known", kind, name),
                near.empty() ? "mend the template" : "perhaps it should be " + near);
}
}  // namespace

Status checkFilter(const std::string &name) {
  if (filters().count(name)) return success();
  std::vector<std::string> known;
  for (auto &[each, builtin] : filters()) known.push_back(each);
  return unknown("filter", name, known);
}

Result<Value> applyFilter(Interpreter &run, const std::string &name, Value value, Arguments arguments) {
  LLC_TRY(checkFilter(name));
  return callBuiltin(run, name, filters().find(name)->second, value, arguments);
}

namespace {
using TestFunction = std::function<Result<bool>(Interpreter &, const Value &, const Value &)>;

bool isCased(const Value &value, bool up) {
  if (!value.isString()) return false;
  const std::string &text = value.string();
  return (up ? upper(text) : lower(text)) == text && (up ? lower(text) : upper(text)) != text;
}

TestFunction ordered(bool swapped, bool orEqual) {
  return [=](Interpreter &, const Value &a, const Value &b) -> Result<bool> {
    LLC_ASSIGN(bool smaller, less(swapped ? b : a, swapped ? a : b));
    return smaller || (orEqual && equal(a, b));
  };
}

Result<bool> leavesRest(const Value &value, const Value &divisor, int64_t rest) {
  if (!value.isInteger() || !divisor.isInteger() || divisor.integer() == 0)
    return failed("only whole numbers can be tested for what a division leaves");
  return ((value.integer() % divisor.integer()) + divisor.integer()) % divisor.integer() == rest;
}

bool isSequence(const Value &v) { return v.isString() || v.isSequence() || v.isDictionary() || v.isUndefined(); }

const std::map<std::string, TestFunction> &tests() {
  auto plain = [](bool (*holds)(const Value &)) -> TestFunction {
    return [holds](Interpreter &, const Value &value, const Value &) -> Result<bool> { return holds(value); };
  };
  auto equals = [](Interpreter &, const Value &a, const Value &b) -> Result<bool> { return equal(a, b); };
  auto differs = [](Interpreter &, const Value &a, const Value &b) -> Result<bool> { return !equal(a, b); };
  static const std::map<std::string, TestFunction> table = {
      {"defined", plain([](const Value &v) { return !v.isUndefined(); })},
      {"undefined", plain([](const Value &v) { return v.isUndefined(); })},
      {"none", plain([](const Value &v) { return v.isNone(); })},
      {"boolean", plain([](const Value &v) { return v.isBool(); })},
      {"true", plain([](const Value &v) { return v.isBool() && v.boolean(); })},
      {"false", plain([](const Value &v) { return v.isBool() && !v.boolean(); })},
      {"integer", plain([](const Value &v) { return v.isInteger(); })},
      {"float", plain([](const Value &v) { return v.isReal(); })},
      {"number", plain([](const Value &v) { return v.isNumber(); })},
      {"string", plain([](const Value &v) { return v.isString(); })},
      {"mapping", plain([](const Value &v) { return v.isDictionary(); })},
      {"sequence", plain(isSequence)},
      {"iterable", plain([](const Value &v) { return isSequence(v) || v.isList(); })},
      {"callable", plain([](const Value &v) { return v.isFunction(); })},
      {"escaped", plain([](const Value &) { return false; })},
      {"lower", plain([](const Value &v) { return isCased(v, false); })},
      {"upper", plain([](const Value &v) { return isCased(v, true); })},
      {"odd", [](Interpreter &, const Value &v, const Value &) { return leavesRest(v, Value(int64_t(2)), 1); }},
      {"even", [](Interpreter &, const Value &v, const Value &) { return leavesRest(v, Value(int64_t(2)), 0); }},
      {"divisibleby", [](Interpreter &, const Value &v, const Value &by) { return leavesRest(v, by, 0); }},
      {"in", [](Interpreter &run, const Value &v, const Value &in) { return contains(run, in, v); }},
      {"sameas", [](Interpreter &, const Value &v, const Value &other) -> Result<bool> { return v.isSame(other); }},
      {"filter", plain([](const Value &v) { return v.isString() && checkFilter(v.string()).ok(); })},
      {"test", plain([](const Value &v) { return v.isString() && checkTest(v.string()).ok(); })},
      {"eq", equals},
      {"equalto", equals},
      {"==", equals},
      {"ne", differs},
      {"!=", differs},
      {"lt", ordered(false, false)},
      {"lessthan", ordered(false, false)},
      {"<", ordered(false, false)},
      {"le", ordered(false, true)},
      {"<=", ordered(false, true)},
      {"gt", ordered(true, false)},
      {"greaterthan", ordered(true, false)},
      {">", ordered(true, false)},
      {"ge", ordered(true, true)},
      {">=", ordered(true, true)},
  };
  return table;
}

bool takesArgument(const std::string &test) {
  static const std::vector<std::string> words = {"divisibleby", "in",       "sameas", "eq", "equalto",     "ne",
                                                 "lt",          "lessthan", "le",     "gt", "greaterthan", "ge"};
  return !std::isalpha(static_cast<unsigned char>(test[0])) ||
         std::find(words.begin(), words.end(), test) != words.end();
}
}  // namespace

Status checkTest(const std::string &name) {
  if (tests().count(name)) return success();
  std::vector<std::string> known;
  for (auto &[each, function] : tests()) known.push_back(each);
  return unknown("test", name, known);
}

Result<bool> applyTest(Interpreter &run, const std::string &name, const Value &value, const Arguments &arguments) {
  LLC_TRY(checkTest(name));
  size_t wanted = takesArgument(name) ? 1 : 0;
  if (arguments.positional.size() != wanted || !arguments.named.empty())
    return failed(fmt::format("the test '{}' takes {} argument", name, wanted ? "one" : "no"));
  return tests().at(name)(run, value, wanted ? arguments.positional[0] : Value());
}

Result<Value> byPath(Interpreter &run, Value value, const Value &path) {
  if (path.isNone()) return std::move(value);
  if (!path.isString()) return elementOf(run, value, path);
  std::string_view rest = path.string();
  while (true) {
    size_t dot = rest.find('.');
    std::string part(rest.substr(0, dot));
    bool number = !part.empty() && part.size() < 10 && part.find_first_not_of("0123456789") == std::string::npos;
    LLC_ASSIGN(value, elementOf(run, value, number ? Value(int64_t(std::stol(part))) : Value(part)));
    if (dot == std::string_view::npos) return std::move(value);
    rest.remove_prefix(dot + 1);
  }
}

}  // namespace llc::chat
