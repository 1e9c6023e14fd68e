// The parser of the index notation: recursive descent over one statement or expression.
#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>

#include "dialect/interfaces/index.h"

namespace llc::index {
namespace {

constexpr int deepestNesting = 200;  // texts come from IR files: recursion must be bounded
constexpr int mostOperands = 4096;
constexpr int64_t largestCoefficient = int64_t{1} << 40;

std::string inBackticks(std::string_view text) { return "`" + std::string(text) + "`"; }

Error syntaxError(std::string_view text, size_t place, const std::string &what, const std::string &remedy) {
  std::string near = place < text.size() ? " at " + inBackticks(text.substr(place, 20)) : " at the end";
  return diagnose(ErrorKind::invalidInput, "index text " + inBackticks(text)).says(what + near).toFix(remedy);
}

class Parser {
 public:
  Parser(std::string_view text, Statement *statement) : text_(text), statement_(statement) {}

  Result<ExprPtr> wholeExpression() {
    LLC_ASSIGN(ExprPtr expr, sum());
    if (peek()) return error("text follows the expression", "separate statements by ';'");
    return expr;
  }

  // name[indices] = [combiner[letters]] expression
  Status wholeStatement() {
    statement_->name = identifier();
    LLC_ASSIGN(statement_->output, bracket());
    if (!eat('=')) return error("expected =", "write name[indices] = expression");
    std::string written;
    LLC_ASSIGN(bool reduces, combiner(written));
    LLC_ASSIGN(statement_->body, wholeExpression());
    std::string needed = statement_->reduced();
    std::string sortedNeeded = needed;
    std::sort(sortedNeeded.begin(), sortedNeeded.end());
    std::sort(written.begin(), written.end());
    if (reduces && written != sortedNeeded)
      return error("the reduced indices are [" + needed + "], written [" + written + "]", "write [" + needed + "]");
    if (!reduces && !needed.empty())
      return error("index " + needed + " of the operands is missing in the result",
                   "reduce it, as in sum[" + needed + "], or add it to the result");
    return success();
  }

