#include "runtime/text/pretokenizer.h"

#include "runtime/text/normalizer.h"
#include "runtime/text/regex.h"
#include "runtime/text/replace.h"
#include "runtime/text/unicode.h"

namespace llc::text {

namespace {
using Piece = Pieces::Piece;

// A stretch of a piece: matched by the delimiter or not.
struct Stretch {
  std::size_t begin, end;
  bool matched;
};
enum class Behavior { isolated, removed, contiguous, withPrevious, withNext };

// What becomes of the stretches of one piece.
std::vector<Stretch> arrange(const std::vector<Stretch> &stretches, Behavior behavior) {
  std::vector<Stretch> out;
  auto mergeOne = [&](const Stretch &stretch, bool &previous, auto extend) {
    if (stretch.matched && !previous && !out.empty()) extend(out.back(), stretch);
    else out.push_back(stretch);
    previous = stretch.matched;
  };
  bool previous = false;
  switch (behavior) {
    case Behavior::isolated: return stretches;
    case Behavior::removed:
      for (const Stretch &stretch : stretches)
        if (!stretch.matched) out.push_back(stretch);
      break;
    case Behavior::contiguous:
      for (const Stretch &stretch : stretches) {
        if (!out.empty() && out.back().matched == stretch.matched) out.back().end = stretch.end;
        else out.push_back(stretch);
      }
      break;
    case Behavior::withPrevious:
      for (const Stretch &stretch : stretches) mergeOne(stretch, previous, [](Stretch &last, const Stretch &s) { last.end = s.end; });
      break;
    case Behavior::withNext:
      for (auto stretch = stretches.rbegin(); stretch != stretches.rend(); ++stretch)
        mergeOne(*stretch, previous, [](Stretch &last, const Stretch &s) { last.begin = s.begin; });
      std::reverse(out.begin(), out.end());
      break;
  }
  return out;
}

// Cuts every piece: find(text of the piece) gives its stretches.
template <class Find> Status cut(Pieces &pieces, Behavior behavior, Find find) {
  std::vector<Piece> out;
  out.reserve(pieces.pieces.size() * 2);
  std::vector<Stretch> stretches;
  for (const Piece &piece : pieces.pieces) {
    std::string_view text = std::string_view(pieces.text).substr(piece.begin, piece.end - piece.begin);
    stretches.clear();
    LLC_TRY(find(text, stretches));
    auto append = [&](const std::vector<Stretch> &list) {
      for (const Stretch &s : list)
        if (s.end > s.begin) out.push_back({piece.begin + s.begin, piece.begin + s.end, piece.atStart && s.begin == 0});
    };
    if (behavior == Behavior::isolated) append(stretches);
    else append(arrange(stretches, behavior));
  }
  pieces.pieces = std::move(out);
  return success();
}

// Stretches of characters for which matches() holds, one by one, and of the others, together.
template <class Matches> Status cutCharacters(Pieces &pieces, Behavior behavior, Matches matches) {
  return cut(pieces, behavior, [&](std::string_view text, std::vector<Stretch> &stretches) {
    std::size_t last = 0;
    for (CodePoint c : CodePoints(text)) {
      if (!matches(c.value)) continue;
      if (last < c.begin) stretches.push_back({last, c.begin, false});
      stretches.push_back({c.begin, c.end, true});
      last = c.end;
    }
    if (last < text.size()) stretches.push_back({last, text.size(), false});
    return success();
  });
}

Status cutMatches(Pieces &pieces, Behavior behavior, const Regex &pattern, bool invert) {
  return cut(pieces, behavior, [&](std::string_view text, std::vector<Stretch> &stretches) -> Status {
    LLC_ASSIGN(auto matches, pattern.findAll(text));
    std::size_t last = 0;
    for (RegexMatch match : matches) {
      if (last != match.begin) stretches.push_back({last, match.begin, invert});
      stretches.push_back({match.begin, match.end, !invert});
      last = match.end;
    }
    if (last != text.size()) stretches.push_back({last, text.size(), invert});
    return success();
  });
}

// Replaces the text of every piece by change(text, piece).
template <class Change> void rewrite(Pieces &pieces, Change change) {
  std::string out;
  out.reserve(pieces.text.size() + pieces.text.size() / 4);
  for (Piece &piece : pieces.pieces) {
    std::size_t begin = out.size();
    change(std::string_view(pieces.text).substr(piece.begin, piece.end - piece.begin), piece, out);
    piece.begin = begin;
    piece.end = out.size();
  }
  pieces.text = std::move(out);
}

class Bert : public PreTokenizer {
 public:
  Status apply(Pieces &pieces) const override {
    LLC_TRY(cutCharacters(pieces, Behavior::removed, isWhitespace));
    return cutCharacters(pieces, Behavior::isolated, [](std::uint32_t c) { return punctuationSet().contains(c); });
  }
};

class ByteLevel : public PreTokenizer {
 public:
  ByteLevel(bool addPrefixSpace, std::optional<Regex> pattern) : addPrefixSpace_(addPrefixSpace), pattern_(std::move(pattern)) {}
  Status apply(Pieces &pieces) const override {
    if (addPrefixSpace_)
      rewrite(pieces, [](std::string_view text, Piece &, std::string &out) {
        if (!text.starts_with(' ')) out.push_back(' ');
        out.append(text);
      });
    if (pattern_) LLC_TRY(cutMatches(pieces, Behavior::isolated, *pattern_, false));
    rewrite(pieces, [](std::string_view text, Piece &, std::string &out) {
      for (char byte : text) out.append(byteCharacter(static_cast<unsigned char>(byte)));
    });
    return success();
  }

