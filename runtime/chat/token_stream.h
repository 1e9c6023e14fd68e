// Where a parser is in its tokens.
#pragma once
#include "runtime/chat/lexer.h"
#include "runtime/chat/limits.h"

namespace llc::chat {

class TokenStream {
 public:
  explicit TokenStream(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}
  const Token &peek(size_t ahead = 0) const { return tokens_[std::min(position_ + ahead, tokens_.size() - 1)]; }
  Token take() {
    Token token = peek();
    if (position_ + 1 < tokens_.size()) ++position_;
    return token;
  }
  bool isOp(std::string_view op) const { return peek().is(TokenKind::op, op); }
  bool isName(std::string_view name) const { return peek().is(TokenKind::name, name); }
  bool takeOp(std::string_view op) { return isOp(op) ? (take(), true) : false; }
  bool takeName(std::string_view name) { return isName(name) ? (take(), true) : false; }
  Status expectOp(std::string_view op) { return takeOp(op) ? success() : wrongHere(fmt::format("'{}'", op)); }
  Result<std::string> expectName() {
    if (peek().kind != TokenKind::name) return wrongHere("a name");
    return take().text;
  }
  Status expect(TokenKind kind, const char *what) {
    if (peek().kind != kind) return wrongHere(what);
    take();
    return success();
  }
  Error wrongHere(const std::string &expected) const {
    const Token &token = peek();
    std::string found = token.kind == TokenKind::end ? "the template's end"
                        : token.text.empty()         ? "the tag's end"
                                                     : "'" + token.text.substr(0, 40) + "'";
    return wrongAt(token.line, fmt::format("expected {}, found {}", expected, found));
  }
  int line() const { return peek().line; }

  // Counts nested syntax for as long as it lives.
  class Nested {
   public:
    explicit Nested(TokenStream &stream) : stream_(stream) { ++stream.depth_; }
    ~Nested() { --stream_.depth_; }
    Status check() const {
      return stream_.depth_ <= maxDepth ? success() : Status(wrongAt(stream_.line(), "nested too deep"));
    }

   private:
    TokenStream &stream_;
  };

 private:
  std::vector<Token> tokens_;
  size_t position_ = 0;
  int depth_ = 0;
};

}  // namespace llc::chat
