#include <fmt/format.h>

#include <optional>
#include <unordered_set>

#include "runtime/text/regex.h"
#include "runtime/text/regex_internal.h"
#include "runtime/text/utf8.h"

namespace llc::text {

namespace regex {
namespace {
using Op = Instruction::Op;

// A state to try when the present one fails: `at`, or any character boundary from `lowest` to `at`, longest first.
struct Alternative {
  std::uint32_t instruction;
  std::size_t lowest, at;
};

class Matcher {
 public:
  Matcher(const Program &program, std::string_view text)
      : program_(program), text_(text), budget_(50'000'000 + 1000 * std::uint64_t{text.size()}) {}

  // The leftmost match at or after `from`. None: no match, or exhausted().
  std::optional<RegexMatch> search(std::size_t from) {
    searchStart_ = from;
    steps_ = 0;
    forget();
    for (std::size_t at = from;; at += characterLength(text_[at])) {
      if (auto end = run(0, at, false)) return RegexMatch{at, *end};
      if (exhausted_ || at >= text_.size()) return std::nullopt;
    }
  }
  bool exhausted() const { return exhausted_; }

 private:
  static constexpr std::size_t maximumWords = std::size_t{1} << 25;  // 256 MiB
  static constexpr std::size_t failed = static_cast<std::size_t>(-1);

  // Failed states are worth remembering once a search has taken many more steps than there is text.
  bool remembering() const { return program_.emptyLoops || steps_ > 32 * (text_.size() - searchStart_) + 4096; }

  bool visited(std::uint32_t instruction, std::size_t at) {
    std::size_t bit = instruction * (text_.size() + 1) + at;
    if (memory_.empty()) {
      std::size_t words = program_.code.size() * (text_.size() + 1) / 64 + 1;
      if (words > maximumWords) { exhausted_ = true; return true; }
      memory_.resize(words);
    }
    std::uint64_t &word = memory_[bit / 64], mask = std::uint64_t{1} << (bit % 64);
    if (word & mask) return true;
    if (word == 0) touched_.push_back(bit / 64);
    word |= mask;
    return false;
  }
  void forget() {
    for (std::size_t word : touched_) memory_[word] = 0;
    touched_.clear();
  }

  bool spend(std::size_t steps) {
    steps_ += steps;
    if (program_.linear) return true;
    if (budget_ < steps) exhausted_ = true;
    budget_ -= std::min<std::uint64_t>(steps, budget_);
    return !exhausted_;
  }

  // Runs from an instruction to its `match`; inner: a lookaround or atomic body. Returns where the match ends.
  std::optional<std::size_t> run(std::uint32_t instruction, std::size_t at, bool inner) {
    const std::size_t bottom = stack_.size();
    std::unordered_set<std::uint64_t> innerVisited;
    std::optional<std::size_t> found;
    while (true) {
      if (!spend(1)) break;
      bool remember = inner ? program_.emptyLoops : remembering();
      bool again = remember && (inner ? !innerVisited.insert(std::uint64_t{instruction} * (text_.size() + 1) + at).second
                                      : visited(instruction, at));
      std::size_t next = again ? failed : step(instruction, at, remember && !inner);
      if (next != failed) {
        if (program_.code[instruction].op == Op::match) { found = at; break; }
        instruction = target_;
        at = next;
      } else if (!resume(bottom, instruction, at)) {
        break;
      }
    }
    stack_.resize(bottom);
    return found;
  }

  bool resume(std::size_t bottom, std::uint32_t &instruction, std::size_t &at) {
    if (stack_.size() == bottom) return false;
    Alternative &top = stack_.back();
    instruction = top.instruction;
    at = top.at;
    if (top.at == top.lowest) stack_.pop_back();
    else top.at = previousCharacter(text_, top.at);
    return true;
  }

  // Executes one instruction: the new position, with the next instruction in target_; or `failed`.
  std::size_t step(std::uint32_t index, std::size_t at, bool remember) {
    const Instruction &in = program_.code[index];
    target_ = index + 1;
    switch (in.op) {
      case Op::character: {
        std::size_t next = at;
        return at < text_.size() && codePointAt(text_, at, next) == in.a ? next : failed;
      }
      case Op::set: {
        std::size_t next = at;
        return at < text_.size() && program_.sets[in.a]->contains(codePointAt(text_, at, next)) ? next : failed;
      }
      case Op::run: return stepRun(in, index, at, remember);
      case Op::split:
        stack_.push_back({in.b, at, at});
        target_ = in.a;
        return at;
      case Op::jump: target_ = in.a; return at;
      case Op::anchor: return holds(static_cast<Anchor>(in.a), at) ? at : failed;
      case Op::match: return at;
      default: return stepInner(in, index, at);
    }
  }

