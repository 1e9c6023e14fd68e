#include "runtime/text/tiktoken.h"

#include "runtime/text/base64.h"
#include "runtime/text/json_fields.h"
#include "runtime/text/merge.h"
#include "runtime/text/regex.h"
#include "runtime/text/tokenizer_json.h"

namespace llc::text {

namespace {
struct Parts {
  Vocabulary ranks;  // by bytes; id = rank
  TokenId offset = 0;  // of the ids from the ranks
  std::optional<Regex> pattern;
  SpecialTokens special;
  bool parseSpecial = true;  // if the caller doesn't say
  std::string_view kind;
  std::optional<TokenId> bos, eos, pad, unknown;
  bool addBos = false, addEos = false;
};

class BytePairs : public Engine {
 public:
  explicit BytePairs(Parts parts) : parts_(std::move(parts)) {
    for (std::size_t byte = 0; byte < 256; ++byte) {
      char text = static_cast<char>(byte);
      bytes_[byte] = parts_.ranks.find(std::string_view(&text, 1));
    }
  }

  Result<std::vector<TokenId>> encode(std::string_view text, const EncodeOptions &options) const override {
    std::vector<TokenId> ids;
    if (options.addSpecial && parts_.addBos && parts_.bos) ids.push_back(*parts_.bos);
    std::unordered_map<std::string_view, std::vector<TokenId>> known;
    auto plain = [&](std::string_view part) { return encodePlain(part, ids, known); };
    if (options.parseSpecial.value_or(parts_.parseSpecial)) {
      LLC_TRY(parts_.special.split(text, [&](TokenId id) { ids.push_back(id); }, plain));
    } else {
      LLC_TRY(plain(text));
    }
    if (options.addSpecial && parts_.addEos && parts_.eos) ids.push_back(*parts_.eos);
    return ids;
  }

  std::string decode(std::span<const TokenId> ids, bool skipSpecial, bool more) const override {
    std::string bytes;
    for (TokenId id : ids) {
      if (auto special = parts_.special.vocabulary().tokenOf(id)) {
        if (!skipSpecial) bytes += *special;
      } else if (auto token = parts_.ranks.tokenOf(id - parts_.offset)) {
        bytes += *token;
      }
    }
    if (more) bytes.resize(bytes.size() - incompleteTail(bytes));
    return lossyUtf8(bytes);
  }

  std::size_t vocabularySize() const override {
    return std::max(parts_.ranks.idEnd() + static_cast<std::size_t>(parts_.offset), parts_.special.vocabulary().idEnd());
  }
  std::optional<TokenId> idOf(std::string_view token) const override {
    if (auto id = parts_.special.vocabulary().idOf(token)) return id;
    TokenId rank = parts_.ranks.find(token);
    return rank < 0 ? std::nullopt : std::optional(rank + parts_.offset);
  }
  std::optional<std::string> tokenOf(TokenId id) const override {
    auto token = parts_.special.vocabulary().tokenOf(id);
    if (!token) token = parts_.ranks.tokenOf(id - parts_.offset);
    return token ? std::optional(std::string(*token)) : std::nullopt;
  }
  bool isSpecial(TokenId id) const override { return parts_.special.vocabulary().tokenOf(id).has_value(); }
  std::string_view kind() const override { return parts_.kind; }
  std::optional<TokenId> bosId() const override { return parts_.bos; }
  std::optional<TokenId> eosId() const override { return parts_.eos; }
  std::optional<TokenId> padId() const override { return parts_.pad; }
  std::optional<TokenId> unknownId() const override { return parts_.unknown; }

 private:
  Status encodePlain(std::string_view text, std::vector<TokenId> &ids,
                     std::unordered_map<std::string_view, std::vector<TokenId>> &known) const {
    LLC_ASSIGN(auto pieces, parts_.pattern->findAll(text));
    for (RegexMatch piece : pieces) {
      std::string_view word = text.substr(piece.begin, piece.end - piece.begin);
      if (TokenId whole = parts_.ranks.find(word); whole >= 0) {
        ids.push_back(whole + parts_.offset);
        continue;
      }
      auto [entry, fresh] = known.try_emplace(word);
      if (fresh) LLC_TRY(merge(word, entry->second));
      ids.insert(ids.end(), entry->second.begin(), entry->second.end());
    }
    return success();
  }

  Status merge(std::string_view word, std::vector<TokenId> &symbols) const {
    for (char byte : word) {
      symbols.push_back(bytes_[static_cast<unsigned char>(byte)]);
      if (symbols.back() < 0)
        return diagnose(ErrorKind::invalidInput, std::string(parts_.kind))
            .says(fmt::format("byte 0x{:02X} has no token", static_cast<unsigned char>(byte)))
            .toFix("use a vocabulary that has all 256 bytes");
    }
    std::string joined;
    mergeSymbols(symbols, [&](TokenId left, TokenId right) {
      joined.assign(*parts_.ranks.tokenOf(left)).append(*parts_.ranks.tokenOf(right));
      TokenId rank = parts_.ranks.find(joined);
      return rank < 0 ? MergeTable::Merge{} : MergeTable::Merge{static_cast<std::uint32_t>(rank), rank};
    });
    for (TokenId &symbol : symbols) symbol += parts_.offset;
    return success();
  }

