#include "runtime/chat/parser.h"

#include "runtime/chat/expression_parser.h"

namespace llc::chat {

namespace {
using StatementPtr = std::unique_ptr<Statement>;
using Words = std::vector<std::string>;

class Parser {
 public:
  explicit Parser(std::vector<Token> tokens) : tokens_(std::move(tokens)), expressions_(tokens_) {}

  // Statements up to a block that begins with one of `ends`, which is left to be read; at the top: up to the end.
  Result<Statements> statements(const Words &ends) {
    TokenStream::Nested nested(tokens_);
    LLC_TRY(nested.check());
    Statements result;
    for (;;) {
      const Token &token = tokens_.peek();
      if (token.kind == TokenKind::end) {
        if (ends.empty()) return std::move(result);
        return wrongAt(token.line, "'" + ends.back() + "' is missing");
      }
      if (token.kind == TokenKind::blockBegin) {
        const Token &word = tokens_.peek(1);
        if (std::find(ends.begin(), ends.end(), word.text) != ends.end() && word.kind == TokenKind::name) {
          tokens_.take();
          return std::move(result);
        }
      }
      LLC_ASSIGN(StatementPtr statement, next());
      result.push_back(std::move(statement));
    }
  }

 private:
  template <class Node>
  std::unique_ptr<Node> make() const {
    auto node = std::make_unique<Node>();
    node->line = tokens_.line();
    return node;
  }

  Result<StatementPtr> next() {
    if (tokens_.peek().kind == TokenKind::data) {
      auto node = make<Data>();
      node->text = tokens_.take().text;
      return StatementPtr(std::move(node));
    }
    if (tokens_.peek().kind == TokenKind::variableBegin) {
      auto node = make<Output>();
      tokens_.take();
      LLC_ASSIGN(node->value, expressions_.tuple());
      LLC_TRY(tokens_.expect(TokenKind::variableEnd, "'}}'"));
      return StatementPtr(std::move(node));
    }
    tokens_.take();
    return block();
  }

  Result<StatementPtr> block() {
    int line = tokens_.line();
    LLC_ASSIGN(std::string word, tokens_.expectName());
    if (word == "if") return ifBlock();
    if (word == "for") return forBlock();
    if (word == "set") return set();
    if (word == "macro") return macro();
    if (word == "call") return callBlock();
    if (word == "filter") return filterBlock();
    if (word == "with") return with();
    if (word == "generation") return generation();
    if (word == "break" || word == "continue") return jump(word == "break" ? Flow::leaves : Flow::repeats);
    static const std::vector<std::string> known = {"if",   "for",        "set",   "macro",    "call", "filter",
                                                   "with", "generation", "break", "continue", "raw"};
    std::string near = nearestNames(word, known);
    return wrongAt(line, "the tag '" + word + "' is not known here",
                   near.empty() ? "templates may use if, for, set, macro, call, filter, with, raw and generation"
                                : "perhaps it should be " + near);
  }

  Status blockEnd() { return tokens_.expect(TokenKind::blockEnd, "'%}'"); }
  // The end of this tag, then statements, then the tag that ends them.
  Result<Statements> body(const std::string &end) {
    LLC_TRY(blockEnd());
    LLC_ASSIGN(Statements result, statements({end}));
    tokens_.take();
    // `endmacro name` and the like.
    if (tokens_.peek().kind == TokenKind::name) tokens_.take();
    LLC_TRY(blockEnd());
    return std::move(result);
  }

  Result<StatementPtr> ifBlock() {
    auto node = make<If>();
    ++expressions_.conditions;
    for (bool more = true; more;) {
      LLC_ASSIGN(ExpressionPtr condition, expressions_.tuple());
      LLC_TRY(blockEnd());
      LLC_ASSIGN(Statements branch, statements({"elif", "else", "endif"}));
      node->branches.emplace_back(std::move(condition), std::move(branch));
      more = tokens_.takeName("elif");
    }
    if (tokens_.takeName("else")) {
      LLC_ASSIGN(Statements branch, body("endif"));
      node->branches.emplace_back(nullptr, std::move(branch));
    } else {
      tokens_.take();
      LLC_TRY(blockEnd());
    }
    --expressions_.conditions;
    return StatementPtr(std::move(node));
  }

  Result<StatementPtr> forBlock() {
    auto node = make<For>();
    LLC_ASSIGN(node->target, expressions_.target(false));
    if (!tokens_.takeName("in")) return tokens_.wrongHere("'in'");
    LLC_ASSIGN(node->sequence, expressions_.tuple(false));
    if (tokens_.takeName("if")) {
      LLC_ASSIGN(node->condition, expressions_.expression());
    }
    if (tokens_.isName("recursive"))
      return wrongAt(tokens_.line(), "recursive loops can't be rendered", "use a macro that calls itself");
    LLC_TRY(blockEnd());
    ++loops_;
    LLC_ASSIGN(node->body, statements({"else", "endfor"}));
    --loops_;
    if (tokens_.takeName("else")) {
      LLC_ASSIGN(node->otherwise, body("endfor"));
      return StatementPtr(std::move(node));
    }
    tokens_.take();
    LLC_TRY(blockEnd());
    return StatementPtr(std::move(node));
  }

