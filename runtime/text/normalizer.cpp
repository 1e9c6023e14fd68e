#include "runtime/text/normalizer.h"

#include "runtime/text/base64.h"
#include "runtime/text/charsmap.h"
#include "runtime/text/regex.h"
#include "runtime/text/replace.h"
#include "runtime/text/unicode.h"

namespace llc::text {

namespace {
// Keeps the characters for which keep() holds, each replaced by change().
template <class Keep, class Change> void filter(Normalized &text, Keep keep, Change change) {
  std::string out;
  out.reserve(text.text.size());
  for (CodePoint c : CodePoints(text.text)) {
    if (keep(c.value)) appendUtf8(out, change(c.value));
    else if (out.empty()) text.atStart = false;
  }
  text.text = std::move(out);
}
template <class Keep> void filter(Normalized &text, Keep keep) {
  filter(text, keep, [](std::uint32_t c) { return c; });
}

class Form : public Normalizer {
 public:
  explicit Form(NormalForm form) : form_(form) {}
  Status apply(Normalized &text) const override {
    text.text = normalize(text.text, form_);
    return success();
  }

 private:
  NormalForm form_;
};

class Lowercase : public Normalizer {
 public:
  Status apply(Normalized &text) const override {
    text.text = lowercase(text.text);
    return success();
  }
};

class Strip : public Normalizer {
 public:
  Strip(bool left, bool right) : left_(left), right_(right) {}
  Status apply(Normalized &text) const override {
    std::string &s = text.text;
    std::size_t begin = 0, end = s.size(), next = 0;
    if (left_)
      while (begin < end && isWhitespace(codePointAt(s, begin, next))) begin = next;
    if (right_)
      while (end > begin && isWhitespace(codePointAt(s, previousCharacter(s, end), next))) end = previousCharacter(s, end);
    if (begin > 0) text.atStart = false;
    s = s.substr(begin, end - begin);
    return success();
  }

 private:
  bool left_, right_;
};

class StripAccents : public Normalizer {
 public:
  Status apply(Normalized &text) const override {
    filter(text, [](std::uint32_t c) { return !accentSet().contains(c); });
    return success();
  }
};

class Replace : public Normalizer {
 public:
  Replace(Regex pattern, std::string content) : pattern_(std::move(pattern)), content_(std::move(content)) {}
  Status apply(Normalized &text) const override {
    LLC_ASSIGN(auto matches, pattern_.findAll(text.text));
    if (content_.empty() && !matches.empty() && matches[0].begin == 0 && matches[0].end > 0) text.atStart = false;
    text.text = replaceMatches(text.text, matches, content_);
    return success();
  }

 private:
  Regex pattern_;
  std::string content_;
};

class Prepend : public Normalizer {
 public:
  explicit Prepend(std::string prefix) : prefix_(std::move(prefix)) {}
  Status apply(Normalized &text) const override {
    if (!text.text.empty()) text.text.insert(0, prefix_);
    return success();
  }

 private:
  std::string prefix_;
};

class Precompiled : public Normalizer {
 public:
  explicit Precompiled(CharsMap map) : map_(std::move(map)) {}
  Status apply(Normalized &text) const override {
    text.text = map_.byGraphemes(text.text);
    return success();
  }

 private:
  CharsMap map_;
};

class Bert : public Normalizer {
 public:
  Bert(bool clean, bool chinese, bool accents, bool lower) : clean_(clean), chinese_(chinese), accents_(accents), lower_(lower) {}
  Status apply(Normalized &text) const override {
    if (clean_)
      filter(text, [](std::uint32_t c) { return !bertControlSet().contains(c); },
             [](std::uint32_t c) { return isWhitespace(c) ? std::uint32_t{' '} : c; });
    if (chinese_) spaceChinese(text.text);
    if (accents_) {
      text.text = normalize(text.text, NormalForm::nfd);
      filter(text, [](std::uint32_t c) { return !bertAccentSet().contains(c); });
    }
    if (lower_) text.text = lowercase(text.text);
    return success();
  }

 private:
  static void spaceChinese(std::string &text) {
    std::string out;
    out.reserve(text.size());
    for (CodePoint c : CodePoints(text)) {
      bool chinese = bertChineseSet().contains(c.value);
      if (chinese) out.push_back(' ');
      out.append(text, c.begin, c.end - c.begin);
      if (chinese) out.push_back(' ');
    }
    text = std::move(out);
  }
  bool clean_, chinese_, accents_, lower_;
};

// The character rules of the nmt normalization of sentencepiece.
class Nmt : public Normalizer {
 public:
  Status apply(Normalized &text) const override {
    filter(text, [](std::uint32_t c) { return !removed(c); }, [](std::uint32_t c) { return blank(c) ? std::uint32_t{' '} : c; });
    return success();
  }

 private:
  static bool removed(std::uint32_t c) {
    return (c >= 1 && c <= 8) || c == 0x0B || (c >= 0x0E && c <= 0x1F) || c == 0x7F || c == 0x8F || c == 0x9F;
  }
  static bool blank(std::uint32_t c) {
    return c == 9 || c == 0x0A || c == 0x0C || c == 0x0D || c == 0x1680 || (c >= 0x200B && c <= 0x200F) || c == 0x2028 || c == 0x2029 ||
           c == 0x2581 || c == 0xFEFF || c == 0xFFFD;
  }
};

class ByteLevel : public Normalizer {
 public:
  Status apply(Normalized &text) const override {
    text.text = bytesToCharacters(text.text);
    return success();
  }
};

class Sequence : public Normalizer {
 public:
  explicit Sequence(std::vector<std::unique_ptr<Normalizer>> steps) : steps_(std::move(steps)) {}
  Status apply(Normalized &text) const override {
    for (const auto &step : steps_) LLC_TRY(step->apply(text));
    return success();
  }

