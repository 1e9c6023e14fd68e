#include <fmt/format.h>

#include <optional>

#include "runtime/text/regex_internal.h"

namespace llc::text::regex {

namespace {
constexpr std::size_t maximumProgram = 20000;
using Op = Instruction::Op;

bool nullable(const Node &node) {
  switch (node.kind) {
    case Node::Kind::character:
    case Node::Kind::set: return false;
    case Node::Kind::sequence:
      for (const auto &child : node.children)
        if (!nullable(*child)) return false;
      return true;
    case Node::Kind::alternatives:
      for (const auto &child : node.children)
        if (nullable(*child)) return true;
      return false;
    case Node::Kind::repeat: return node.minimum == 0 || nullable(*node.children[0]);
    case Node::Kind::atomic: return nullable(*node.children[0]);
    case Node::Kind::empty:
    case Node::Kind::anchor:
    case Node::Kind::look: return true;
  }
  return true;
}

// Characters that every match of the node has; none if that varies.
std::optional<std::uint32_t> fixedLength(const Node &node) {
  switch (node.kind) {
    case Node::Kind::character:
    case Node::Kind::set: return 1;
    case Node::Kind::sequence: {
      std::uint32_t sum = 0;
      for (const auto &child : node.children) {
        auto length = fixedLength(*child);
        if (!length || sum + *length > 10000) return std::nullopt;
        sum += *length;
      }
      return sum;
    }
    case Node::Kind::alternatives: {
      auto common = fixedLength(*node.children[0]);
      for (const auto &child : node.children)
        if (fixedLength(*child) != common) return std::nullopt;
      return common;
    }
    case Node::Kind::repeat: {
      auto length = fixedLength(*node.children[0]);
      if (!length || node.minimum != node.maximum) return std::nullopt;
      return *length * node.minimum;
    }
    case Node::Kind::atomic: return fixedLength(*node.children[0]);
    default: return 0;
  }
}

class Compiler {
 public:
  Result<std::shared_ptr<const Program>> compileAll(const Node &root, const std::string &pattern) {
    emit(root);
    put(Op::match);
    if (!error_.empty())
      return diagnose(ErrorKind::unsupported, fmt::format("regular expression {:?}", pattern.substr(0, 200)))
          .says(error_)
          .toFix("write a simpler pattern");
    return std::shared_ptr<const Program>(std::make_shared<Program>(std::move(program_)));
  }

 private:
  std::uint32_t here() const { return static_cast<std::uint32_t>(program_.code.size()); }
  std::uint32_t put(Op op, std::uint32_t a = 0, std::uint32_t b = 0) {
    if (program_.code.size() > maximumProgram) {
      error_ = fmt::format("it expands to more than {} steps", maximumProgram);
      return 0;  // the code is thrown away
    }
    program_.code.push_back({op, a, b, 0, 0, false});
    return here() - 1;
  }
  Instruction &at(std::uint32_t index) { return program_.code[index]; }

  std::uint32_t setIndex(std::shared_ptr<const CodeSet> set) {
    program_.sets.push_back(std::move(set));
    return static_cast<std::uint32_t>(program_.sets.size() - 1);
  }
  std::uint32_t setIndex(const Node &single) {
    if (single.kind == Node::Kind::set) return setIndex(single.set);
    return setIndex(std::make_shared<const CodeSet>(std::vector<CodeRange>{{single.character, single.character}}));
  }

  void emit(const Node &node) {
    if (!error_.empty()) return;
    switch (node.kind) {
      case Node::Kind::empty: break;
      case Node::Kind::character: put(Op::character, node.character); break;
      case Node::Kind::set: put(Op::set, setIndex(node)); break;
      case Node::Kind::sequence:
        for (const auto &child : node.children) emit(*child);
        break;
      case Node::Kind::alternatives: emitAlternatives(node); break;
      case Node::Kind::repeat: emitRepeat(node); break;
      case Node::Kind::anchor: put(Op::anchor, static_cast<std::uint32_t>(node.anchor)); break;
      case Node::Kind::look: node.ahead ? emitLook(node) : emitBehind(node); break;
      case Node::Kind::atomic: emitAtomic(*node.children[0]); break;
    }
  }