  Parts parts_;
  std::array<TokenId, 256> bytes_;
};

constexpr std::string_view gpt2Pattern = R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
constexpr std::string_view cl100kPattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view qwenPattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view o200kPattern =
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?)"
    R"(|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?)"
    R"(|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

struct Known {
  std::string_view name;  // the file's name begins so
  std::string_view pattern;
  std::vector<std::pair<std::string_view, TokenId>> special;
  std::string_view bos, eos;
};

const std::vector<Known> &knownFiles() {
  static const std::vector<Known> files = {
      {"o200k", o200kPattern, {{"<|endoftext|>", 199999}, {"<|endofprompt|>", 200018}}, "", "<|endoftext|>"},
      {"cl100k",
       cl100kPattern,
       {{"<|endoftext|>", 100257},
        {"<|fim_prefix|>", 100258},
        {"<|fim_middle|>", 100259},
        {"<|fim_suffix|>", 100260},
        {"<|endofprompt|>", 100276}},
       "",
       "<|endoftext|>"},
      {"p50k", gpt2Pattern, {{"<|endoftext|>", 50256}}, "", "<|endoftext|>"},
      {"r50k", gpt2Pattern, {{"<|endoftext|>", 50256}}, "", "<|endoftext|>"},
      {"gpt2", gpt2Pattern, {{"<|endoftext|>", 50256}}, "", "<|endoftext|>"},
      {"multilingual", gpt2Pattern, {{"<|endoftext|>", 50257}, {"<|startoftranscript|>", 50258}}, "", "<|endoftext|>"},
      {"qwen", qwenPattern, {{"<|endoftext|>", 151643}, {"<|im_start|>", 151644}, {"<|im_end|>", 151645}}, "", "<|endoftext|>"},
      {"tokenizer.model",
       cl100kPattern,
       {{"<|begin_of_text|>", 128000},
        {"<|end_of_text|>", 128001},
        {"<|start_header_id|>", 128006},
        {"<|end_header_id|>", 128007},
        {"<|eot_id|>", 128009}},
       "<|begin_of_text|>",
       "<|end_of_text|>"}};
  return files;
}

Status readRanks(std::string_view bytes, const std::string &name, Vocabulary &ranks) {
  ranks.reserve(bytes.size() / 16, bytes.size() / 2);
  for (std::size_t number = 1; !bytes.empty(); ++number) {
    std::size_t end = std::min(bytes.find('\n'), bytes.size());
    std::string_view line = bytes.substr(0, end);
    bytes.remove_prefix(std::min(end + 1, bytes.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) continue;
    std::size_t space = line.find(' ');
    auto token = decodeBase64(line.substr(0, space));
    std::int64_t rank = space == std::string_view::npos || space + 1 == line.size() ? -1 : 0;
    for (std::size_t i = space + 1; rank >= 0 && i < line.size(); ++i)
      rank = line[i] >= '0' && line[i] <= '9' && i - space < 10 ? rank * 10 + (line[i] - '0') : -1;
    if (token && token->empty() && rank >= 0) continue;  // Whisper's file has one: nothing encodes to it
    if (!token || !ranks.add(*token, rank))
      return badField(fmt::format("{}:{}", name, number), "expected a token in base64, a space and its rank");
  }
  if (ranks.count() == 0) return badField(name, "the file has no tokens");
  return success();
}
}  // namespace

bool looksLikeTiktoken(std::string_view bytes) {
  std::string_view line = bytes.substr(0, std::min<std::size_t>(bytes.find('\n'), 400));
  std::size_t space = line.find(' ');
  return space != std::string_view::npos && space > 0 && space + 1 < line.size() && decodeBase64(line.substr(0, space)).has_value() &&
         line[space + 1] >= '0' && line[space + 1] <= '9';
}

Result<std::unique_ptr<Engine>> loadTiktoken(std::string_view bytes, const std::string &name, const SideFiles &side) {
  const Known *known = nullptr;
  for (const Known &file : knownFiles())
    if (name.starts_with(file.name)) known = &file;
  if (!known)
    return diagnose(ErrorKind::unsupported, name)
        .says(
            "the file doesn't tell how text is cut into words, and its name is none of o200k…, cl100k…, p50k…, r50k…, gpt2…, "
            "multilingual…, qwen…")
        .toFix("name the file after its encoding (for example o200k_base.tiktoken), or put a tokenizer.json beside it");
  Parts parts;
  LLC_TRY(readRanks(bytes, name, parts.ranks));
  LLC_ASSIGN(parts.pattern, Regex::compile(known->pattern));
  for (const AddedToken &token : side.added) parts.special.add(token.content, token.id);
  for (auto [content, id] : known->special)
    if (static_cast<std::size_t>(id) >= parts.ranks.idEnd() && !parts.special.vocabulary().tokenOf(id)) parts.special.add(content, id);
  parts.special.build();
  parts.bos = parts.special.vocabulary().idOf(known->bos);
  parts.eos = parts.special.vocabulary().idOf(known->eos);
  parts.addBos = side.addBos.value_or(parts.bos.has_value());
  parts.addEos = side.addEos.value_or(false);
  parts.kind = "tiktoken";
  return std::unique_ptr<Engine>(std::make_unique<BytePairs>(std::move(parts)));
}

namespace {
// The special tokens of tekken files that don't list their own.
constexpr std::string_view tekkenSpecial[] = {"<unk>", "<s>", "</s>", "[INST]", "[/INST]", "[AVAILABLE_TOOLS]", "[/AVAILABLE_TOOLS]",
                                              "[TOOL_RESULTS]", "[/TOOL_RESULTS]", "[TOOL_CALLS]", "[IMG]", "<pad>", "[IMG_BREAK]",
                                              "[IMG_END]", "[PREFIX]", "[MIDDLE]", "[SUFFIX]", "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]",
                                              "[TOOL_CONTENT]"};

Status readTekkenSpecial(const Json &file, std::size_t count, SpecialTokens &special) {
  Fields fields(file, "tekken.json");
  if (fields.find("special_tokens")) {
    LLC_ASSIGN(const Json *list, fields.array("special_tokens"));
    for (const Json &item : *list) {
      Fields token(item, "tekken.json:special_tokens");
      LLC_ASSIGN(std::size_t rank, token.size("rank", count));
      LLC_ASSIGN(std::string content, token.string("token_str"));
      if (rank >= count) return token.bad("rank", fmt::format("a number below {}", count));
      special.add(content, static_cast<std::int64_t>(rank));
    }
  } else {
    for (std::size_t i = 0; i < std::size(tekkenSpecial) && i < count; ++i) special.add(tekkenSpecial[i], static_cast<std::int64_t>(i));
  }
  for (std::size_t i = 0; i < count; ++i)
    if (!special.vocabulary().tokenOf(static_cast<TokenId>(i))) special.add(fmt::format("<SPECIAL_{}>", i), static_cast<std::int64_t>(i));
  special.build();
  return success();
}

Status readTekkenRanks(const Json &list, std::size_t limit, Vocabulary &ranks) {
  for (const Json &item : list) {
    Fields token(item, "tekken.json:vocab");
    LLC_ASSIGN(std::size_t rank, token.size("rank", maximumVocabulary));
    if (rank >= limit) continue;  // the file holds more tokens than the model uses
    LLC_ASSIGN(std::string encoded, token.string("token_bytes"));
    auto bytes = decodeBase64(encoded);
    if (!bytes || bytes->empty() || !ranks.add(*bytes, static_cast<std::int64_t>(rank))) return token.bad("token_bytes", "base64");
  }
  if (ranks.count() == 0) return badField("tekken.json:vocab", "the file has no tokens");
  return success();
}
}  // namespace

Result<std::unique_ptr<Engine>> loadTekken(std::string_view bytes, const SideFiles &side) {
  LLC_ASSIGN(Json file, readJson(bytes, "tekken.json"));
  if (!file.is_object() || !file.contains("config") || !file["config"].is_object())
    return badField("tekken.json", "expected an object with config and vocab");
  Fields config(file["config"], "tekken.json:config");
  LLC_ASSIGN(std::size_t specialCount, config.size("default_num_special_tokens", 1000));
  LLC_ASSIGN(std::size_t size, config.size("default_vocab_size", maximumVocabulary));
  if (size > maximumVocabulary || specialCount > size) return config.bad("default_num_special_tokens", "a number up to default_vocab_size");
  LLC_ASSIGN(std::string pattern, config.string("pattern"));
  LLC_ASSIGN(const Json *list, Fields(file, "tekken.json").array("vocab"));
  Parts parts;
  LLC_TRY(readTekkenRanks(*list, size - specialCount, parts.ranks));
  LLC_TRY(readTekkenSpecial(file, specialCount, parts.special));
  LLC_ASSIGN(parts.pattern, Regex::compile(pattern));
  parts.offset = static_cast<TokenId>(specialCount);
  parts.parseSpecial = false;
  parts.bos = parts.special.vocabulary().idOf("<s>");
  parts.eos = parts.special.vocabulary().idOf("</s>");
  parts.pad = parts.special.vocabulary().idOf("<pad>");
  parts.unknown = parts.special.vocabulary().idOf("<unk>");
  parts.addBos = side.addBos.value_or(false);
  parts.addEos = side.addEos.value_or(false);
  parts.kind = "tekken.json";
  return std::unique_ptr<Engine>(std::make_unique<BytePairs>(std::move(parts)));
}

}  // namespace llc::text
