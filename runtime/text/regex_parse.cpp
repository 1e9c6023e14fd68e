#include <fmt/format.h>

#include <optional>

#include "runtime/text/regex_internal.h"
#include "runtime/text/utf8.h"

namespace llc::text::regex {

namespace {
constexpr int maximumDepth = 100;             // nested groups and classes
constexpr std::uint32_t maximumCount = 1000;  // {n,m}

struct Options {
  bool ignoreCase = false, dotAll = false, extended = false;
};

NodePtr make(Node::Kind kind) {
  auto node = std::make_unique<Node>();
  node->kind = kind;
  return node;
}

NodePtr makeSet(CodeSet set) {
  auto node = make(Node::Kind::set);
  node->set = std::make_shared<const CodeSet>(std::move(set));
  return node;
}

CodeSet ranges(std::vector<CodeRange> list) { return CodeSet(std::move(list)); }

CodeSet caseClosure(const CodeSet &set) {
  std::vector<CodeRange> closed = set.ranges();
  for (CodeRange range : set.ranges()) {
    if (range.last - range.first > 0x20000) continue;  // nearly everything: nothing to add
    for (std::uint32_t c = range.first; c <= range.last && c <= 0x1E943; ++c)
      for (std::uint32_t variant : caseVariants(c)) closed.push_back({variant, variant});
  }
  return CodeSet(std::move(closed));
}

class Parser {
 public:
  explicit Parser(std::string_view pattern) : pattern_(pattern) {}

  Result<NodePtr> parseAll() {
    if (!validUtf8(pattern_)) return fail("it is not UTF-8");
    NodePtr root = alternatives(0);
    if (error_.empty() && !atEnd()) fail("unmatched ')'");
    if (!error_.empty()) return problem();
    return std::move(root);
  }

 private:
  Error problem() const {
    return diagnose(ErrorKind::unsupported, fmt::format("regular expression {:?}", pattern_.substr(0, 200)))
        .says(fmt::format("{} (at byte {})", error_, errorAt_))
        .toFix("write the pattern without this construct; runtime/text/regex.h lists what is supported");
  }
  Error fail(std::string text) {
    if (error_.empty()) {
      error_ = std::move(text);
      errorAt_ = at_;
    }
    at_ = pattern_.size();
    return problem();
  }

  bool atEnd() const { return at_ >= pattern_.size(); }
  bool peek(std::string_view text) const { return pattern_.substr(at_).starts_with(text); }
  bool take(std::string_view text) {
    if (!peek(text)) return false;
    at_ += text.size();
    return true;
  }
  std::uint32_t nextCharacter() {
    if (atEnd()) { fail("it ends too early"); return 0; }
    return codePointAt(pattern_, at_, at_);
  }

  NodePtr alternatives(int depth) {
    if (depth > maximumDepth) { fail("groups are nested too deep"); return make(Node::Kind::empty); }
    auto node = make(Node::Kind::alternatives);
    do node->children.push_back(sequence(depth));
    while (take("|"));
    if (node->children.size() == 1) return std::move(node->children[0]);
    return node;
  }

  NodePtr sequence(int depth) {
    auto node = make(Node::Kind::sequence);
    while (!atEnd() && !peek("|") && !peek(")")) {
      if (options_.extended && skipExtended()) continue;
      NodePtr item = quantified(depth);
      if (item) node->children.push_back(std::move(item));
    }
    return node;
  }

  bool skipExtended() {
    if (take(" ") || take("\t") || take("\n") || take("\r") || take("\f") || take("\v")) return true;
    if (!take("#")) return false;
    while (!atEnd() && !take("\n")) at_ += 1;
    return true;
  }

  NodePtr quantified(int depth) {
    NodePtr item = atom(depth);
    while (item && !atEnd()) {
      auto repeat = make(Node::Kind::repeat);
      bool counted = false;
      if (take("*")) repeat->minimum = 0, repeat->maximum = unlimited;
      else if (take("+")) repeat->minimum = 1, repeat->maximum = unlimited;
      else if (take("?")) repeat->minimum = 0, repeat->maximum = 1;
      else if (peek("{") && braces(*repeat)) counted = true;
      else break;
      if (take("?")) repeat->taste = Node::Taste::lazy;
      else if (!counted && take("+")) repeat->taste = Node::Taste::possessive;
      repeat->children.push_back(std::move(item));
      item = std::move(repeat);
    }
    return item;
  }

