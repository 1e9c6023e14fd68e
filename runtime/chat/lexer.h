// A template's text as tokens, with the rules of white space of jinja2 under trim_blocks and lstrip_blocks, as Hugging
// Face's transformers sets them.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/status.h"

namespace llc::chat {

enum class TokenKind { data, variableBegin, variableEnd, blockBegin, blockEnd, name, string, integer, real, op, end };

struct Token {
  TokenKind kind;
  std::string text;  // of data and strings: what they say; of operators and names: themselves
  int line;
  bool is(TokenKind other, std::string_view word) const { return kind == other && text == word; }
};

// Ends with a token of kind `end`. Errors: where the template is wrong ("line 3") and why.
Result<std::vector<Token>> tokenize(std::string_view source);

inline Error wrongAt(int line, const std::string &what, const std::string &remedy = "mend the template") {
  return diagnose(ErrorKind::invalidInput, "line " + std::to_string(line)).says(what).toFix(remedy);
}

}  // namespace llc::chat
