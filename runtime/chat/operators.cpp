// + - * / // % ** ~ on values.
#include <cmath>

#include "runtime/chat/interpreter.h"
#include "runtime/chat/text.h"

namespace llc::chat {

namespace {
Error unsupported(const std::string &op, const Value &a, const Value &b) {
  if (op == "+" && a.isString()) return failed("can only concatenate str (not \"" + b.typeName() + "\") to str");
  return failed("unsupported operand type(s) for " + op + ": '" + a.typeName() + "' and '" + b.typeName() + "'");
}

Result<Value> power(int64_t base, int64_t exponent) {
  if (exponent < 0) return Value(std::pow(double(base), double(exponent)));
  int64_t result = 1;
  for (; exponent > 0; exponent >>= 1) {
    if ((exponent & 1) && __builtin_mul_overflow(result, base, &result)) return failed("a number grows too large");
    if (exponent > 1 && __builtin_mul_overflow(base, base, &base)) return failed("a number grows too large");
  }
  return Value(result);
}

Result<Value> wholeNumbers(const std::string &op, int64_t a, int64_t b) {
  int64_t result = 0;
  bool overflows = false;
  if (op == "+") overflows = __builtin_add_overflow(a, b, &result);
  if (op == "-") overflows = __builtin_sub_overflow(a, b, &result);
  if (op == "*") overflows = __builtin_mul_overflow(a, b, &result);
  if (op == "**") return power(a, b);
  if (op == "/" || op == "//" || op == "%") {
    if (b == 0) return failed("division by zero");
    if (op == "/") return Value(double(a) / double(b));
    if (a == INT64_MIN && b == -1) return failed("a number grows too large");
    bool down = a % b != 0 && (a < 0) != (b < 0);  // Python rounds down, C to zero
    result = op == "//" ? a / b - down : a % b + (down ? b : 0);
  }
  if (overflows) return failed("a number grows too large");
  return Value(result);
}

Result<Value> realNumbers(const std::string &op, double a, double b) {
  if (op == "+") return Value(a + b);
  if (op == "-") return Value(a - b);
  if (op == "*") return Value(a * b);
  if (op == "**") return Value(std::pow(a, b));
  if (b == 0) return failed("division by zero");
  if (op == "/") return Value(a / b);
  if (op == "//") return Value(std::floor(a / b));
  double rest = std::fmod(a, b);
  return Value(rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest);
}

Result<Value> repeated(Interpreter &run, const Value &value, int64_t count) {
  count = std::max<int64_t>(count, 0);
  size_t size = value.isString() ? value.string().size() : value.list().items.size();
  if (size > 0 && count > maxTextBytes / int64_t(size)) count = maxTextBytes / int64_t(size) + 1;
  if (value.isString()) {
    LLC_TRY(run.spendText(size * size_t(count)));
    std::string text;
    for (int64_t i = 0; size && i < count; ++i) text += value.string();
    return Value(std::move(text));
  }
  LLC_TRY(run.step(int64_t(size) * count));
  std::vector<Value> items;
  for (int64_t i = 0; size && i < count; ++i)
    items.insert(items.end(), value.list().items.begin(), value.list().items.end());
  return Value::list(std::move(items), value.list().flavour);
}

Result<Value> concatenated(Interpreter &run, const Value &a, const Value &b) {
  if (a.isString()) {
    LLC_TRY(run.spendText(a.string().size() + b.string().size()));
    if (!a.isMarkup() && !b.isMarkup()) return Value(a.string() + b.string());
    auto markupOf = [](const Value &value) { return value.isMarkup() ? value.string() : escaped(value.string()); };
    return Value::markup(markupOf(a) + markupOf(b));
  }
  LLC_TRY(run.step(int64_t(a.list().items.size() + b.list().items.size())));
  std::vector<Value> items = a.list().items;
  items.insert(items.end(), b.list().items.begin(), b.list().items.end());
  return Value::list(std::move(items), a.list().flavour);
}
}  // namespace

Result<Value> arithmetic(Interpreter &run, const std::string &op, const Value &a, const Value &b) {
  if (op == "~") {
    LLC_ASSIGN(std::string first, toText(a));
    LLC_ASSIGN(std::string second, toText(b));
    return concatenated(run, Value(std::move(first)), Value(std::move(second)));
  }
  if (a.isUndefined() || b.isUndefined()) return failed((a.isUndefined() ? a : b).why());
  if (a.isNumber() && b.isNumber())
    return a.isReal() || b.isReal() ? realNumbers(op, a.real(), b.real()) : wholeNumbers(op, a.integer(), b.integer());
  bool lists = a.isSequence() && b.isSequence() && a.list().flavour == b.list().flavour;
  if (op == "+" && ((a.isString() && b.isString()) || lists)) return concatenated(run, a, b);
  if (op == "*" && (b.isInteger() || b.isBool()) && (a.isString() || a.isSequence()))
    return repeated(run, a, b.integer());
  if (op == "*" && (a.isInteger() || a.isBool()) && (b.isString() || b.isSequence()))
    return repeated(run, b, a.integer());
  if (op == "%" && a.isString())
    return formatted(run, a.string(),
                     b.isList() && b.list().flavour == Flavour::tuple ? b.list().items : std::vector<Value>{b});
  return unsupported(op, a, b);
}

}  // namespace llc::chat