  Result<StatementPtr> jump(Flow flow) {
    auto node = make<Jump>();
    if (loops_ == 0) return wrongAt(node->line, "'break' and 'continue' belong into a loop");
    node->flow = flow;
    LLC_TRY(blockEnd());
    return StatementPtr(std::move(node));
  }

  Result<StatementPtr> set() {
    int line = tokens_.line();
    LLC_ASSIGN(Target target, expressions_.target(true));
    if (tokens_.takeOp("=")) {
      auto node = std::make_unique<Set>();
      node->line = line;
      node->target = std::move(target);
      LLC_ASSIGN(node->value, expressions_.tuple());
      LLC_TRY(blockEnd());
      return StatementPtr(std::move(node));
    }
    auto node = std::make_unique<SetBlock>();
    node->line = line;
    node->target = std::move(target);
    LLC_ASSIGN(node->filters, expressions_.filters(nullptr, false));
    LLC_ASSIGN(node->body, body("endset"));
    return StatementPtr(std::move(node));
  }

  // (a, b=1): behind the opening bracket, and the closing.
  Result<Signature> signature() {
    Signature result;
    while (!tokens_.takeOp(")")) {
      if (!result.parameters.empty()) LLC_TRY(tokens_.expectOp(","));
      LLC_ASSIGN(std::string name, tokens_.expectName());
      ExpressionPtr fallback;
      if (tokens_.takeOp("=")) {
        LLC_ASSIGN(fallback, expressions_.expression());
      } else if (!result.parameters.empty() && result.parameters.back().second) {
        return tokens_.wrongHere("a default value, as before");
      }
      result.parameters.emplace_back(std::move(name), std::move(fallback));
    }
    return std::move(result);
  }

  // The body of a macro. Loops around it are not loops within it.
  Result<Statements> detachedBody(const std::string &end, Signature &signature) {
    int loops = std::exchange(loops_, 0);
    auto seen = std::exchange(expressions_.seen, {});
    LLC_ASSIGN(Statements result, body(end));
    signature.varargs = expressions_.seen.count("varargs");
    signature.kwargs = expressions_.seen.count("kwargs");
    loops_ = loops;
    expressions_.seen.merge(seen);
    return std::move(result);
  }

  Result<StatementPtr> macro() {
    auto node = make<Macro>();
    LLC_ASSIGN(node->name, tokens_.expectName());
    LLC_TRY(tokens_.expectOp("("));
    LLC_ASSIGN(node->signature, signature());
    LLC_ASSIGN(node->body, detachedBody("endmacro", node->signature));
    return StatementPtr(std::move(node));
  }

  Result<StatementPtr> callBlock() {
    auto node = make<CallBlock>();
    if (tokens_.takeOp("(")) {
      LLC_ASSIGN(node->signature, signature());
    }
    LLC_ASSIGN(node->call, expressions_.expression());
    if (!dynamic_cast<Call *>(node->call.get())) return wrongAt(node->line, "'call' needs the call of a macro");
    LLC_ASSIGN(node->body, detachedBody("endcall", node->signature));
    return StatementPtr(std::move(node));
  }

  Result<StatementPtr> filterBlock() {
    auto node = make<FilterBlock>();
    LLC_ASSIGN(node->filters, expressions_.filters(nullptr, true));
    LLC_ASSIGN(node->body, body("endfilter"));
    return StatementPtr(std::move(node));
  }

  Result<StatementPtr> with() {
    auto node = make<With>();
    while (tokens_.peek().kind != TokenKind::blockEnd) {
      if (!node->values.empty()) LLC_TRY(tokens_.expectOp(","));
      LLC_ASSIGN(std::string name, tokens_.expectName());
      LLC_TRY(tokens_.expectOp("="));
      LLC_ASSIGN(ExpressionPtr value, expressions_.expression());
      node->values.emplace_back(Target{{name}, {}, false}, std::move(value));
    }
    LLC_ASSIGN(node->body, body("endwith"));
    return StatementPtr(std::move(node));
  }

  Result<StatementPtr> generation() {
    auto node = make<Generation>();
    LLC_ASSIGN(node->body, body("endgeneration"));
    return StatementPtr(std::move(node));
  }

  TokenStream tokens_;
  ExpressionParser expressions_;
  int loops_ = 0;
};
}  // namespace

Result<Statements> parseTemplate(std::string_view source) {
  LLC_ASSIGN(std::vector<Token> tokens, tokenize(source));
  return Parser(std::move(tokens)).statements({});
}

}  // namespace llc::chat