 private:
  bool addPrefixSpace_;
  std::optional<Regex> pattern_;
};

class Metaspace : public PreTokenizer {
 public:
  enum class Prepend { first, never, always };
  Metaspace(std::uint32_t replacement, Prepend prepend, bool split) : replacement_(replacement), prepend_(prepend), split_(split) {
    appendUtf8(text_, replacement);
  }
  Status apply(Pieces &pieces) const override {
    rewrite(pieces, [&](std::string_view text, Piece &piece, std::string &out) {
      bool wanted = prepend_ == Prepend::always || (prepend_ == Prepend::first && piece.atStart);
      if (wanted && !text.starts_with(text_) && !text.starts_with(' ')) out.append(text_);
      for (char byte : text) {
        if (byte == ' ') out.append(text_);
        else out.push_back(byte);
      }
    });
    if (!split_) return success();
    return cutCharacters(pieces, Behavior::withNext, [&](std::uint32_t c) { return c == replacement_; });
  }

 private:
  std::uint32_t replacement_;
  std::string text_;
  Prepend prepend_;
  bool split_;
};

// One character, or the characters of a set, as delimiters.
class Characters : public PreTokenizer {
 public:
  Characters(std::function<bool(std::uint32_t)> matches, Behavior behavior) : matches_(std::move(matches)), behavior_(behavior) {}
  Status apply(Pieces &pieces) const override { return cutCharacters(pieces, behavior_, matches_); }

 private:
  std::function<bool(std::uint32_t)> matches_;
  Behavior behavior_;
};

class Split : public PreTokenizer {
 public:
  Split(Regex pattern, Behavior behavior, bool invert) : pattern_(std::move(pattern)), behavior_(behavior), invert_(invert) {}
  Status apply(Pieces &pieces) const override { return cutMatches(pieces, behavior_, pattern_, invert_); }