 private:
  Error error(const std::string &what, const std::string &remedy) { return syntaxError(text_, place_, what, remedy); }
  char peek() {
    while (place_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[place_]))) ++place_;
    return place_ < text_.size() ? text_[place_] : '\0';
  }
  bool eat(char wanted) {
    if (peek() != wanted) return false;
    ++place_;
    return true;
  }
  std::string identifier() {
    peek();
    size_t start = place_;
    while (place_ < text_.size() && (std::isalnum(static_cast<unsigned char>(text_[place_])) || text_[place_] == '_'))
      ++place_;
    return std::string(text_.substr(start, place_ - start));
  }
  Result<std::string> bracket() {
    if (!eat('[')) return error("expected [indices]", "write the value's indices, as in x[ij]");
    size_t close = text_.find(']', place_);
    if (close == std::string_view::npos) return error("[ is not closed", "add ]");
    std::string indices;
    for (char c : text_.substr(place_, close - place_))
      if (!std::isspace(static_cast<unsigned char>(c))) indices += c;
    place_ = close + 1;
    return indices;
  }
  Result<bool> combiner(std::string &letters) {
    size_t mark = place_;
    std::string name = identifier();
    if (findCombiner(name) && peek() == '[') {
      statement_->combiner = name;
      LLC_ASSIGN(letters, bracket());
      return true;
    }
    place_ = mark;
    return false;
  }
  Result<ExprPtr> sum() {
    LLC_ASSIGN(ExprPtr left, product());
    while (peek() == '+' || peek() == '-') {
      const char *function = eat('+') ? "add" : (eat('-'), "sub");
      LLC_ASSIGN(ExprPtr right, product());
      left = call(function, {left, right});
    }
    return left;
  }
  Result<ExprPtr> product() {
    LLC_ASSIGN(ExprPtr left, unary());
    while (peek() == '*' || peek() == '/') {
      const char *function = eat('*') ? "mul" : (eat('/'), "div");
      LLC_ASSIGN(ExprPtr right, unary());
      left = call(function, {left, right});
    }
    return left;
  }
  Result<ExprPtr> unary() {
    if (++nesting_ > deepestNesting) return error("the expression is nested too deeply", "split it into statements");
    bool negative = eat('-');
    Result<ExprPtr> result = negative ? unary() : atom();
    --nesting_;
    if (!result || !negative) return result;
    return call("neg", {*result});
  }
  Result<ExprPtr> atom() {
    char next = peek();
    if (eat('(')) {
      LLC_ASSIGN(ExprPtr inner, sum());
      if (!eat(')')) return error("expected )", "close the parenthesis");
      return inner;
    }
    if (next == '#' || next == '@') return letterAtom(next);
    if (next == '%') return attributeAtom();
    if (std::isdigit(static_cast<unsigned char>(next)) || next == '.') return numberAtom();
    std::string name = identifier();
    if (name.empty()) return error("expected an expression", "write an operand, number or function here");
    if (peek() == '(') return callAtom(name);
    if (name == "inf") return number(std::numeric_limits<double>::infinity());
    return statement_ ? namedOperand(name) : positionalOperand(name);
  }
  Result<ExprPtr> letterAtom(char sigil) {
    ++place_;
    if (place_ >= text_.size() || !isIndexLetter(text_[place_]))
      return error("expected an index letter", std::string("write ") + sigil + "i for the index i");
    Expr expr;
    expr.kind = sigil == '#' ? Expr::Extent : Expr::Position;
    expr.letter = text_[place_++];
    return ExprPtr(std::make_shared<const Expr>(std::move(expr)));
  }
  Result<ExprPtr> attributeAtom() {
    ++place_;
    Expr expr;
    expr.kind = Expr::Attribute;
    expr.attribute = identifier();
    if (expr.attribute.empty()) return error("expected an attribute's name", "write %name");
    return ExprPtr(std::make_shared<const Expr>(std::move(expr)));
  }
  Result<ExprPtr> numberAtom() {
    double value = 0;
    auto [end, code] = std::from_chars(text_.data() + place_, text_.data() + text_.size(), value);
    if (code != std::errc()) return error("this is not a number that fits a double", "write a decimal number");
    place_ = end - text_.data();
    return number(value);
  }
  Result<ExprPtr> callAtom(const std::string &name) {
    const ScalarFunction *function = findScalar(name);
    if (!function) return error("unknown scalar function " + name, scalarRemedy(name));
    eat('(');
    std::vector<ExprPtr> arguments;
    do {
      LLC_ASSIGN(ExprPtr argument, sum());
      arguments.push_back(std::move(argument));
    } while (eat(','));
    if (!eat(')') || static_cast<int>(arguments.size()) != function->arity)
      return error(name + " has " + std::to_string(arguments.size()) + " arguments",
                   "give it " + std::to_string(function->arity));
    return call(name, std::move(arguments));
  }
  static std::string scalarRemedy(const std::string &name) {
    std::vector<std::string> known;
    for (const ScalarFunction &function : scalarTable()) known.emplace_back(function.name);
    std::string near = nearestNames(name, known);
    return near.empty() ? "see scalarTable() in dialect/interfaces/scalar.cpp" : "did you mean " + near + "?";
  }
  // a..z, x26, x27, ...
  Result<ExprPtr> positionalOperand(const std::string &name) {
    if (name.size() == 1 && name[0] >= 'a' && name[0] <= 'z') return operand(name[0] - 'a');
    int position = 0;
    auto [end, code] = std::from_chars(name.data() + 1, name.data() + name.size(), position);
    bool isNumbered = name[0] == 'x' && code == std::errc() && end == name.data() + name.size();
    if (!isNumbered || position < 26 || position >= mostOperands)
      return error("unknown operand " + name, "operands are a, b, ... z, x26, x27, ...");
    return operand(position);
  }
  Result<ExprPtr> namedOperand(const std::string &name) {
    LLC_ASSIGN(std::string indices, bracket());
    for (size_t i = 0; i < statement_->inputs.size(); ++i)
      if (statement_->inputNames[i] == name && statement_->inputs[i] == indices) return operand(static_cast<int>(i));
    statement_->inputNames.push_back(name);
    statement_->inputs.push_back(indices);
    return operand(static_cast<int>(statement_->inputs.size()) - 1);
  }

