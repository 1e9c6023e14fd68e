// Expressions, with the precedence of jinja2's parser.
#pragma once
#include <set>

#include "runtime/chat/syntax.h"
#include "runtime/chat/token_stream.h"

namespace llc::chat {

class ExpressionParser {
 public:
  explicit ExpressionParser(TokenStream &tokens) : tokens_(tokens) {}

  // `a if b else c` and all below it; without: as the sequence of a loop, whose own `if` follows.
  Result<ExpressionPtr> expression(bool withConditional = true);
  // One expression, or several with commas: a tuple.
  Result<ExpressionPtr> tuple(bool withConditional = true);
  // |name(...)|name(...) upon `operand`, which may be null; `first`: without the first bar.
  Result<ExpressionPtr> filters(ExpressionPtr operand, bool first);
  Result<Target> target(bool withAttribute);
  Result<CallArguments> callArguments();  // behind the opening bracket, and its closing
  // Above 0 within `if`: there, names of filters and tests count only when they are used, as in jinja2.
  int conditions = 0;
  // Names that were read since it was emptied.
  std::set<std::string> seen;

 private:
  Result<ExpressionPtr> disjunction();
  Result<ExpressionPtr> conjunction();
  Result<ExpressionPtr> negation();
  Result<ExpressionPtr> comparison();
  Result<ExpressionPtr> sum();
  Result<ExpressionPtr> concatenation();
  Result<ExpressionPtr> product();
  Result<ExpressionPtr> power();
  Result<ExpressionPtr> unary(bool withFilters);
  Result<ExpressionPtr> primary();
  Result<ExpressionPtr> postfix(ExpressionPtr operand);
  Result<ExpressionPtr> filtered(ExpressionPtr operand);
  Result<ExpressionPtr> literal();
  Result<ExpressionPtr> listLiteral();
  Result<ExpressionPtr> dictionaryLiteral();
  Result<ExpressionPtr> bracketed();
  Result<ExpressionPtr> subscript(ExpressionPtr object);
  Result<ExpressionPtr> attribute(ExpressionPtr object);
  Result<ExpressionPtr> callOf(ExpressionPtr function);
  Result<ExpressionPtr> oneFilter(ExpressionPtr operand);
  Result<ExpressionPtr> test(ExpressionPtr operand);
  Result<ExpressionPtr> leftToRight(Result<ExpressionPtr> (ExpressionParser::*operand)(),
                                    std::initializer_list<const char *> ops);

  TokenStream &tokens_;
};

}  // namespace llc::chat
