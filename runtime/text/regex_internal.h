// The parts of the regular expression engine: pattern → tree (regex_parse.cpp) → program (regex_compile.cpp) → matches (regex_match.cpp).
#pragma once
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/status.h"
#include "runtime/text/unicode.h"

namespace llc::text::regex {

constexpr std::uint32_t unlimited = std::numeric_limits<std::uint32_t>::max();

enum class Anchor : std::uint8_t { lineBegin, lineEnd, textBegin, textEnd, lastLineEnd, word, notWord, searchStart };

struct Node {
  enum class Kind { empty, character, set, sequence, alternatives, repeat, anchor, look, atomic };
  enum class Taste { greedy, lazy, possessive };
  Kind kind = Kind::empty;
  std::uint32_t character = 0;
  std::shared_ptr<const CodeSet> set;
  std::vector<std::unique_ptr<Node>> children;
  std::uint32_t minimum = 0, maximum = 0;  // repeat
  Taste taste = Taste::greedy;
  Anchor anchor = Anchor::lineBegin;
  bool ahead = true, negative = false;  // look
};
using NodePtr = std::unique_ptr<Node>;

Result<NodePtr> parse(std::string_view pattern);

struct Instruction {
  enum class Op : std::uint8_t {
    character,   // the code point `a`
    set,         // one code point of sets[a]
    run,         // a greedy run of sets[a], minimum … maximum times
    split,       // try a, then b
    jump,        // to a
    anchor,      // `a` is an Anchor
    look,        // the lookahead body from here + 1 to its `match`; continue at a; b: negative
    behind,      // the same, starting `width` characters back
    anyBehind,   // continue at a if one of the bodies (a chain of `behind` instructions) matches
    atomic,      // body from here + 1; continue at a where the body ended
    match,
  };
  Op op = Op::match;
  std::uint32_t a = 0, b = 0;
  std::uint32_t minimum = 0, maximum = 0;
  bool possessive = false;
};

struct Program {
  std::vector<Instruction> code;
  std::vector<std::shared_ptr<const CodeSet>> sets;
  bool linear = true;        // no sub-matches: failed states may be remembered
  bool emptyLoops = false;   // a loop body may match nothing: states must be remembered, or it would loop for ever
};

Result<std::shared_ptr<const Program>> compile(const Node &root, const std::string &pattern);

}  // namespace llc::text::regex