  std::string_view text_;
  Statement *statement_;
  size_t place_ = 0;
  int nesting_ = 0;
};

// ---- index strings
class IndexParser {
 public:
  explicit IndexParser(std::string_view text) : text_(text) {}

  Result<std::vector<Dimension>> run() {
    std::vector<Dimension> result;
    while (place_ < text_.size()) {
      LLC_ASSIGN(Dimension dimension, item());
      result.push_back(std::move(dimension));
    }
    return result;
  }

 private:
  Error error(const std::string &what) {
    return syntaxError(text_, place_, what, "an index string has letters, 1, *, (2i+k) or {operand} per dimension");
  }
  Result<Dimension> item() {
    char c = text_[place_];
    Dimension dimension;
    if (c == '{') return indirect();
    if (c == '(') return affine();
    if (!isIndexLetter(c) && c != '1' && c != '*') return error("unexpected character");
    dimension.letter = c;
    ++place_;
    return dimension;
  }
  Result<Dimension> indirect() {
    Dimension dimension;
    auto [end, code] = std::from_chars(text_.data() + place_ + 1, text_.data() + text_.size(), dimension.indirect);
    size_t close = end - text_.data();
    if (code != std::errc() || dimension.indirect < 0 || dimension.indirect >= mostOperands || close >= text_.size() ||
        text_[close] != '}')
      return error("expected {operand number}");
    place_ = close + 1;
    return dimension;
  }
  Result<Dimension> affine() {
    Dimension dimension;
    ++place_;
    bool first = true;
    while (place_ < text_.size() && text_[place_] != ')') {
      int64_t sign = 1;
      if (text_[place_] == '+' || text_[place_] == '-')
        sign = text_[place_++] == '+' ? 1 : -1;
      else if (!first)
        return error("expected + or -");
      LLC_TRY(term(sign, dimension));
      first = false;
    }
    if (place_ >= text_.size() || first) return error("the affine index is empty or not closed");
    ++place_;
    return dimension;
  }
  Status term(int64_t sign, Dimension &dimension) {
    int64_t value = 1;
    auto [end, code] = std::from_chars(text_.data() + place_, text_.data() + text_.size(), value);
    bool hasNumber = code == std::errc();
    if (value < 0 || value > largestCoefficient) return error("coefficient out of range");
    if (hasNumber) place_ = end - text_.data();
    if (place_ < text_.size() && isIndexLetter(text_[place_]))
      dimension.terms.emplace_back(text_[place_++], sign * value);
    else if (hasNumber)
      dimension.offset += sign * value;
    else
      return error("expected a letter or number");
    return success();
  }

  std::string_view text_;
  size_t place_ = 0;
};

// One '*' at most, no letter twice as a plain index, braces that name operands.
Status checkIndices(const std::string &indices, size_t operands) {
  LLC_ASSIGN(std::vector<Dimension> items, IndexParser(indices).run());
  std::string seen;
  for (const Dimension &item : items) {
    if (item.indirect >= static_cast<int>(operands))
      return syntaxError(indices, 0, "there is no operand " + std::to_string(item.indirect), "operands count from 0");
    if (!item.plain() || item.letter == '1') continue;
    if (seen.find(item.letter) != std::string::npos)
      return syntaxError(indices, 0, std::string("index ") + item.letter + " appears twice", "use each letter once");
    seen += item.letter;
  }
  return success();
}