  std::size_t stepRun(const Instruction &in, std::uint32_t index, std::size_t at, bool remember) {
    const CodeSet &set = *program_.sets[in.a];
    std::size_t end = at, lowest = at;
    // While states are remembered, an unbounded run goes character by character, so that no stretch is scanned twice.
    bool single = remember && in.maximum == unlimited && !in.possessive;
    std::uint32_t most = single ? in.minimum + 1 : in.maximum, count = 0;
    while (count < most && end < text_.size()) {
      std::size_t next = end;
      if (!set.contains(codePointAt(text_, end, next))) break;
      end = next;
      if (++count == in.minimum) lowest = end;
    }
    steps_ += count;
    if (!program_.linear) spend(count);
    if (count < in.minimum) return failed;
    if (single && in.minimum <= 1 && count == most) {
      stack_.push_back({index + 1, lowest, lowest});
      if (in.minimum == 0) { target_ = index; return end; }
      target_ = index;  // x+ behind its first x is x+ again, or the end
      return lowest;
    }
    if (single && count == most) return wholeRun(in, set, index, lowest);
    if (!in.possessive && end > lowest) stack_.push_back({index + 1, lowest, previousCharacter(text_, end)});
    return end;
  }

  std::size_t wholeRun(const Instruction &in, const CodeSet &set, std::uint32_t index, std::size_t lowest) {
    std::size_t end = lowest;
    for (std::size_t next = end; end < text_.size() && set.contains(codePointAt(text_, end, next)); end = next) ++steps_;
    if (end > lowest) stack_.push_back({index + 1, lowest, previousCharacter(text_, end)});
    return end;
  }

  std::size_t stepInner(const Instruction &in, std::uint32_t index, std::size_t at) {
    std::uint32_t after = in.a;
    std::size_t result = failed;
    if (in.op == Op::atomic) {
      if (auto end = run(index + 1, at, true)) result = *end;
    } else if (in.op == Op::look) {
      bool matched = run(index + 1, at, true).has_value();
      if (!exhausted_ && matched != (in.b != 0)) result = at;
    } else {
      bool matched = false;
      for (std::uint32_t one = index + 1; one < after && !matched; one = program_.code[one].a) {
        std::size_t start = at;
        std::uint32_t back = program_.code[one].minimum;
        for (; back > 0 && start > 0; --back) start = previousCharacter(text_, start);
        if (back == 0) matched = run(one + 1, start, true).has_value();
      }
      if (!exhausted_ && matched != (in.b != 0)) result = at;
    }
    target_ = after;
    return result;
  }

  bool wordAt(std::size_t at) const {
    std::size_t next = 0;
    return at < text_.size() && wordSet().contains(codePointAt(text_, at, next));
  }

  bool holds(Anchor anchor, std::size_t at) const {
    bool end = at == text_.size();
    switch (anchor) {
      case Anchor::lineBegin: return at == 0 || (!end && text_[at - 1] == '\n');
      case Anchor::lineEnd: return end || text_[at] == '\n';
      case Anchor::textBegin: return at == 0;
      case Anchor::textEnd: return end;
      case Anchor::lastLineEnd: return end || (at + 1 == text_.size() && text_[at] == '\n');
      case Anchor::searchStart: return at == searchStart_;
      case Anchor::word:
      case Anchor::notWord: {
        bool boundary = (at > 0 && wordAt(previousCharacter(text_, at))) != wordAt(at);
        return boundary == (anchor == Anchor::word);
      }
    }
    return false;
  }

  const Program &program_;
  std::string_view text_;
  std::uint64_t budget_;
  std::uint64_t steps_ = 0;
  std::size_t searchStart_ = 0;
  bool exhausted_ = false;
  std::uint32_t target_ = 0;
  std::vector<Alternative> stack_;
  std::vector<std::uint64_t> memory_;
  std::vector<std::size_t> touched_;
};
}  // namespace
}  // namespace regex

Result<Regex> Regex::compile(std::string_view pattern) {
  constexpr std::size_t longest = 65536;
  if (pattern.size() > longest)
    return diagnose(ErrorKind::resource, "regular expression")
        .says(fmt::format("the pattern is {} bytes long, the limit is {}", pattern.size(), longest))
        .toFix("write a shorter pattern");
  Regex compiled;
  compiled.pattern_ = std::string(pattern);
  LLC_ASSIGN(auto tree, regex::parse(pattern));
  LLC_ASSIGN(compiled.program_, regex::compile(*tree, compiled.pattern_));
  return compiled;
}

Regex Regex::literal(std::string_view text) {
  Regex plain;
  plain.pattern_ = plain.literal_ = std::string(text);
  return plain;
}

bool Regex::linear() const { return !program_ || (program_->linear && program_->code.size() <= 500); }

Result<std::vector<RegexMatch>> Regex::findAll(std::string_view text) const {
  std::vector<RegexMatch> matches;
  if (!program_) {
    if (literal_.empty()) return matches;
    for (std::size_t at = text.find(literal_); at != std::string_view::npos; at = text.find(literal_, at + literal_.size()))
      matches.push_back({at, at + literal_.size()});
    return matches;
  }
  regex::Matcher matcher(*program_, text);
  std::optional<std::size_t> lastEnd;
  for (std::size_t from = 0; from <= text.size();) {
    auto match = matcher.search(from);
    if (matcher.exhausted())
      return diagnose(ErrorKind::resource, fmt::format("regular expression {:?}", pattern_.substr(0, 200)))
          .says(fmt::format("matching a text of {} bytes takes too many steps", text.size()))
          .toFix("shorten the text, or write the pattern without nested repetition");
    if (!match) break;
    if (match->begin == match->end && lastEnd == match->end) {
      from += from < text.size() ? characterLength(text[from]) : 1;
      continue;
    }
    matches.push_back(*match);
    from = match->end;
    lastEnd = match->end;
  }
  return matches;
}

}  // namespace llc::text