 private:
  Regex pattern_;
  Behavior behavior_;
  bool invert_;
};

// \w+|[^\w\s]+ : what is left are whitespaces.
class Whitespace : public PreTokenizer {
 public:
  Status apply(Pieces &pieces) const override {
    return cut(pieces, Behavior::removed, [](std::string_view text, std::vector<Stretch> &stretches) {
      enum Class { space, word, other };
      Class last = space;
      for (CodePoint c : CodePoints(text)) {
        Class now = rustWordSet().contains(c.value) ? word : isWhitespace(c.value) ? space : other;
        if (now == last && !stretches.empty()) stretches.back().end = c.end;
        else stretches.push_back({c.begin, c.end, now == space});
        last = now;
      }
      return success();
    });
  }
};

class UnicodeScripts : public PreTokenizer {
 public:
  Status apply(Pieces &pieces) const override {
    return cut(pieces, Behavior::isolated, [](std::string_view text, std::vector<Stretch> &stretches) {
      // What stands before the first character that has a script is dropped: so does the reference.
      std::uint8_t last = 0;
      for (CodePoint c : CodePoints(text)) {
        std::uint8_t script = scriptOf(c.value);
        if (script != 0 && script != last) {
          stretches.push_back({c.begin, c.end, false});
          last = script;
        } else if (!stretches.empty()) {
          stretches.back().end = c.end;
        }
      }
      return success();
    });
  }
};

class FixedLength : public PreTokenizer {
 public:
  explicit FixedLength(std::size_t length) : length_(length) {}
  Status apply(Pieces &pieces) const override {
    return cut(pieces, Behavior::isolated, [&](std::string_view text, std::vector<Stretch> &stretches) {
      std::size_t count = 0;
      for (CodePoint c : CodePoints(text)) {
        if (count++ % length_ == 0) stretches.push_back({c.begin, c.end, false});
        else stretches.back().end = c.end;
      }
      return success();
    });
  }

 private:
  std::size_t length_;
};

class Sequence : public PreTokenizer {
 public:
  explicit Sequence(std::vector<std::unique_ptr<PreTokenizer>> steps) : steps_(std::move(steps)) {}
  Status apply(Pieces &pieces) const override {
    for (const auto &step : steps_) LLC_TRY(step->apply(pieces));
    return success();
  }