Status checkLetters(const Statement &statement) {
  std::string all = statement.signature(), bad;
  bool batch = all.find('*') != std::string::npos;
  for (char c : all)
    if (batch && c >= 'A' && c <= 'Z') bad = "capital letters and * in one signature";
  walk(statement.body, [&](const Expr &part) {
    if (part.letter && all.find(part.letter) == std::string::npos) bad = std::string("unknown index ") + part.letter;
    if (part.kind == Expr::Operand && part.operand >= static_cast<int>(statement.inputs.size()))
      bad = "operand " + std::to_string(part.operand) + " does not exist";
  });
  if (bad.empty()) return success();
  return syntaxError(all, all.size(), bad, "compare the expression " + inBackticks(print(statement.body)) + " with it");
}

Status checkStatement(const Statement &statement) {
  for (const std::string &indices : statement.inputs) LLC_TRY(checkIndices(indices, statement.inputs.size()));
  LLC_TRY(checkIndices(statement.output, statement.inputs.size()));
  LLC_TRY(checkLetters(statement));
  if (statement.combiner.empty() && scatters(statement.output))
    return syntaxError(statement.output, 0, "a result index that is not a letter accumulates",
                       "give a combiner, e.g. sum");
  return success();
}

std::vector<std::string_view> splitTrimmed(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (size_t start = 0; start <= text.size();) {
    size_t end = std::min(text.find(separator, start), text.size());
    std::string_view part = text.substr(start, end - start);
    while (!part.empty() && std::isspace(static_cast<unsigned char>(part.front()))) part.remove_prefix(1);
    while (!part.empty() && std::isspace(static_cast<unsigned char>(part.back()))) part.remove_suffix(1);
    parts.push_back(part);
    start = end + 1;
  }
  return parts;
}

}  // namespace

Result<ExprPtr> parseExpr(std::string_view text) { return Parser(text, nullptr).wholeExpression(); }

std::vector<Dimension> dimensions(std::string_view indices) {
  Result<std::vector<Dimension>> result = IndexParser(indices).run();
  assert(result.ok() && "index strings are checked when a statement is made");
  return result ? *result : std::vector<Dimension>();
}

Result<Statement> makeStatement(std::string_view signature, std::string_view body, std::string_view combiner) {
  size_t arrow = signature.find("->");
  if (arrow == std::string_view::npos)
    return syntaxError(signature, 0, "a signature needs ->", "write operands->result, as in mk,kn->mn");
  Statement statement;
  std::string_view operands = signature.substr(0, arrow);
  if (!operands.empty())
    for (std::string_view part : splitTrimmed(operands, ',')) statement.inputs.emplace_back(part);
  statement.output = splitTrimmed(signature.substr(arrow + 2), '\n').front();
  for (size_t i = 0; i < statement.inputs.size(); ++i) statement.inputNames.push_back(std::to_string(i));
  statement.combiner = combiner;
  if (!combiner.empty() && !findCombiner(combiner))
    return syntaxError(combiner, 0, "unknown combiner", "write sum, max, min or prod");
  LLC_ASSIGN(statement.body, parseExpr(body));
  LLC_TRY(checkStatement(statement));
  if (combiner.empty() && !statement.reduced().empty())
    return syntaxError(signature, signature.size(), "index " + statement.reduced() + " is missing in the result",
                       "give a combiner (sum, max, min, prod) or add it to the result");
  return statement;
}

Result<Program> parse(std::string_view text) {
  Program program;
  for (std::string_view line : splitTrimmed(text, ';')) {
    if (line.empty()) continue;
    Statement statement;
    LLC_TRY(Parser(line, &statement).wholeStatement());
    LLC_TRY(checkStatement(statement));
    program.statements.push_back(std::move(statement));
  }
  return program;
}

}  // namespace llc::index
