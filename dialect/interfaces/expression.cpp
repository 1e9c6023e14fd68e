// Scalar expressions: building with simplification, printing, substitution, differentiation.
#include <cassert>
#include <charconv>
#include <cmath>

#include "dialect/interfaces/index.h"

namespace llc::index {
namespace {

ExprPtr make(Expr expr) { return std::make_shared<const Expr>(std::move(expr)); }
bool isNumber(const ExprPtr &expr, double value) { return expr->kind == Expr::Number && expr->number == value; }
bool isCall(const ExprPtr &expr, std::string_view function) {
  return expr->kind == Expr::Call && expr->function->name == function;
}

// All arguments are numbers: the value. nullptr otherwise.
ExprPtr foldConstants(const ScalarFunction &function, const std::vector<ExprPtr> &arguments) {
  double values[3] = {};
  for (size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i]->kind != Expr::Number) return nullptr;
    values[i] = arguments[i]->number;
  }
  return number(function.evaluate(values));
}

ExprPtr simplifyProduct(const ExprPtr &left, const ExprPtr &right) {
  if (isNumber(left, 0) || isNumber(right, 0)) return number(0);
  if (isNumber(left, 1)) return right;
  if (isNumber(right, 1)) return left;
  if (isNumber(right, -1)) return call("neg", {left});
  if (isNumber(left, -1)) return call("neg", {right});
  if (isCall(right, "div") && isNumber(right->arguments[0], 1)) return call("div", {left, right->arguments[1]});
  return nullptr;
}

// The identities that derivatives need to stay readable; nullptr if none applies.
ExprPtr simplify(std::string_view function, const std::vector<ExprPtr> &arguments) {
  if (function == "neg") return isCall(arguments[0], "neg") ? arguments[0]->arguments[0] : nullptr;
  if (arguments.size() != 2) return nullptr;
  const ExprPtr &left = arguments[0], &right = arguments[1];
  if (function == "mul") return simplifyProduct(left, right);
  if (function == "add") return isNumber(left, 0) ? right : isNumber(right, 0) ? left : nullptr;
  if (function == "sub") return isNumber(right, 0) ? left : isNumber(left, 0) ? call("neg", {right}) : nullptr;
  if (function == "div") return isNumber(left, 0) ? number(0) : isNumber(right, 1) ? left : nullptr;
  return nullptr;
}

// ---- printing: binding strength 1 (sum), 2 (product), 3 (sign), 4 (atom)
struct Printed {
  std::string text;
  int strength;
};

std::string enclosed(const Printed &part, int least) {
  return part.strength < least ? "(" + part.text + ")" : part.text;
}

std::string printNumber(double value) {
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  char buffer[32];
  auto end = std::to_chars(buffer, buffer + sizeof buffer, value);
  return std::string(buffer, end.ptr);
}

Printed printParts(const Expr &expr);

Printed printCall(const Expr &expr) {
  std::string_view name = expr.function->name;
  if (name == "neg") return {"-" + enclosed(printParts(*expr.arguments[0]), 3), 3};
  static constexpr std::pair<std::string_view, char> infix[] = {{"add", '+'}, {"sub", '-'}, {"mul", '*'}, {"div", '/'}};
  for (auto [function, symbol] : infix) {
    if (name != function) continue;
    int strength = symbol == '+' || symbol == '-' ? 1 : 2;
    return {enclosed(printParts(*expr.arguments[0]), strength) + symbol +
                enclosed(printParts(*expr.arguments[1]), strength + 1),
            strength};
  }
  std::string text = std::string(name) + "(";
  for (size_t i = 0; i < expr.arguments.size(); ++i) text += (i ? "," : "") + printParts(*expr.arguments[i]).text;
  return {text + ")", 4};
}

Printed printParts(const Expr &expr) {
  switch (expr.kind) {
    case Expr::Number:
      return {printNumber(expr.number), std::signbit(expr.number) ? 3 : 4};
    case Expr::Operand:
      return {expr.operand < 26 ? std::string(1, char('a' + expr.operand)) : "x" + std::to_string(expr.operand), 4};
    case Expr::Extent:
      return {std::string("#") + expr.letter, 4};
    case Expr::Position:
      return {std::string("@") + expr.letter, 4};
    case Expr::Attribute:
      return {"%" + expr.attribute, 4};
    case Expr::Call:
      return printCall(expr);
  }
  return {};
}

}  // namespace

ExprPtr number(double value) {
  Expr expr;
  expr.number = value;
  return make(std::move(expr));
}

ExprPtr operand(int position) {
  Expr expr;
  expr.kind = Expr::Operand;
  expr.operand = position;
  return make(std::move(expr));
}

ExprPtr call(std::string_view function, std::vector<ExprPtr> arguments) {
  const ScalarFunction *found = findScalar(function);
  assert(found && static_cast<int>(arguments.size()) == found->arity);
  if (ExprPtr folded = foldConstants(*found, arguments)) return folded;
  if (ExprPtr simpler = simplify(function, arguments)) return simpler;
  Expr expr;
  expr.kind = Expr::Call;
  expr.function = found;
  expr.arguments = std::move(arguments);
  return make(std::move(expr));
}

std::string print(const ExprPtr &expr) { return printParts(*expr).text; }

bool same(const ExprPtr &left, const ExprPtr &right) {
  if (left == right) return true;
  if (left->kind != right->kind || left->number != right->number || left->operand != right->operand ||
      left->letter != right->letter || left->attribute != right->attribute || left->function != right->function ||
      left->arguments.size() != right->arguments.size())
    return false;
  for (size_t i = 0; i < left->arguments.size(); ++i)
    if (!same(left->arguments[i], right->arguments[i])) return false;
  return true;
}

void walk(const ExprPtr &expr, const std::function<void(const Expr &)> &visit) {
  visit(*expr);
  for (const ExprPtr &argument : expr->arguments) walk(argument, visit);
}

int countCalls(const ExprPtr &expr) {
  int calls = 0;
  walk(expr, [&](const Expr &part) { calls += part.kind == Expr::Call; });
  return calls;
}

ExprPtr rewrite(const ExprPtr &expr, const std::function<ExprPtr(const ExprPtr &)> &replace) {
  if (ExprPtr replaced = replace(expr)) return replaced;
  if (expr->kind != Expr::Call) return expr;
  std::vector<ExprPtr> arguments;
  for (const ExprPtr &argument : expr->arguments) arguments.push_back(rewrite(argument, replace));
  return call(expr->function->name, std::move(arguments));
}

// Chain rule over the table's partials.
ExprPtr partial(const ExprPtr &expr, int position) {
  if (expr->kind == Expr::Operand) return number(expr->operand == position);
  if (expr->kind != Expr::Call) return number(0);
  ExprPtr total = number(0);
  for (int i = 0; i < expr->function->arity; ++i) {
    if (!expr->function->partials[i]) continue;
    ExprPtr inner = partial(expr->arguments[i], position);
    if (isNumber(inner, 0)) continue;
    Result<ExprPtr> outer = parseExpr(expr->function->partials[i]);
    assert(outer.ok() && "a partial in the scalar table does not parse");
    ExprPtr substituted = rewrite(*outer, [&](const ExprPtr &part) -> ExprPtr {
      return part->kind == Expr::Operand ? expr->arguments[part->operand] : nullptr;
    });
    total = call("add", {total, call("mul", {substituted, inner})});
  }
  return total;
}

}  // namespace llc::index