 private:
  std::vector<std::unique_ptr<PreTokenizer>> steps_;
};

using Made = Result<std::unique_ptr<PreTokenizer>>;

Result<Behavior> readBehavior(const Fields &fields, const char *otherwise) {
  LLC_ASSIGN(std::string name, fields.string("behavior", otherwise));
  if (name == "Isolated") return Behavior::isolated;
  if (name == "Removed") return Behavior::removed;
  if (name == "Contiguous") return Behavior::contiguous;
  if (name == "MergedWithPrevious") return Behavior::withPrevious;
  if (name == "MergedWithNext") return Behavior::withNext;
  return fields.bad("behavior", fmt::format("Isolated, Removed, Contiguous, MergedWithPrevious or MergedWithNext, found '{}'", name));
}

Made makeMetaspace(const Fields &fields) {
  LLC_ASSIGN(std::uint32_t replacement, fields.character("replacement"));
  LLC_ASSIGN(bool addPrefixSpace, fields.boolean("add_prefix_space", true));
  LLC_ASSIGN(std::string scheme, fields.string("prepend_scheme", addPrefixSpace ? "always" : "never"));
  LLC_ASSIGN(bool split, fields.boolean("split", true));
  auto prepend = Metaspace::Prepend::always;
  if (scheme == "first") prepend = Metaspace::Prepend::first;
  else if (scheme == "never") prepend = Metaspace::Prepend::never;
  else if (scheme != "always") return fields.bad("prepend_scheme", fmt::format("always, first or never, found '{}'", scheme));
  if (!addPrefixSpace && prepend != Metaspace::Prepend::never)
    return fields.bad("prepend_scheme", "never, because add_prefix_space is false");
  return Made(std::make_unique<Metaspace>(replacement, prepend, split));
}

Made makeByteLevel(const Fields &fields) {
  LLC_ASSIGN(bool addPrefixSpace, fields.boolean("add_prefix_space", true));
  LLC_ASSIGN(bool useRegex, fields.boolean("use_regex", true));
  if (useRegex) return makeByteLevelPreTokenizer(addPrefixSpace);
  return Made(std::make_unique<ByteLevel>(addPrefixSpace, std::nullopt));
}

Made makeSplitFrom(const Fields &fields) {
  LLC_ASSIGN(Regex pattern, readPattern(fields));
  LLC_ASSIGN(Behavior behavior, readBehavior(fields, "?"));
  LLC_ASSIGN(bool invert, fields.boolean("invert", false));
  return Made(std::make_unique<Split>(std::move(pattern), behavior, invert));
}

Made makeCharacters(const Fields &fields, const std::string &type) {
  if (type == "WhitespaceSplit") return Made(std::make_unique<Characters>(isWhitespace, Behavior::removed));
  if (type == "CharDelimiterSplit") {
    LLC_ASSIGN(std::uint32_t delimiter, fields.character("delimiter"));
    return Made(std::make_unique<Characters>([delimiter](std::uint32_t c) { return c == delimiter; }, Behavior::removed));
  }
  if (type == "Digits") {
    LLC_ASSIGN(bool individual, fields.boolean("individual_digits", false));
    return Made(std::make_unique<Characters>([](std::uint32_t c) { return numericSet().contains(c); },
                                             individual ? Behavior::isolated : Behavior::contiguous));
  }
  LLC_ASSIGN(Behavior behavior, readBehavior(fields, "Isolated"));
  return Made(std::make_unique<Characters>([](std::uint32_t c) { return punctuationSet().contains(c); }, behavior));
}
}  // namespace

Made makeByteLevelPreTokenizer(bool addPrefixSpace) {
  LLC_ASSIGN(Regex pattern, Regex::compile(R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)"));
  return Made(std::make_unique<ByteLevel>(addPrefixSpace, std::move(pattern)));
}

Made makeSplit(std::string_view pattern) {
  LLC_ASSIGN(Regex compiled, Regex::compile(pattern));
  return Made(std::make_unique<Split>(std::move(compiled), Behavior::isolated, false));
}

Made makePreTokenizer(const Json &json, const std::string &where, int depth) {
  if (json.is_null()) return Made(std::unique_ptr<PreTokenizer>());
  if (depth > 16) return badField(where, "pre-tokenizers are nested more than 16 deep");
  Fields fields(json, where);
  LLC_ASSIGN(std::string type, fields.type());
  if (type == "Sequence") {
    LLC_ASSIGN(auto steps, fields.steps<PreTokenizer>("pretokenizers", makePreTokenizer, depth));
    return Made(std::make_unique<Sequence>(std::move(steps)));
  }
  if (type == "ByteLevel") return makeByteLevel(fields);
  if (type == "Metaspace") return makeMetaspace(fields);
  if (type == "Split") return makeSplitFrom(fields);
  if (type == "BertPreTokenizer") return Made(std::make_unique<Bert>());
  if (type == "Whitespace") return Made(std::make_unique<Whitespace>());
  if (type == "UnicodeScripts") return Made(std::make_unique<UnicodeScripts>());
  if (type == "FixedLength") {
    LLC_ASSIGN(std::size_t length, fields.size("length", 5));
    if (length == 0) return fields.bad("length", "at least 1");
    return Made(std::make_unique<FixedLength>(length));
  }
  if (type == "WhitespaceSplit" || type == "CharDelimiterSplit" || type == "Digits" || type == "Punctuation")
    return makeCharacters(fields, type);
  return unknownType(where, type,
                     {"Sequence", "ByteLevel", "Metaspace", "Split", "BertPreTokenizer", "Whitespace", "UnicodeScripts",
                      "FixedLength", "WhitespaceSplit", "CharDelimiterSplit", "Digits", "Punctuation"});
}

}  // namespace llc::text
