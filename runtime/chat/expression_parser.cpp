#include "runtime/chat/expression_parser.h"

#include <charconv>

namespace llc::chat {

namespace {
template <class Node>
std::unique_ptr<Node> make(int line) {
  auto node = std::make_unique<Node>();
  node->line = line;
  return node;
}

ExpressionPtr constant(int line, Value value) {
  auto node = make<Constant>(line);
  node->value = std::move(value);
  return node;
}
}  // namespace

Result<ExpressionPtr> ExpressionParser::expression(bool withConditional) {
  TokenStream::Nested nested(tokens_);
  LLC_TRY(nested.check());
  LLC_ASSIGN(ExpressionPtr result, disjunction());
  while (withConditional && tokens_.isName("if")) {
    auto node = make<Conditional>(tokens_.take().line);
    node->yes = std::move(result);
    LLC_ASSIGN(node->condition, disjunction());
    if (tokens_.takeName("else")) {
      LLC_ASSIGN(node->no, expression());
    }
    result = std::move(node);
  }
  return std::move(result);
}

Result<ExpressionPtr> ExpressionParser::tuple(bool withConditional) {
  int line = tokens_.line();
  LLC_ASSIGN(ExpressionPtr first, expression(withConditional));
  if (!tokens_.isOp(",")) return std::move(first);
  auto node = make<Sequence>(line);
  node->flavour = Flavour::tuple;
  node->items.push_back(std::move(first));
  while (tokens_.takeOp(",")) {
    auto kind = tokens_.peek().kind;
    if (kind == TokenKind::blockEnd || kind == TokenKind::variableEnd || tokens_.isOp(")") || tokens_.isOp("=")) break;
    LLC_ASSIGN(ExpressionPtr item, expression(withConditional));
    node->items.push_back(std::move(item));
  }
  return ExpressionPtr(std::move(node));
}

Result<ExpressionPtr> ExpressionParser::leftToRight(Result<ExpressionPtr> (ExpressionParser::*operand)(),
                                                    std::initializer_list<const char *> ops) {
  LLC_ASSIGN(ExpressionPtr left, (this->*operand)());
  for (bool found = true; found;) {
    found = false;
    for (const char *op : ops) {
      bool isWord = std::isalpha(static_cast<unsigned char>(*op));
      if (!(isWord ? tokens_.isName(op) : tokens_.isOp(op))) continue;
      auto node = make<Binary>(tokens_.take().line);
      node->op = op;
      node->left = std::move(left);
      LLC_ASSIGN(node->right, (this->*operand)());
      left = std::move(node);
      found = true;
      break;
    }
  }
  return std::move(left);
}

Result<ExpressionPtr> ExpressionParser::disjunction() { return leftToRight(&ExpressionParser::conjunction, {"or"}); }
Result<ExpressionPtr> ExpressionParser::conjunction() { return leftToRight(&ExpressionParser::negation, {"and"}); }
Result<ExpressionPtr> ExpressionParser::sum() { return leftToRight(&ExpressionParser::concatenation, {"+", "-"}); }
Result<ExpressionPtr> ExpressionParser::concatenation() { return leftToRight(&ExpressionParser::product, {"~"}); }
Result<ExpressionPtr> ExpressionParser::product() {
  return leftToRight(&ExpressionParser::power, {"*", "//", "/", "%"});
}

Result<ExpressionPtr> ExpressionParser::negation() {
  TokenStream::Nested nested(tokens_);
  LLC_TRY(nested.check());
  if (!tokens_.isName("not")) return comparison();
  auto node = make<Unary>(tokens_.take().line);
  node->op = "not";
  LLC_ASSIGN(node->operand, negation());
  return ExpressionPtr(std::move(node));
}

Result<ExpressionPtr> ExpressionParser::comparison() {
  int line = tokens_.line();
  LLC_ASSIGN(ExpressionPtr first, sum());
  auto node = make<Comparison>(line);
  for (;;) {
    std::string op;
    for (const char *known : {"==", "!=", "<=", ">=", "<", ">"})
      if (op.empty() && tokens_.isOp(known)) op = tokens_.take().text;
    if (op.empty() && tokens_.takeName("in")) op = "in";
    if (op.empty() && tokens_.isName("not") && tokens_.peek(1).is(TokenKind::name, "in"))
      tokens_.take(), tokens_.take(), op = "not in";
    if (op.empty()) break;
    LLC_ASSIGN(ExpressionPtr next, sum());
    node->rest.emplace_back(op, std::move(next));
  }
  if (node->rest.empty()) return std::move(first);
  node->first = std::move(first);
  return ExpressionPtr(std::move(node));
}

Result<ExpressionPtr> ExpressionParser::power() {
  LLC_ASSIGN(ExpressionPtr left, unary(true));
  while (tokens_.isOp("**")) {
    auto node = make<Binary>(tokens_.take().line);
    node->op = "**";
    node->left = std::move(left);
    LLC_ASSIGN(node->right, unary(true));
    left = std::move(node);
  }
  return std::move(left);
}

Result<ExpressionPtr> ExpressionParser::unary(bool withFilters) {
  TokenStream::Nested nested(tokens_);
  LLC_TRY(nested.check());
  ExpressionPtr result;
  if (tokens_.isOp("-") || tokens_.isOp("+")) {
    Token token = tokens_.take();
    auto node = make<Unary>(token.line);
    node->op = token.text;
    LLC_ASSIGN(node->operand, unary(false));
    result = std::move(node);
  } else {
    LLC_ASSIGN(result, primary());
  }
  LLC_ASSIGN(result, postfix(std::move(result)));
  return withFilters ? filtered(std::move(result)) : Result<ExpressionPtr>(std::move(result));
}

Result<ExpressionPtr> ExpressionParser::primary() {
  if (tokens_.peek().kind != TokenKind::name) return literal();
  Token token = tokens_.take();
  const std::string &name = token.text;
  if (name == "true" || name == "True") return constant(token.line, true);
  if (name == "false" || name == "False") return constant(token.line, false);
  if (name == "none" || name == "None") return constant(token.line, None{});
  auto node = make<Name>(token.line);
  node->name = name;
  seen.insert(name);
  return ExpressionPtr(std::move(node));
}

Result<ExpressionPtr> ExpressionParser::literal() {
  const Token &token = tokens_.peek();
  if (token.kind == TokenKind::string) {
    int line = token.line;
    std::string text;
    while (tokens_.peek().kind == TokenKind::string) text += tokens_.take().text;
    return constant(line, std::move(text));
  }
  if (token.kind == TokenKind::integer || token.kind == TokenKind::real) {
    int64_t whole = 0;
    double real = 0;
    const char *begin = token.text.data(), *end = begin + token.text.size();
    auto read = token.kind == TokenKind::real ? std::from_chars(begin, end, real) : std::from_chars(begin, end, whole);
    if (read.ec != std::errc()) return wrongAt(token.line, "the number " + token.text.substr(0, 40) + " is too large");
    Token taken = tokens_.take();
    return constant(taken.line, taken.kind == TokenKind::real ? Value(real) : Value(whole));
  }
  if (tokens_.takeOp("(")) return bracketed();
  if (tokens_.takeOp("[")) return listLiteral();
  if (tokens_.takeOp("{")) return dictionaryLiteral();
  return tokens_.wrongHere("a value");
}

Result<ExpressionPtr> ExpressionParser::bracketed() {
  int line = tokens_.line();
  if (tokens_.takeOp(")")) {
    auto node = make<Sequence>(line);
    node->flavour = Flavour::tuple;
    return ExpressionPtr(std::move(node));
  }
  LLC_ASSIGN(ExpressionPtr inner, tuple());
  LLC_TRY(tokens_.expectOp(")"));
  return std::move(inner);
}

Result<ExpressionPtr> ExpressionParser::listLiteral() {
  auto node = make<Sequence>(tokens_.line());
  while (!tokens_.takeOp("]")) {
    if (!node->items.empty()) {
      LLC_TRY(tokens_.expectOp(","));
      if (tokens_.takeOp("]")) break;
    }
    LLC_ASSIGN(ExpressionPtr item, expression());
    node->items.push_back(std::move(item));
  }
  return ExpressionPtr(std::move(node));
}

Result<ExpressionPtr> ExpressionParser::dictionaryLiteral() {
  auto node = make<Dictionary>(tokens_.line());
  while (!tokens_.takeOp("}")) {
    if (!node->entries.empty()) {
      LLC_TRY(tokens_.expectOp(","));
      if (tokens_.takeOp("}")) break;
    }
    LLC_ASSIGN(ExpressionPtr key, expression());
    LLC_TRY(tokens_.expectOp(":"));
    LLC_ASSIGN(ExpressionPtr value, expression());
    node->entries.emplace_back(std::move(key), std::move(value));
  }
  return ExpressionPtr(std::move(node));
}

Result<ExpressionPtr> ExpressionParser::postfix(ExpressionPtr operand) {
  for (;;) {
    if (tokens_.takeOp(".")) {
      LLC_ASSIGN(operand, attribute(std::move(operand)));
    } else if (tokens_.takeOp("[")) {
      LLC_ASSIGN(operand, subscript(std::move(operand)));
    } else if (tokens_.isOp("(")) {
      LLC_ASSIGN(operand, callOf(std::move(operand)));
    } else {
      return std::move(operand);
    }
  }
}

Result<ExpressionPtr> ExpressionParser::filtered(ExpressionPtr operand) {
  for (;;) {
    if (tokens_.takeOp("|")) {
      LLC_ASSIGN(operand, oneFilter(std::move(operand)));
    } else if (tokens_.isName("is")) {
      LLC_ASSIGN(operand, test(std::move(operand)));
    } else if (tokens_.isOp("(")) {
      LLC_ASSIGN(operand, callOf(std::move(operand)));
    } else {
      return std::move(operand);
    }
  }
}

Result<ExpressionPtr> ExpressionParser::filters(ExpressionPtr operand, bool first) {
  while (first || tokens_.takeOp("|")) {
    first = false;
    LLC_ASSIGN(operand, oneFilter(std::move(operand)));
  }
  return std::move(operand);
}

Result<ExpressionPtr> ExpressionParser::oneFilter(ExpressionPtr operand) {
  auto node = make<Filter>(tokens_.line());
  LLC_ASSIGN(node->name, tokens_.expectName());
  if (Status known = checkFilter(node->name); !known && conditions == 0)
    return wrongAt(node->line, known.error().what, known.error().remedy);
  node->operand = std::move(operand);
  if (tokens_.takeOp("(")) {
    LLC_ASSIGN(node->arguments, callArguments());
  }
  return ExpressionPtr(std::move(node));
}

// `is divisibleby 3`: one argument may stand without brackets.
Result<ExpressionPtr> ExpressionParser::test(ExpressionPtr operand) {
  auto node = make<Test>(tokens_.take().line);
  node->negated = tokens_.takeName("not");
  LLC_ASSIGN(node->name, tokens_.expectName());
  if (Status known = checkTest(node->name); !known && conditions == 0)
    return wrongAt(node->line, known.error().what, known.error().remedy);
  node->operand = std::move(operand);
  auto kind = tokens_.peek().kind;
  bool word = kind == TokenKind::name && !tokens_.isName("else") && !tokens_.isName("or") && !tokens_.isName("and") &&
              !tokens_.isName("is") && !tokens_.isName("if");
  if (tokens_.takeOp("(")) {
    LLC_ASSIGN(node->arguments, callArguments());
  } else if (word || kind == TokenKind::string || kind == TokenKind::integer || kind == TokenKind::real ||
             tokens_.isOp("[") || tokens_.isOp("{")) {
    LLC_ASSIGN(ExpressionPtr argument, primary());
    LLC_ASSIGN(argument, postfix(std::move(argument)));
    node->arguments.positional.push_back(std::move(argument));
  }
  return ExpressionPtr(std::move(node));
}

Result<ExpressionPtr> ExpressionParser::attribute(ExpressionPtr object) {
  int line = tokens_.line();
  if (tokens_.peek().kind == TokenKind::integer) {
    auto node = make<Subscript>(line);
    node->object = std::move(object);
    LLC_ASSIGN(node->index, literal());
    return ExpressionPtr(std::move(node));
  }
  auto node = make<Attribute>(line);
  node->object = std::move(object);
  LLC_ASSIGN(node->name, tokens_.expectName());
  return ExpressionPtr(std::move(node));
}

Result<ExpressionPtr> ExpressionParser::subscript(ExpressionPtr object) {
  int line = tokens_.line();
  ExpressionPtr parts[3];
  int colons = 0;
  while (!tokens_.isOp("]")) {
    if (tokens_.takeOp(":")) {
      if (++colons > 2) return tokens_.wrongHere("']'");
      continue;
    }
    if (parts[colons]) return tokens_.wrongHere("']'");
    LLC_ASSIGN(parts[colons], tuple());
  }
  tokens_.take();
  if (colons == 0) {
    if (!parts[0]) return wrongAt(line, "a subscript is empty");
    auto node = make<Subscript>(line);
    node->object = std::move(object);
    node->index = std::move(parts[0]);
    return ExpressionPtr(std::move(node));
  }
  auto node = make<Slice>(line);
  node->object = std::move(object);
  node->from = std::move(parts[0]);
  node->to = std::move(parts[1]);
  node->step = std::move(parts[2]);
  return ExpressionPtr(std::move(node));
}

Result<ExpressionPtr> ExpressionParser::callOf(ExpressionPtr function) {
  auto node = make<Call>(tokens_.take().line);
  node->function = std::move(function);
  LLC_ASSIGN(node->arguments, callArguments());
  return ExpressionPtr(std::move(node));
}

Result<CallArguments> ExpressionParser::callArguments() {
  CallArguments arguments;
  for (bool first = true; !tokens_.takeOp(")"); first = false) {
    if (!first) {
      LLC_TRY(tokens_.expectOp(","));
      if (tokens_.takeOp(")")) break;
    }
    if (tokens_.takeOp("*")) {
      LLC_ASSIGN(arguments.list, expression());
    } else if (tokens_.takeOp("**")) {
      LLC_ASSIGN(arguments.dictionary, expression());
    } else if (tokens_.peek().kind == TokenKind::name && tokens_.peek(1).is(TokenKind::op, "=")) {
      std::string name = tokens_.take().text;
      tokens_.take();
      LLC_ASSIGN(ExpressionPtr value, expression());
      arguments.named.emplace_back(std::move(name), std::move(value));
    } else {
      if (!arguments.named.empty()) return tokens_.wrongHere("NAME=VALUE, as before");
      LLC_ASSIGN(ExpressionPtr value, expression());
      arguments.positional.push_back(std::move(value));
    }
  }
  return std::move(arguments);
}

Result<Target> ExpressionParser::target(bool withAttribute) {
  Target target;
  bool bracket = tokens_.takeOp("(");
  do {
    if (bracket && tokens_.isOp(")")) break;
    LLC_ASSIGN(std::string name, tokens_.expectName());
    target.names.push_back(std::move(name));
    if (withAttribute && target.names.size() == 1 && tokens_.takeOp(".")) {
      LLC_ASSIGN(target.attribute, tokens_.expectName());
      return std::move(target);
    }
    if (tokens_.isOp(",")) target.tuple = true;
  } while (tokens_.takeOp(",") && tokens_.peek().kind == TokenKind::name && !tokens_.isName("in"));
  if (bracket) LLC_TRY(tokens_.expectOp(")"));
  return std::move(target);
}

}  // namespace llc::chat