  // {n} {n,} {,m} {n,m}; anything else is a literal brace.
  bool braces(Node &repeat) {
    std::size_t at = at_ + 1;
    auto number = [&]() -> std::optional<std::uint32_t> {
      std::size_t begin = at;
      std::uint32_t value = 0;
      while (at < pattern_.size() && pattern_[at] >= '0' && pattern_[at] <= '9' && at - begin < 6)
        value = value * 10 + static_cast<std::uint32_t>(pattern_[at++] - '0');
      return at == begin ? std::nullopt : std::optional(value);
    };
    auto low = number();
    auto high = low;
    if (at < pattern_.size() && pattern_[at] == ',') {
      ++at;
      high = number();
      if (!low && !high) return false;
      if (!high) high = unlimited;
    }
    if (!high || at >= pattern_.size() || pattern_[at] != '}') return false;
    repeat.minimum = low.value_or(0);
    repeat.maximum = *high;
    at_ = at + 1;
    if (repeat.minimum > maximumCount || (repeat.maximum != unlimited && repeat.maximum > maximumCount))
      fail(fmt::format("a count above {}", maximumCount));
    else if (repeat.minimum > repeat.maximum)
      fail("a count range that goes down");
    return true;
  }

  NodePtr literal(std::uint32_t c) {
    if (options_.ignoreCase) {
      auto variants = caseVariants(c);
      if (variants.size() > 1) {
        std::vector<CodeRange> list;
        for (std::uint32_t variant : variants) list.push_back({variant, variant});
        return makeSet(CodeSet(std::move(list)));
      }
    }
    auto node = make(Node::Kind::character);
    node->character = c;
    return node;
  }

  NodePtr anchor(Anchor kind) {
    auto node = make(Node::Kind::anchor);
    node->anchor = kind;
    return node;
  }

  NodePtr atom(int depth) {
    if (take("(")) return group(depth);
    if (take("[")) return makeSet(characterClass(depth + 1));
    if (take(".")) {
      return makeSet(options_.dotAll ? ranges({{0, 0x10FFFF}}) : ranges({{0, 9}, {11, 0x10FFFF}}));
    }
    if (take("^")) return anchor(Anchor::lineBegin);
    if (take("$")) return anchor(Anchor::lineEnd);
    if (take("\\")) return escape();
    if (peek("*") || peek("+") || peek("?")) { fail("a quantifier with nothing to repeat"); return nullptr; }
    return literal(nextCharacter());
  }

  NodePtr closed(NodePtr body) {
    if (!take(")")) fail("a '(' without its ')'");
    return body;
  }

  NodePtr look(bool ahead, bool negative, int depth) {
    auto node = make(Node::Kind::look);
    node->ahead = ahead;
    node->negative = negative;
    node->children.push_back(closed(alternatives(depth + 1)));
    return node;
  }

  NodePtr group(int depth) {
    Options outer = options_;
    NodePtr node;
    if (take("?:")) node = closed(alternatives(depth + 1));
    else if (take("?=")) node = look(true, false, depth);
    else if (take("?!")) node = look(true, true, depth);
    else if (take("?<=")) node = look(false, false, depth);
    else if (take("?<!")) node = look(false, true, depth);
    else if (take("?>")) {
      node = make(Node::Kind::atomic);
      node->children.push_back(closed(alternatives(depth + 1)));
    } else if (take("?#")) {
      while (!atEnd() && !peek(")")) at_ += 1;
      node = closed(nullptr);
    } else if (peek("?<") || peek("?'")) node = namedGroup(depth);
    else if (take("?")) return optionGroup(outer, depth);
    else node = closed(alternatives(depth + 1));
    options_ = outer;
    return node;
  }

  NodePtr namedGroup(int depth) {
    char end = pattern_[at_ + 1] == '<' ? '>' : '\'';
    std::size_t close = pattern_.find(end, at_ + 2);
    if (close == std::string_view::npos) { fail("a group name without its end"); return nullptr; }
    at_ = close + 1;
    return closed(alternatives(depth + 1));
  }