 private:
  std::vector<std::unique_ptr<Normalizer>> steps_;
};

using Made = Result<std::unique_ptr<Normalizer>>;

Made makeBert(const Fields &fields) {
  LLC_ASSIGN(bool clean, fields.boolean("clean_text", true));
  LLC_ASSIGN(bool chinese, fields.boolean("handle_chinese_chars", true));
  LLC_ASSIGN(bool lower, fields.boolean("lowercase", true));
  LLC_ASSIGN(bool accents, fields.boolean("strip_accents", lower));
  return Made(std::make_unique<Bert>(clean, chinese, accents, lower));
}

Made makeStrip(const Fields &fields) {
  LLC_ASSIGN(bool left, fields.boolean("strip_left", true));
  LLC_ASSIGN(bool right, fields.boolean("strip_right", true));
  return Made(std::make_unique<Strip>(left, right));
}

Made makePrecompiled(const Fields &fields) {
  LLC_ASSIGN(std::string encoded, fields.string("precompiled_charsmap", ""));
  if (encoded.empty()) return Made(std::make_unique<Sequence>(std::vector<std::unique_ptr<Normalizer>>()));
  auto blob = decodeBase64(encoded);
  if (!blob) return fields.bad("precompiled_charsmap", "base64");
  LLC_ASSIGN(CharsMap map, CharsMap::parse(*blob, fields.where() + ".precompiled_charsmap"));
  return Made(std::make_unique<Precompiled>(std::move(map)));
}
}  // namespace

Made makeNormalizer(const Json &json, const std::string &where, int depth) {
  if (json.is_null()) return Made(std::unique_ptr<Normalizer>());
  if (depth > 16) return badField(where, "normalizers are nested more than 16 deep");
  Fields fields(json, where);
  LLC_ASSIGN(std::string type, fields.type());
  if (type == "Sequence") {
    LLC_ASSIGN(auto steps, fields.steps<Normalizer>("normalizers", makeNormalizer, depth));
    return Made(std::make_unique<Sequence>(std::move(steps)));
  }
  if (type == "NFC") return Made(std::make_unique<Form>(NormalForm::nfc));
  if (type == "NFD") return Made(std::make_unique<Form>(NormalForm::nfd));
  if (type == "NFKC") return Made(std::make_unique<Form>(NormalForm::nfkc));
  if (type == "NFKD") return Made(std::make_unique<Form>(NormalForm::nfkd));
  if (type == "Lowercase") return Made(std::make_unique<Lowercase>());
  if (type == "StripAccents") return Made(std::make_unique<StripAccents>());
  if (type == "Nmt") return Made(std::make_unique<Nmt>());
  if (type == "ByteLevel") return Made(std::make_unique<ByteLevel>());
  if (type == "BertNormalizer") return makeBert(fields);
  if (type == "Strip") return makeStrip(fields);
  if (type == "Precompiled") return makePrecompiled(fields);
  if (type == "Prepend") {
    LLC_ASSIGN(std::string prefix, fields.string("prepend"));
    return Made(std::make_unique<Prepend>(lossyUtf8(prefix)));
  }
  if (type == "Replace") {
    LLC_ASSIGN(Regex pattern, readPattern(fields));
    LLC_ASSIGN(std::string content, fields.string("content"));
    return Made(std::make_unique<Replace>(std::move(pattern), lossyUtf8(content)));
  }
  return unknownType(where, type,
                     {"Sequence", "NFC", "NFD", "NFKC", "NFKD", "Lowercase", "StripAccents", "Nmt", "ByteLevel", "BertNormalizer",
                      "Strip", "Precompiled", "Prepend", "Replace"});
}

namespace {
struct ByteTable {
  std::array<std::string, 256> characters;
  std::array<int, 0x180> bytes;
  // Printable bytes stand for themselves, the others for the characters from U+0100 on, in order (GPT-2's table).
  ByteTable() {
    bytes.fill(-1);
    std::uint32_t next = 0x100;
    for (int b = 0; b < 256; ++b) {
      bool printable = (b >= '!' && b <= '~') || (b >= 0xA1 && b <= 0xAC) || b >= 0xAE;
      std::uint32_t c = printable ? static_cast<std::uint32_t>(b) : next++;
      appendUtf8(characters[static_cast<std::size_t>(b)], c);
      bytes[c] = b;
    }
  }
};
const ByteTable &byteTable() { static const ByteTable table; return table; }
}  // namespace

std::string_view byteCharacter(unsigned char byte) { return byteTable().characters[byte]; }
int characterByte(std::uint32_t c) { return c < byteTable().bytes.size() ? byteTable().bytes[c] : -1; }
std::string bytesToCharacters(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size() + bytes.size() / 4);
  for (char b : bytes) out.append(byteCharacter(static_cast<unsigned char>(b)));
  return out;
}

}  // namespace llc::text
