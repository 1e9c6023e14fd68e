// Regular expressions of tokenizer files: the Ruby syntax of oniguruma as far as tokenizers use it, over Unicode.
// Supported: literals, classes (nested, &&, POSIX), \d \w \s \h \p{…} and their negations, groups, options (?imx), alternation, greedy,
// lazy and possessive quantifiers, anchors, lookahead, lookbehind of fixed length, atomic groups. Refused with an error:
// back-references, recursion, conditionals, \X, \K.
// Matching is backtracking (the first alternative that matches wins). Patterns without lookaround and atomic groups take time linear in
// the text, by remembering states that failed (as in RE2's BitState); the others have a step limit.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/status.h"

namespace llc::text {

struct RegexMatch {
  std::size_t begin, end;  // bytes
};

namespace regex {
struct Program;
}

class Regex {
 public:
  static Result<Regex> compile(std::string_view pattern);
  static Regex literal(std::string_view text);  // matches exactly this text
  // All matches of valid UTF-8 from left to right; an empty match right behind a match is skipped, as oniguruma's iterator does.
  Result<std::vector<RegexMatch>> findAll(std::string_view text) const;
  bool linear() const;  // a short pattern without sub-matches: findAll takes linear time and can't fail on texts below 4 MB
  const std::string &pattern() const { return pattern_; }

 private:
  std::string pattern_;
  std::string literal_;  // not empty: the pattern is just this text
  std::shared_ptr<const regex::Program> program_;
};

}  // namespace llc::text