  // (?imx-imx:…), or (?imx-imx) which holds to the end of the group it is in, alternatives included.
  NodePtr optionGroup(Options outer, int depth) {
    bool on = true;
    while (!atEnd() && !peek(")") && !peek(":")) {
      if (take("-")) on = false;
      else if (take("i")) options_.ignoreCase = on;
      else if (take("m")) options_.dotAll = on;
      else if (take("x")) options_.extended = on;
      else { fail("an unknown group or option after '(?'"); return nullptr; }
    }
    NodePtr body;
    if (take(":")) {
      body = closed(alternatives(depth + 1));
    } else {
      if (!take(")")) fail("a '(' without its ')'");
      body = alternatives(depth + 1);
    }
    options_ = outer;
    return body;
  }

  NodePtr escape() {
    if (atEnd()) { fail("it ends with a backslash"); return nullptr; }
    char c = pattern_[at_];
    switch (c) {
      case 'b': ++at_; return anchor(Anchor::word);
      case 'B': ++at_; return anchor(Anchor::notWord);
      case 'A': ++at_; return anchor(Anchor::textBegin);
      case 'z': ++at_; return anchor(Anchor::textEnd);
      case 'Z': ++at_; return anchor(Anchor::lastLineEnd);
      case 'G': ++at_; return anchor(Anchor::searchStart);
      case 'N': ++at_; return makeSet(ranges({{0, 9}, {11, 0x10FFFF}}));
      case 'O': ++at_; return makeSet(ranges({{0, 0x10FFFF}}));
      case 'R': ++at_; return lineBreak();
      case 'X': case 'K': case 'k': case 'g': case 'y': case 'Y':
        fail(fmt::format("'\\{}' is not supported", c));
        return nullptr;
      default: break;
    }
    if (c >= '1' && c <= '9') { fail("back-references are not supported"); return nullptr; }
    if (auto set = classEscape(false)) return makeSet(options_.ignoreCase ? caseClosure(*set) : std::move(*set));
    return literal(escapedCharacter());
  }

  NodePtr lineBreak() {
    auto pair = make(Node::Kind::sequence);
    for (std::uint32_t c : {13u, 10u}) {
      auto one = make(Node::Kind::character);
      one->character = c;
      pair->children.push_back(std::move(one));
    }
    auto either = make(Node::Kind::alternatives);
    either->children.push_back(std::move(pair));
    either->children.push_back(makeSet(ranges({{10, 13}, {0x85, 0x85}, {0x2028, 0x2029}})));
    auto node = make(Node::Kind::atomic);
    node->children.push_back(std::move(either));
    return node;
  }

  // After a backslash: \d \w \s \h \p and their negations; nothing is consumed if it is another escape.
  std::optional<CodeSet> classEscape(bool inClass) {
    char c = pattern_[at_];
    std::string_view name;
    switch (c) {
      case 'd': case 'D': name = "nd"; break;
      case 'w': case 'W': name = "word"; break;
      case 's': case 'S': name = "space"; break;
      case 'h': case 'H': name = "xdigit"; break;
      case 'p': case 'P': return property(c == 'P', inClass);
      default: return std::nullopt;
    }
    ++at_;
    CodeSet set = inClass && name == "word" ? classWordSet() : *propertySet(name);
    return c >= 'a' ? set : set.complement();
  }

  std::optional<CodeSet> property(bool negative, bool inClass) {
    std::size_t close = pattern_.find('}', at_);
    if (at_ + 1 >= pattern_.size() || pattern_[at_ + 1] != '{' || close == std::string_view::npos) {
      fail("\\p without {NAME}");
      return CodeSet();
    }
    std::string_view name = pattern_.substr(at_ + 2, close - at_ - 2);
    if (name.starts_with("^")) {
      negative = !negative;
      name.remove_prefix(1);
    }
    std::string lower = lowercase(name);
    auto set = lower == "punct" ? propertySet("P") : lower == "word" && inClass ? classWordSet() : propertySet(name);
    if (!set) {
      fail(fmt::format("unknown property '{}'", name));
      return CodeSet();
    }
    at_ = close + 1;
    return negative ? set->complement() : *set;
  }

  std::uint32_t hexadecimal(std::size_t most, bool exact) {
    std::uint32_t value = 0;
    std::size_t digits = 0;
    for (; digits < most && !atEnd(); ++digits, ++at_) {
      char c = pattern_[at_];
      int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
      if (digit < 0) break;
      value = value * 16 + static_cast<std::uint32_t>(digit);
    }
    if (digits == 0 || (exact && digits != most)) fail("too few hexadecimal digits");
    if (value > 0x10FFFF) fail("a code point above 10FFFF");
    return value;
  }

