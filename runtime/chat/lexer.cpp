#include "runtime/chat/lexer.h"

#include <algorithm>

#include "runtime/chat/limits.h"
#include "runtime/chat/text.h"

namespace llc::chat {

namespace {
// Every kind of line end becomes one; a last one goes.
std::string normalized(std::string_view source) {
  std::string text;
  for (size_t i = 0; i < source.size(); ++i) {
    if (source[i] == '\r' && i + 1 < source.size() && source[i + 1] == '\n') continue;
    text += source[i] == '\r' ? '\n' : source[i];
  }
  if (text.ends_with('\n')) text.pop_back();
  return text;
}

bool isNameStart(char c) { return std::isalpha(static_cast<unsigned char>(c)) || c == '_' || (c & 0x80); }
bool isDigit(char c) { return c >= '0' && c <= '9'; }
bool isNamePart(char c) { return isNameStart(c) || isDigit(c); }

class Lexer {
 public:
  explicit Lexer(std::string_view source) : source_(normalized(source)) {}

  Result<std::vector<Token>> run() {
    while (position_ < source_.size()) LLC_TRY(next());
    add(TokenKind::end, "");
    return std::move(tokens_);
  }

 private:
  bool starts(std::string_view text, size_t at) const { return std::string_view(source_).substr(at).starts_with(text); }
  bool starts(std::string_view text) const { return starts(text, position_); }
  int line() {
    line_ += int(std::count(source_.begin() + ptrdiff_t(counted_), source_.begin() + ptrdiff_t(position_), '\n'));
    counted_ = position_;
    return line_;
  }
  void add(TokenKind kind, std::string text) { tokens_.push_back({kind, std::move(text), line()}); }
  bool atLineStart(size_t at) const { return at == 0 || source_[at - 1] == '\n'; }

  // Data up to the next tag, and what opens it.
  Status next() {
    size_t tag = source_.size();
    for (const char *opening : {"{{", "{%", "{#"}) tag = std::min(tag, source_.find(opening, position_));
    if (tag == source_.size()) {
      add(TokenKind::data, source_.substr(position_));
      position_ = tag;
      return success();
    }
    char kind = source_[tag + 1];
    char sign = tag + 2 < source_.size() ? source_[tag + 2] : ' ';
    std::string data = source_.substr(position_, tag - position_);
    if (sign == '-')
      data.resize(stripRight(data).size());
    else if (sign != '+' && kind != '{')
      data.resize(lineKept(data));
    if (!data.empty()) add(TokenKind::data, std::move(data));
    position_ = tag + 2 + (sign == '-' || sign == '+');
    if (kind == '#') return comment();
    if (kind == '%' && isRaw()) return raw();
    return inside(kind == '{');
  }

  // How much of the data before a block stays: without white space back to the line's beginning, if only that is there.
  size_t lineKept(const std::string &data) const {
    size_t lineBegin = data.rfind('\n') + 1;  // 0 if there is none
    if (lineBegin == 0 && !atLineStart(position_)) return data.size();
    return strip(data.substr(lineBegin)).empty() ? lineBegin : data.size();
  }

  void skipSpace() { position_ = source_.size() - stripLeft(std::string_view(source_).substr(position_)).size(); }
  void skipLineEnd() {
    if (starts("\n")) ++position_;
  }
  // Behind a closing that began with '-', with '+', or with neither.
  void afterClosing(char sign) {
    if (sign == '-') skipSpace();
    if (sign == ' ') skipLineEnd();
  }

  Status comment() {
    size_t end = source_.find("#}", position_);
    if (end == std::string::npos) return wrongAt(line(), "a comment has no end");
    char sign = end > position_ && (source_[end - 1] == '-' || source_[end - 1] == '+') ? source_[end - 1] : ' ';
    position_ = end + 2;
    afterClosing(sign);
    return success();
  }

  // The closing of a block at `at`: its length and sign; nothing if there is none.
  size_t closing(size_t at, std::string_view end, char &sign) const {
    sign = at < source_.size() && (source_[at] == '-' || (source_[at] == '+' && end == "%}")) ? source_[at] : ' ';
    size_t begin = at + (sign != ' ');
    return starts(end, begin) ? begin + end.size() - at : 0;
  }

  size_t skipped(size_t at) const { return source_.size() - stripLeft(std::string_view(source_).substr(at)).size(); }
  // Whether a block says only `word`: where it ends, and with which sign.
  size_t onlyWord(size_t at, std::string_view word, char &sign) const {
    at = skipped(at);
    if (!starts(word, at)) return 0;
    at = skipped(at + word.size());
    size_t length = closing(at, "%}", sign);
    return length ? at + length : 0;
  }