  void emitAlternatives(const Node &node) {
    std::vector<std::uint32_t> exits;
    for (std::size_t i = 0; i < node.children.size(); ++i) {
      bool last = i + 1 == node.children.size();
      std::uint32_t split = last ? 0 : put(Op::split, here() + 1);
      emit(*node.children[i]);
      if (last) break;
      exits.push_back(put(Op::jump));
      at(split).b = here();
    }
    for (std::uint32_t exit : exits) at(exit).a = here();
  }

  void emitAtomic(const Node &body) {
    program_.linear = false;
    std::uint32_t start = put(Op::atomic);
    emit(body);
    put(Op::match);
    at(start).a = here();
  }

  void emitLook(const Node &node) {
    program_.linear = false;
    std::uint32_t start = put(Op::look, 0, node.negative);
    emit(*node.children[0]);
    put(Op::match);
    at(start).a = here();
  }

  // anyBehind, then per alternative: behind (a: the next alternative) body match.
  void emitBehind(const Node &node) {
    program_.linear = false;
    const Node &body = *node.children[0];
    std::vector<const Node *> choices;
    if (body.kind == Node::Kind::alternatives)
      for (const auto &child : body.children) choices.push_back(child.get());
    else
      choices.push_back(&body);
    std::uint32_t start = put(Op::anyBehind, 0, node.negative);
    for (const Node *choice : choices) {
      auto length = fixedLength(*choice);
      if (!length) {
        error_ = "a lookbehind whose length varies";
        return;
      }
      std::uint32_t one = put(Op::behind);
      at(one).minimum = *length;
      emit(*choice);
      put(Op::match);
      at(one).a = here();
    }
    at(start).a = here();
  }

  void emitRepeat(const Node &node) {
    const Node &body = *node.children[0];
    bool single = body.kind == Node::Kind::set || body.kind == Node::Kind::character;
    if (node.taste == Node::Taste::possessive && !single) {
      program_.linear = false;
      std::uint32_t start = put(Op::atomic);
      emitLoop(node, body, false);
      put(Op::match);
      at(start).a = here();
    } else if (single && node.taste != Node::Taste::lazy) {
      std::uint32_t run = put(Op::run, setIndex(body));
      at(run).minimum = node.minimum;
      at(run).maximum = node.maximum;
      at(run).possessive = node.taste == Node::Taste::possessive;
    } else {
      emitLoop(node, body, node.taste == Node::Taste::lazy);
    }
  }

  // A split that prefers to go on (or, lazily, to leave); returns it so that its exit can be set.
  std::uint32_t choice(bool lazy) {
    std::uint32_t split = put(Op::split);
    (lazy ? at(split).b : at(split).a) = split + 1;
    return split;
  }
  void setExit(std::uint32_t split, bool lazy) { (lazy ? at(split).a : at(split).b) = here(); }

  void emitLoop(const Node &node, const Node &body, bool lazy) {
    for (std::uint32_t i = 0; i < node.minimum && error_.empty(); ++i) emit(body);
    if (node.maximum == unlimited) {
      program_.emptyLoops |= nullable(body);
      std::uint32_t split = choice(lazy);
      emit(body);
      put(Op::jump, split);
      setExit(split, lazy);
      return;
    }
    std::vector<std::uint32_t> splits;
    for (std::uint32_t i = node.minimum; i < node.maximum && error_.empty(); ++i) {
      splits.push_back(choice(lazy));
      emit(body);
    }
    for (std::uint32_t split : splits) setExit(split, lazy);
  }

  Program program_;
  std::string error_;
};
}  // namespace

Result<std::shared_ptr<const Program>> compile(const Node &root, const std::string &pattern) {
  return Compiler().compileAll(root, pattern);
}

}  // namespace llc::text::regex