  std::uint32_t escapedCharacter() {
    std::uint32_t c = nextCharacter();
    switch (c) {
      case 't': return 9;
      case 'n': return 10;
      case 'v': return 11;
      case 'f': return 12;
      case 'r': return 13;
      case 'a': return 7;
      case 'e': return 27;
      case 'u': return hexadecimal(4, true);
      case 'x': {
        if (!take("{")) return hexadecimal(2, false);
        std::uint32_t value = hexadecimal(8, false);
        if (!take("}")) fail("\\x{ without '}'");
        return value;
      }
      case '0': {
        std::uint32_t value = 0;
        for (int i = 0; i < 2 && !atEnd() && pattern_[at_] >= '0' && pattern_[at_] <= '7'; ++i)
          value = value * 8 + static_cast<std::uint32_t>(pattern_[at_++] - '0');
        return value;
      }
      case 'c': case 'C': case 'M': fail("control escapes are not supported"); return 0;
      default: return c;
    }
  }

  // After '[': a union of items, intersected at each '&&'.
  CodeSet characterClass(int depth) {
    if (depth > maximumDepth) { fail("classes are nested too deep"); return {}; }
    bool negative = take("^");
    std::vector<CodeRange> items;
    std::optional<CodeSet> before;  // what stands left of '&&'
    bool first = true;
    while (true) {
      if (atEnd()) { fail("a '[' without its ']'"); return {}; }
      if (peek("]") && !first) break;
      if (take("&&")) {
        CodeSet left(std::move(items));
        items.clear();
        before = before ? before->intersect(left) : left;
      } else {
        classItem(items, depth);
      }
      first = false;
    }
    at_ += 1;
    CodeSet set(std::move(items));
    if (before) set = before->intersect(set);
    if (options_.ignoreCase) set = caseClosure(set);
    return negative ? set.complement() : set;
  }

  void classItem(std::vector<CodeRange> &items, int depth) {
    auto append = [&](const CodeSet &set) { items.insert(items.end(), set.ranges().begin(), set.ranges().end()); };
    if (peek("[:") && posixClass(items)) return;
    if (take("[")) return append(characterClass(depth + 1));
    std::uint32_t low = 0;
    if (!classCharacter(low, append)) return;
    if (!peek("-") || pattern_.substr(at_ + 1).starts_with("]")) {
      items.push_back({low, low});
      return;
    }
    std::size_t dash = at_;
    at_ += 1;
    std::uint32_t high = 0;
    if (peek("[") || peek("&&") || !classCharacter(high, append)) {  // "a-\d": the dash is itself
      if (peek("[")) at_ = dash + 1;
      items.push_back({low, low});
      items.push_back({'-', '-'});
      return;
    }
    if (low > high) fail("a class range that goes down");
    else items.push_back({low, high});
  }

  // One character of a class; false if it was a whole set, which is appended.
  template <class Append> bool classCharacter(std::uint32_t &c, Append append) {
    if (!take("\\")) {
      c = nextCharacter();
      return true;
    }
    if (atEnd()) { fail("it ends with a backslash"); return false; }
    if (take("b")) { c = 8; return true; }
    if (auto set = classEscape(true)) {
      append(*set);
      return false;
    }
    if (take("R") || take("X")) { fail("\\R and \\X have no meaning in a class"); return false; }
    c = escapedCharacter();
    return true;
  }

  bool posixClass(std::vector<CodeRange> &items) {
    std::size_t close = pattern_.find(":]", at_ + 2);
    if (close == std::string_view::npos || close - at_ > 12) return false;
    std::string_view name = pattern_.substr(at_ + 2, close - at_ - 2);
    bool negative = name.starts_with("^");
    if (negative) name.remove_prefix(1);
    auto set = name == "word" ? classWordSet() : propertySet(name);
    if (!set) return false;
    at_ = close + 2;
    if (negative) *set = set->complement();
    items.insert(items.end(), set->ranges().begin(), set->ranges().end());
    return true;
  }

  std::string_view pattern_;
  std::size_t at_ = 0, errorAt_ = 0;
  std::string error_;
  Options options_;
};
}  // namespace

Result<NodePtr> parse(std::string_view pattern) { return Parser(pattern).parseAll(); }

}  // namespace llc::text::regex