  bool isRaw() const {
    char sign;
    return onlyWord(position_, "raw", sign) != 0;
  }
  Status raw() {
    char sign;
    position_ = onlyWord(position_, "raw", sign);
    afterClosing(sign);
    for (size_t at = source_.find("{%", position_); at != std::string::npos; at = source_.find("{%", at + 2)) {
      size_t inner = at + 2;
      char open = inner < source_.size() && (source_[inner] == '-' || source_[inner] == '+') ? source_[inner] : ' ';
      size_t end = onlyWord(inner + (open != ' '), "endraw", sign);
      if (!end) continue;
      std::string data = source_.substr(position_, at - position_);
      if (open == '-') data.resize(stripRight(data).size());
      if (open == ' ') data.resize(lineKept(data));
      add(TokenKind::data, std::move(data));
      position_ = end;
      afterClosing(sign);
      return success();
    }
    return wrongAt(line(), "'raw' has no 'endraw'");
  }

  Status inside(bool variable) {
    int begin = line();
    add(variable ? TokenKind::variableBegin : TokenKind::blockBegin, "");
    std::string_view end = variable ? "}}" : "%}";
    size_t first = tokens_.size();
    for (std::string brackets;;) {
      skipSpace();
      if (tokens_.size() - first > size_t(maxTagTokens))
        return wrongAt(begin, fmt::format("a tag holds more than {} words and signs", maxTagTokens));
      if (position_ >= source_.size()) return wrongAt(begin, fmt::format("'{}' is missing", end));
      char sign;
      if (size_t length = closing(position_, end, sign); length && brackets.empty()) {
        add(variable ? TokenKind::variableEnd : TokenKind::blockEnd, "");
        position_ += length;
        if (sign != ' ' || !variable) afterClosing(sign);
        return success();
      }
      LLC_TRY(word(brackets));
    }
  }

  Status word(std::string &brackets) {
    char c = source_[position_];
    if (isNameStart(c)) return name();
    if (isDigit(c)) return number();
    if (c == '\'' || c == '"') return string(c);
    for (const char *op : {"==", "!=", ">=", "<=", "//", "**"})
      if (starts(op)) return take(op);
    if (std::string_view("+-/*%~[](){}><=.:|,;").find(c) == std::string_view::npos)
      return wrongAt(line(), fmt::format("'{}' means nothing here", c));
    if (c == '(' || c == '[' || c == '{') brackets += c == '(' ? ')' : char(c + 2);
    if (c == ')' || c == ']' || c == '}') {
      if (brackets.empty() || brackets.back() != c) return wrongAt(line(), fmt::format("'{}' closes nothing", c));
      brackets.pop_back();
    }
    return take(std::string(1, c));
  }

  Status take(const std::string &op) {
    add(TokenKind::op, op);
    position_ += op.size();
    return success();
  }

  Status name() {
    size_t end = position_;
    while (end < source_.size() && isNamePart(source_[end])) ++end;
    add(TokenKind::name, source_.substr(position_, end - position_));
    position_ = end;
    return success();
  }

  void digits(size_t &at, std::string &text) const {
    for (; at < source_.size() &&
           (isDigit(source_[at]) || (source_[at] == '_' && at + 1 < source_.size() && isDigit(source_[at + 1])));
         ++at)
      if (source_[at] != '_') text += source_[at];
  }

  Status number() {
    size_t at = position_;
    std::string text;
    digits(at, text);
    bool real = false;
    if (at + 1 < source_.size() && source_[at] == '.' && isDigit(source_[at + 1]))
      text += '.', digits(++at, text), real = true;
    if (at < source_.size() && (source_[at] | 32) == 'e') {
      size_t power = at + 1;
      if (power < source_.size() && (source_[power] == '+' || source_[power] == '-')) ++power;
      if (power < source_.size() && isDigit(source_[power])) {
        text.append(source_, at, power - at);
        digits(at = power, text);
        real = true;
      }
    }
    if (at < source_.size() && isNameStart(source_[at]))
      return wrongAt(line(), fmt::format("'{}{}' is no number", text, source_[at]));
    add(real ? TokenKind::real : TokenKind::integer, text);
    position_ = at;
    return success();
  }

  Status string(char quote) {
    int begin = line();
    std::string text;
    size_t at = position_ + 1;
    for (; at < source_.size() && source_[at] != quote; ++at) {
      if (source_[at] != '\\')
        text += source_[at];
      else if (!unescape(source_, ++at, text))
        return wrongAt(begin, "a string holds an escape sequence that is not known or not complete");
    }
    if (at >= source_.size()) return wrongAt(begin, "a string has no end");
    add(TokenKind::string, std::move(text));
    position_ = at + 1;
    return success();
  }

  std::string source_;
  std::vector<Token> tokens_;
  size_t position_ = 0, counted_ = 0;
  int line_ = 1;
};
}  // namespace

Result<std::vector<Token>> tokenize(std::string_view source) { return Lexer(source).run(); }

}  // namespace llc::chat
