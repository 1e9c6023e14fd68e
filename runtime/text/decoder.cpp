#include "runtime/text/decoder.h"

#include "runtime/text/normalizer.h"
#include "runtime/text/regex.h"
#include "runtime/text/replace.h"

namespace llc::text {

namespace {
std::string replaceText(std::string_view text, std::string_view from, std::string_view to) {
  if (from.empty()) return std::string(text);
  std::string out;
  std::size_t at = 0;
  for (std::size_t found = text.find(from); found != std::string_view::npos; found = text.find(from, at)) {
    out.append(text.substr(at, found - at)).append(to);
    at = found + from.size();
  }
  return out.append(text.substr(at));
}

// Spaces before punctuation and English contractions, in the order of the reference.
std::string cleanUp(std::string text) {
  constexpr std::pair<std::string_view, std::string_view> rules[] = {
      {" .", "."}, {" ?", "?"}, {" !", "!"}, {" ,", ","}, {" ' ", "'"}, {" n't", "n't"}, {" 'm", "'m"},
      {" do not", " don't"}, {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"}};
  for (auto [from, to] : rules)
    if (text.find(from) != std::string::npos) text = replaceText(text, from, to);
  return text;
}

void join(Decoding &decoding) {
  std::string all;
  for (const std::string &token : decoding.tokens) all += token;
  decoding.tokens.assign(1, std::move(all));
  decoding.open = true;
}

class Bpe : public Decoder {
 public:
  explicit Bpe(std::string suffix) : suffix_(std::move(suffix)) {}
  void apply(Decoding &decoding) const override {
    if (decoding.more && !decoding.tokens.empty()) {
      decoding.tokens.pop_back();  // it may be the last one, whose suffix is not a space
      for (std::string &token : decoding.tokens) token = replaceText(token, suffix_, " ");
      return;
    }
    for (std::size_t i = 0; i < decoding.tokens.size(); ++i)
      decoding.tokens[i] = replaceText(decoding.tokens[i], suffix_, i + 1 == decoding.tokens.size() ? "" : " ");
  }

 private:
  std::string suffix_;
};

class ByteLevel : public Decoder {
 public:
  void apply(Decoding &decoding) const override {
    if (decoding.more && decoding.open) decoding.tokens.clear();  // one foreign character would change the whole token
    std::string bytes, token;
    for (const std::string &text : decoding.tokens) {
      token.clear();
      bool known = true;
      for (CodePoint c : CodePoints(text)) {
        int byte = characterByte(c.value);
        if (byte < 0) { known = false; break; }
        token.push_back(static_cast<char>(byte));
      }
      bytes += known ? token : text;
    }
    if (decoding.more) bytes.resize(bytes.size() - incompleteTail(bytes));
    decoding.tokens.assign(1, validUtf8(bytes) ? std::move(bytes) : lossyUtf8(bytes));
    decoding.open = true;
  }
};

class ByteFallback : public Decoder {
 public:
  void apply(Decoding &decoding) const override {
    if (decoding.more && decoding.open) decoding.tokens.clear();  // it may become "<0x…>", or cease to be
    std::vector<std::string> out;
    std::string run;
    auto flush = [&] {
      if (validUtf8(run)) {
        if (!run.empty()) out.push_back(run);
      } else {
        for (std::size_t i = 0; i < run.size(); ++i) out.push_back("\xEF\xBF\xBD");
      }
      run.clear();
    };
    for (std::string &token : decoding.tokens) {
      int byte = byteOf(token);
      if (byte >= 0) {
        run.push_back(static_cast<char>(byte));
        continue;
      }
      flush();
      out.push_back(std::move(token));
    }
    if (!decoding.more) flush();  // a run of bytes is valid or not as a whole
    decoding.tokens = std::move(out);
  }

 private:
  static int digit(char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
  }
  static int byteOf(std::string_view token) {
    if (token.size() != 6 || !token.starts_with("<0x") || token.back() != '>') return -1;
    int high = token[3] == '+' ? 0 : digit(token[3]), low = digit(token[4]);  // the reference's number parser takes a plus
    return high < 0 || low < 0 ? -1 : high * 16 + low;
  }
};

class Ctc : public Decoder {
 public:
  Ctc(std::string pad, std::string delimiter, bool cleanup) : pad_(std::move(pad)), delimiter_(std::move(delimiter)), cleanup_(cleanup) {}
  void apply(Decoding &decoding) const override {
    if (decoding.more && decoding.open) decoding.tokens.clear();
    std::vector<std::string> out;
    const std::string *previous = nullptr;
    for (const std::string &token : decoding.tokens) {
      if (previous && *previous == token) continue;
      previous = &token;
      std::string text = replaceText(token, pad_, "");
      if (cleanup_) text = replaceText(cleanUp(std::move(text)), delimiter_, " ");
      if (!text.empty()) out.push_back(std::move(text));
    }
    decoding.tokens = std::move(out);
  }

 private:
  std::string pad_, delimiter_;
  bool cleanup_;
};

class Fuse : public Decoder {
 public:
  void apply(Decoding &decoding) const override { join(decoding); }
};

class Metaspace : public Decoder {
 public:
  Metaspace(std::string replacement, bool prepended) : replacement_(std::move(replacement)), prepended_(prepended) {}
  void apply(Decoding &decoding) const override {
    for (std::size_t i = 0; i < decoding.tokens.size(); ++i)
      decoding.tokens[i] = replaceText(decoding.tokens[i], replacement_, i == 0 && prepended_ ? "" : " ");
  }

 private:
  std::string replacement_;
  bool prepended_;
};

class Replace : public Decoder {
 public:
  Replace(Regex pattern, std::string content, bool literal)
      : pattern_(std::move(pattern)), content_(std::move(content)), literal_(literal) {}
  void apply(Decoding &decoding) const override {
    if (decoding.more && decoding.open && !decoding.tokens.empty()) holdBack(decoding.tokens.back());
    for (std::string &token : decoding.tokens) {
      auto matches = pattern_.findAll(token);
      if (matches.ok()) token = replaceMatches(token, *matches, content_);  // linear patterns don't fail
    }
  }

 private:
  // The end of a growing text that could become part of a match.
  void holdBack(std::string &text) const {
    if (!literal_) return text.clear();
    const std::string &wanted = pattern_.pattern();
    std::size_t from = text.rfind(wanted);
    std::size_t least = from == std::string::npos ? 0 : from + wanted.size();
    std::size_t most = wanted.empty() ? 0 : wanted.size() - 1;
    for (std::size_t length = std::min(most, text.size() - least); length > 0; --length) {
      if (text.compare(text.size() - length, length, wanted, 0, length) != 0) continue;
      text.resize(text.size() - length);
      return;
    }
  }
  Regex pattern_;
  std::string content_;
  bool literal_;
};

class Strip : public Decoder {
 public:
  Strip(std::string content, std::size_t start, std::size_t stop) : content_(std::move(content)), start_(start), stop_(stop) {}
  void apply(Decoding &decoding) const override {
    for (std::size_t i = 0; i < decoding.tokens.size(); ++i) {
      std::string &token = decoding.tokens[i];
      bool grows = decoding.more && decoding.open && i + 1 == decoding.tokens.size();
      std::size_t begin = 0, end = token.size();
      for (std::size_t n = 0; n < start_ && token.compare(begin, content_.size(), content_) == 0; ++n) begin += content_.size();
      auto endsWith = [&] { return end >= content_.size() && token.compare(end - content_.size(), content_.size(), content_) == 0; };
      for (std::size_t n = 0; n < stop_ && endsWith(); ++n) end -= content_.size();
      if (grows && begin == token.size()) end = begin;
      token = end > begin ? token.substr(begin, end - begin) : std::string();
    }
  }

 private:
  std::string content_;
  std::size_t start_, stop_;
};

class WordPiece : public Decoder {
 public:
  WordPiece(std::string prefix, bool cleanup) : prefix_(std::move(prefix)), cleanup_(cleanup) {}
  void apply(Decoding &decoding) const override {
    if (decoding.more && decoding.open) decoding.tokens.clear();
    for (std::size_t i = 0; i < decoding.tokens.size(); ++i) {
      std::string &token = decoding.tokens[i];
      if (i > 0) {
        if (token.starts_with(prefix_)) token.erase(0, prefix_.size());
        else token.insert(0, 1, ' ');
      }
      if (cleanup_) token = cleanUp(std::move(token));
    }
  }

 private:
  std::string prefix_;
  bool cleanup_;
};

class Sequence : public Decoder {
 public:
  explicit Sequence(std::vector<std::unique_ptr<Decoder>> steps) : steps_(std::move(steps)) {}
  void apply(Decoding &decoding) const override {
    for (const auto &step : steps_) step->apply(decoding);
  }

 private:
  std::vector<std::unique_ptr<Decoder>> steps_;
};

using Made = Result<std::unique_ptr<Decoder>>;

Made makeMetaspace(const Fields &fields) {
  LLC_ASSIGN(std::uint32_t replacement, fields.character("replacement"));
  LLC_ASSIGN(bool addPrefixSpace, fields.boolean("add_prefix_space", true));
  LLC_ASSIGN(std::string scheme, fields.string("prepend_scheme", addPrefixSpace ? "always" : "never"));
  std::string text;
  appendUtf8(text, replacement);
  return Made(std::make_unique<Metaspace>(text, scheme != "never"));
}

Made makeReplace(const Fields &fields) {
  LLC_ASSIGN(Regex pattern, readPattern(fields));
  if (!pattern.linear())
    return diagnose(ErrorKind::unsupported, fields.where() + ".pattern")
        .says("a decoder's pattern must be short and without lookaround and atomic groups")
        .toFix("write the pattern with plain repetition and alternatives");
  LLC_ASSIGN(std::string content, fields.string("content"));
  const Json &wanted = *fields.find("pattern");
  bool literal = wanted.is_string() || wanted.contains("String");
  return Made(std::make_unique<Replace>(std::move(pattern), std::move(content), literal));
}

Made makeStrip(const Fields &fields) {
  LLC_ASSIGN(std::uint32_t content, fields.character("content"));
  LLC_ASSIGN(std::size_t start, fields.size("start", 0));
  LLC_ASSIGN(std::size_t stop, fields.size("stop", 0));
  std::string text;
  appendUtf8(text, content);
  return Made(std::make_unique<Strip>(text, start, stop));
}

Made makeCtc(const Fields &fields) {
  LLC_ASSIGN(std::string pad, fields.string("pad_token", "<pad>"));
  LLC_ASSIGN(std::string delimiter, fields.string("word_delimiter_token", "|"));
  LLC_ASSIGN(bool cleanup, fields.boolean("cleanup", true));
  return Made(std::make_unique<Ctc>(std::move(pad), std::move(delimiter), cleanup));
}
}  // namespace

std::unique_ptr<Decoder> makeByteLevelDecoder() { return std::make_unique<ByteLevel>(); }
std::unique_ptr<Decoder> makeWordPieceDecoder(std::string prefix, bool cleanup) {
  return std::make_unique<WordPiece>(std::move(prefix), cleanup);
}

Made makeDecoder(const Json &json, const std::string &where, int depth) {
  if (json.is_null()) return Made(std::unique_ptr<Decoder>());
  if (depth > 16) return badField(where, "decoders are nested more than 16 deep");
  Fields fields(json, where);
  LLC_ASSIGN(std::string type, fields.type());
  if (type == "Sequence") {
    LLC_ASSIGN(auto steps, fields.steps<Decoder>("decoders", makeDecoder, depth));
    return Made(std::make_unique<Sequence>(std::move(steps)));
  }
  if (type == "ByteLevel") return Made(makeByteLevelDecoder());
  if (type == "ByteFallback") return Made(std::make_unique<ByteFallback>());
  if (type == "Fuse") return Made(std::make_unique<Fuse>());
  if (type == "Metaspace") return makeMetaspace(fields);
  if (type == "Replace") return makeReplace(fields);
  if (type == "Strip") return makeStrip(fields);
  if (type == "CTC") return makeCtc(fields);
  if (type == "BPEDecoder") {
    LLC_ASSIGN(std::string suffix, fields.string("suffix", "</w>"));
    return Made(std::make_unique<Bpe>(std::move(suffix)));
  }
  if (type == "WordPiece") {
    LLC_ASSIGN(std::string prefix, fields.string("prefix", "##"));
    LLC_ASSIGN(bool cleanup, fields.boolean("cleanup", true));
    return Made(makeWordPieceDecoder(std::move(prefix), cleanup));
  }
  return unknownType(where, type,
                     {"Sequence", "ByteLevel", "ByteFallback", "Fuse", "Metaspace", "Replace", "Strip", "CTC", "BPEDecoder", "WordPiece"});
}

}  // namespace llc::text
