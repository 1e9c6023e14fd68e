#include "runtime/text/rwkv.h"

#include "runtime/text/json_fields.h"
#include "runtime/text/trie.h"
#include "runtime/text/vocabulary.h"

namespace llc::text {

namespace {
class Rwkv : public Engine {
 public:
  explicit Rwkv(Vocabulary vocabulary) : vocabulary_(std::move(vocabulary)) {
    std::vector<ByteTrie::Key> keys;
    for (std::size_t id = 0; id < vocabulary_.idEnd(); ++id)
      if (auto token = vocabulary_.tokenOf(static_cast<TokenId>(id))) keys.push_back({*token, static_cast<std::int32_t>(id)});
    trie_ = ByteTrie(std::move(keys));
  }
  Result<std::vector<TokenId>> encode(std::string_view text, const EncodeOptions &) const override {
    std::vector<TokenId> ids;
    for (std::size_t at = 0; at < text.size();) {
      TokenId id = -1;
      std::size_t length = trie_.longest(text, at, id);
      if (length == 0)
        return diagnose(ErrorKind::invalidInput, "RWKV vocabulary")
            .says(fmt::format("byte 0x{:02X} has no token", static_cast<unsigned char>(text[at])))
            .toFix("use a vocabulary that has all 256 bytes");
      ids.push_back(id);
      at += length;
    }
    return ids;
  }
  std::string decode(std::span<const TokenId> ids, bool, bool more) const override {
    std::string bytes;
    for (TokenId id : ids)
      if (auto token = vocabulary_.tokenOf(id)) bytes += *token;
    if (more) bytes.resize(bytes.size() - incompleteTail(bytes));
    return lossyUtf8(bytes);
  }
  std::size_t vocabularySize() const override { return vocabulary_.idEnd(); }
  std::optional<TokenId> idOf(std::string_view token) const override { return vocabulary_.idOf(token); }
  std::optional<std::string> tokenOf(TokenId id) const override {
    auto token = vocabulary_.tokenOf(id);
    return token ? std::optional(std::string(*token)) : std::nullopt;
  }
  bool isSpecial(TokenId id) const override { return id == 0; }
  std::string_view kind() const override { return "RWKV world vocabulary"; }
  std::optional<TokenId> eosId() const override { return 0; }  // 0 ends a text and has no string
  std::optional<TokenId> bosId() const override { return 0; }

 private:
  Vocabulary vocabulary_;
  ByteTrie trie_;
};

// The contents of a Python literal: 'text', "text", b'bytes'.
std::optional<std::string> pythonLiteral(std::string_view literal) {
  bool bytes = literal.starts_with('b');
  if (bytes) literal.remove_prefix(1);
  if (literal.size() < 2 || (literal[0] != '\'' && literal[0] != '"') || literal.back() != literal[0]) return std::nullopt;
  literal = literal.substr(1, literal.size() - 2);
  std::string out;
  auto hexadecimal = [&](std::size_t &at, std::size_t digits) -> std::optional<std::uint32_t> {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < digits; ++i, ++at) {
      char c = at < literal.size() ? literal[at] : '?';
      int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
      if (digit < 0) return std::nullopt;
      value = value << 4 | static_cast<std::uint32_t>(digit);
    }
    return value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF) ? std::nullopt : std::optional(value);
  };
  for (std::size_t at = 0; at < literal.size();) {
    if (literal[at] != '\\') {
      out.push_back(literal[at++]);
      continue;
    }
    if (++at >= literal.size()) return std::nullopt;
    char kind = literal[at++];
    constexpr std::string_view names = "ntrabfv\\'\"", values = "\n\t\r\a\b\f\v\\'\"";
    if (std::size_t found = names.find(kind); found != std::string_view::npos) {
      out.push_back(values[found]);
      continue;
    }
    std::size_t digits = kind == 'x' ? 2 : kind == 'u' ? 4 : kind == 'U' ? 8 : 0;
    if (digits == 0 || (bytes && digits != 2)) return std::nullopt;
    auto value = hexadecimal(at, digits);
    if (!value) return std::nullopt;
    if (bytes) out.push_back(static_cast<char>(*value));
    else appendUtf8(out, *value);
  }
  return out;
}
}  // namespace

Result<std::unique_ptr<Engine>> loadRwkv(std::string_view bytes, const std::string &name) {
  Vocabulary vocabulary;
  for (std::size_t number = 1; !bytes.empty(); ++number) {
    std::size_t end = std::min(bytes.find('\n'), bytes.size());
    std::string_view line = bytes.substr(0, end);
    bytes.remove_prefix(std::min(end + 1, bytes.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) continue;
    std::size_t first = line.find(' '), last = line.rfind(' ');
    std::int64_t id = first == std::string_view::npos || first == 0 ? -1 : 0, length = last + 1 == line.size() ? -1 : 0;
    for (std::size_t i = 0; id >= 0 && i < first; ++i) id = line[i] >= '0' && line[i] <= '9' && i < 9 ? id * 10 + (line[i] - '0') : -1;
    for (std::size_t i = last + 1; length >= 0 && i < line.size(); ++i)
      length = line[i] >= '0' && line[i] <= '9' && i - last < 9 ? length * 10 + (line[i] - '0') : -1;
    auto token = id >= 0 && last > first ? pythonLiteral(line.substr(first + 1, last - first - 1)) : std::nullopt;
    if (!token || token->empty() || static_cast<std::int64_t>(token->size()) != length || !vocabulary.add(*token, id))
      return badField(fmt::format("{}:{}", name, number), "expected an id, a Python string or bytes literal, and its length in bytes");
  }
  if (vocabulary.count() == 0) return badField(name, "the file has no tokens");
  return std::unique_ptr<Engine>(std::make_unique<Rwkv>(std::move(vocabulary)));
}

}  // namespace llc::text
