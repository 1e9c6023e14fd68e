#include "runtime/text/tokenizer.h"

#include <filesystem>
#include <fstream>

#include "runtime/base/sha256.h"
#include "runtime/text/huggingface.h"
#include "runtime/text/rwkv.h"
#include "runtime/text/sentencepiece.h"
#include "runtime/text/tiktoken.h"
#include "runtime/text/tokenizer_files.h"
#include "runtime/text/tokenizer_json.h"

namespace llc {

using text::Engine;
using text::Json;
using text::SideFiles;

struct Tokenizer::Roles {
  std::optional<TokenId> bos, eos, pad, unknown, mask;
  std::vector<TokenId> stop;
};

namespace {
using Files = std::map<std::string, std::string>;

constexpr std::size_t maximumFile = std::size_t{1} << 29;  // 512 MiB; real ones are below 20
constexpr const char *sideNames[] = {"tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "chat_template.jinja",
                                     "generation_config.json", "config.json"};

bool sentencePieceName(std::string_view name) { return name == "tokenizer.model" || name.ends_with(".model") || name.ends_with(".spm"); }
bool tiktokenName(std::string_view name) { return name.ends_with(".tiktoken"); }
bool rwkvName(std::string_view name) { return name.starts_with("rwkv_vocab") && name.ends_with(".txt"); }

// The names that decide, best first; pairs belong together.
std::vector<std::string> chooseNames(const std::vector<std::string> &names) {
  auto has = [&](std::string_view wanted) { return std::find(names.begin(), names.end(), wanted) != names.end(); };
  auto first = [&](auto fits) -> std::vector<std::string> {
    for (const std::string &name : names)
      if (fits(name)) return {name};
    return {};
  };
  for (const char *name : {"tekken.json", "tokenizer.json", "tokenizer.model"})
    if (has(name)) return {name};
  if (auto found = first(sentencePieceName); !found.empty()) return found;
  if (auto found = first(tiktokenName); !found.empty()) return found;
  if (auto found = first(rwkvName); !found.empty()) return found;
  if (has("vocab.json") && has("merges.txt")) return {"vocab.json", "merges.txt"};
  if (has("vocab.txt")) return {"vocab.txt"};
  return {};
}

Error noTokenizer(const std::string &where) {
  return diagnose(ErrorKind::notFound, where)
      .says(
          "no tokenizer here: none of tekken.json, tokenizer.json, tokenizer.model, *.tiktoken, rwkv_vocab*.txt, vocab.json with "
          "merges.txt, vocab.txt")
      .toFix("copy the tokenizer files of the model into this directory");
}

Result<std::string> readFile(const std::filesystem::path &path) {
  std::error_code failure;
  auto size = std::filesystem::file_size(path, failure);
  if (failure) return diagnose(ErrorKind::notFound, path.string()).says(failure.message()).toFix("check the path and its permissions");
  if (size > maximumFile)
    return diagnose(ErrorKind::resource, path.string())
        .says(fmt::format("{} bytes, the limit for a tokenizer file is {}", size, maximumFile))
        .toFix("check that this is a tokenizer file");
  std::string bytes(size, '\0');
  std::ifstream stream(path, std::ios::binary);
  if (!stream.read(bytes.data(), static_cast<std::streamsize>(size)))
    return diagnose(ErrorKind::notFound, path.string()).says("the file can't be read").toFix("check its permissions");
  return bytes;
}

// "bos_token": "<s>" or {"content": "<s>", …}
std::optional<std::string> tokenField(const Json &json, const char *name) {
  if (!json.is_object() || !json.contains(name)) return std::nullopt;
  const Json &value = json[name];
  if (value.is_string()) return value.get<std::string>();
  if (value.is_object() && value.contains("content") && value["content"].is_string()) return value["content"].get<std::string>();
  return std::nullopt;
}

std::optional<bool> flagField(const Json &json, const char *name) {
  if (!json.is_object() || !json.contains(name) || !json[name].is_boolean()) return std::nullopt;
  return json[name].get<bool>();
}

std::vector<TokenId> idsField(const Json &json, const char *name) {
  std::vector<TokenId> ids;
  auto take = [&](const Json &value) {
    if (value.is_number_unsigned() && value.get<std::uint64_t>() < text::maximumVocabulary)
      ids.push_back(static_cast<TokenId>(value.get<std::uint64_t>()));
  };
  if (!json.is_object() || !json.contains(name)) return ids;
  if (json[name].is_array()) std::for_each(json[name].begin(), json[name].end(), take);
  else take(json[name]);
  return ids;
}

struct Sides {
  Json tokenizerConfig, specialTokensMap, addedTokens, generationConfig, config;
  SideFiles side;
};

Status readAdded(Sides &sides) {
  auto put = [&](text::AddedToken token) { sides.side.added.push_back(std::move(token)); };
  const Json &config = sides.tokenizerConfig;
  if (config.is_object() && config.contains("added_tokens_decoder") && config["added_tokens_decoder"].is_object()) {
    for (auto &[key, value] : config["added_tokens_decoder"].items()) {
      LLC_ASSIGN(auto token, text::readAddedToken(value, "tokenizer_config.json:added_tokens_decoder"));
      bool digits = !key.empty() && key.size() < 9 && key.find_first_not_of("0123456789") == std::string::npos;
      if (!digits) return text::badField("tokenizer_config.json:added_tokens_decoder", fmt::format("'{}' is not a token id", key));
      token.id = std::stoi(key);
      put(std::move(token));
    }
  }
  if (sides.addedTokens.is_object())
    for (auto &[content, id] : sides.addedTokens.items()) {
      if (!id.is_number_unsigned() || id.get<std::uint64_t>() >= text::maximumVocabulary)
        return text::badField("added_tokens.json", fmt::format("'{}' has no token id", content));
      text::AddedToken token;
      token.content = content;
      token.id = static_cast<TokenId>(id.get<std::uint64_t>());
      token.special = true;
      token.normalized = false;
      put(std::move(token));
    }
  std::stable_sort(sides.side.added.begin(), sides.side.added.end(), [](const auto &a, const auto &b) { return a.id < b.id; });
  return success();
}

Result<Sides> readSides(const Files &files) {
  Sides sides;
  auto read = [&](const char *name, Json &json) -> Status {
    auto found = files.find(name);
    if (found == files.end()) return success();
    LLC_ASSIGN(json, text::readJson(found->second, name));
    return success();
  };
  LLC_TRY(read("tokenizer_config.json", sides.tokenizerConfig));
  LLC_TRY(read("special_tokens_map.json", sides.specialTokensMap));
  LLC_TRY(read("added_tokens.json", sides.addedTokens));
  LLC_TRY(read("generation_config.json", sides.generationConfig));
  LLC_TRY(read("config.json", sides.config));
  sides.side.addBos = flagField(sides.tokenizerConfig, "add_bos_token");
  sides.side.addEos = flagField(sides.tokenizerConfig, "add_eos_token");
  sides.side.addPrefixSpace = flagField(sides.tokenizerConfig, "add_prefix_space").value_or(false);
  sides.side.lowercase = flagField(sides.tokenizerConfig, "do_lower_case").value_or(true);
  sides.side.tokenizerClass = tokenField(sides.tokenizerConfig, "tokenizer_class").value_or("");
  LLC_TRY(readAdded(sides));
  return sides;
}

// GPT-2's own special token, if no file beside it names any.
std::vector<text::AddedToken> gpt2Added(const SideFiles &side) {
  if (!side.added.empty()) return side.added;
  text::AddedToken token;
  token.content = "<|endoftext|>";
  token.special = true;
  token.normalized = false;
  return {token};
}

Result<std::unique_ptr<Engine>> loadEngine(const Files &files, const SideFiles &side) {
  std::vector<std::string> names;
  for (const auto &[name, bytes] : files) names.push_back(name);
  auto chosen = chooseNames(names);
  if (chosen.empty()) return noTokenizer("tokenizer files");
  const std::string &name = chosen[0], &bytes = files.at(name);
  if (name == "tekken.json") return text::loadTekken(bytes, side);
  if (name == "tokenizer.json") return text::loadTokenizerJson(bytes, name);
  if (name == "vocab.json") return text::loadVocabularyAndMerges(bytes, files.at("merges.txt"), gpt2Added(side), side.addPrefixSpace);
  if (name == "vocab.txt") return text::loadWordPieceText(bytes, side.lowercase);
  if (rwkvName(name)) return text::loadRwkv(bytes, name);
  if (tiktokenName(name) || text::looksLikeTiktoken(bytes)) return text::loadTiktoken(bytes, name, side);
  return text::loadSentencePiece(bytes, name, side);
}
}  // namespace

Tokenizer::Tokenizer() = default;
Tokenizer::~Tokenizer() = default;

Result<std::map<std::string, std::string>> Tokenizer::readFiles(const std::string &directory) {
  std::error_code failure;
  std::vector<std::string> names;
  for (std::filesystem::directory_iterator entry(directory, failure), end; !failure && entry != end; entry.increment(failure))
    names.push_back(entry->path().filename().string());
  if (failure) return diagnose(ErrorKind::notFound, directory).says(failure.message()).toFix("give the path of a model directory");
  std::sort(names.begin(), names.end());
  auto chosen = chooseNames(names);
  if (chosen.empty()) return noTokenizer(directory);
  for (const char *name : sideNames)
    if (std::find(names.begin(), names.end(), name) != names.end()) chosen.push_back(name);
  Files files;
  for (const std::string &name : chosen) {
    LLC_ASSIGN(files[name], readFile(std::filesystem::path(directory) / name));
  }
  return files;
}

Result<std::map<std::string, std::string>> readTokenizerFiles(const std::string &path) {
  namespace fs = std::filesystem;
  std::error_code error;
  if (!fs::is_regular_file(path, error)) return Tokenizer::readFiles(path);
  Files files;
  std::string name = fs::path(path).filename().string();
  if (name.ends_with(".json") && name != "tekken.json") name = "tokenizer.json";
  if (chooseNames({name}).empty())
    return diagnose(ErrorKind::invalidInput, path)
        .says("is no tokenizer file by its name")
        .toFix("give tokenizer.json, tokenizer.model (or another *.model), *.tiktoken, vocab.txt, or the directory of a model");
  LLC_ASSIGN(files[name], readFile(path));
  for (const char *side : sideNames)
    if (fs::path beside = fs::path(path).parent_path() / side; fs::exists(beside, error)) {
      LLC_ASSIGN(files[side], readFile(beside));
    }
  return files;
}

std::string tokenizerHash(const Files &files) {
  Sha256 hash;
  for (const auto &[name, bytes] : files)
    if (std::find(std::begin(sideNames), std::end(sideNames), name) == std::end(sideNames))
      hash.update(std::as_bytes(std::span(bytes)));
  return hash.hex();
}

Result<std::unique_ptr<Tokenizer>> Tokenizer::load(const std::string &directory) {
  LLC_ASSIGN(Files files, readFiles(directory));
  auto tokenizer = fromFiles(files);
  if (!tokenizer.ok()) tokenizer.error().where = (std::filesystem::path(directory) / tokenizer.error().where).string();
  return tokenizer;
}

Result<std::unique_ptr<Tokenizer>> Tokenizer::fromFiles(const Files &files) {
  LLC_ASSIGN(Sides sides, readSides(files));
  std::unique_ptr<Tokenizer> tokenizer(new Tokenizer());
  LLC_ASSIGN(tokenizer->engine_, loadEngine(files, sides.side));
  const Engine &engine = *tokenizer->engine_;
  auto role = [&](const char *name, std::optional<TokenId> otherwise) {
    for (const Json *json : {&sides.tokenizerConfig, &sides.specialTokensMap})
      if (auto token = tokenField(*json, name))
        if (auto id = engine.idOf(*token)) return id;
    return otherwise;
  };
  auto named = [&](std::optional<TokenId> id, const char *field) {
    auto ids = idsField(sides.config, field);
    return id || ids.empty() ? id : std::optional(ids[0]);
  };
  tokenizer->roles_ = std::make_unique<Roles>();
  Roles &roles = *tokenizer->roles_;
  roles.bos = named(role("bos_token", engine.bosId()), "bos_token_id");
  if (!roles.bos) roles.bos = role("cls_token", engine.idOf("[CLS]"));
  roles.eos = named(role("eos_token", engine.eosId()), "eos_token_id");
  if (!roles.eos) roles.eos = role("sep_token", engine.idOf("[SEP]"));
  roles.pad = named(role("pad_token", engine.padId()), "pad_token_id");
  roles.unknown = role("unk_token", engine.unknownId());
  roles.mask = role("mask_token", engine.idOf(engine.idOf("[MASK]") ? "[MASK]" : "<mask>"));
  roles.stop = idsField(sides.generationConfig, "eos_token_id");
  if (roles.stop.empty()) roles.stop = idsField(sides.config, "eos_token_id");
  if (roles.stop.empty() && roles.eos) roles.stop = {*roles.eos};
  return tokenizer;
}

Result<std::vector<TokenId>> Tokenizer::encode(std::string_view text, EncodeOptions options) const {
  if (text::validUtf8(text)) return engine_->encode(text, options);
  return engine_->encode(text::lossyUtf8(text), options);
}

std::string Tokenizer::decode(const std::vector<TokenId> &ids, bool skipSpecial) const { return engine_->decode(ids, skipSpecial, false); }
std::size_t Tokenizer::vocabularySize() const { return engine_->vocabularySize(); }
std::optional<TokenId> Tokenizer::idOf(std::string_view token) const { return engine_->idOf(token); }
std::optional<std::string> Tokenizer::tokenOf(TokenId id) const { return engine_->tokenOf(id); }
bool Tokenizer::isSpecial(TokenId id) const { return engine_->isSpecial(id); }
std::optional<TokenId> Tokenizer::bosId() const { return roles_->bos; }
std::optional<TokenId> Tokenizer::eosId() const { return roles_->eos; }
std::optional<TokenId> Tokenizer::padId() const { return roles_->pad; }
std::optional<TokenId> Tokenizer::unknownId() const { return roles_->unknown; }
std::optional<TokenId> Tokenizer::maskId() const { return roles_->mask; }
const std::vector<TokenId> &Tokenizer::stopIds() const { return roles_->stop; }
std::string_view Tokenizer::kind() const { return engine_->kind(); }

StreamDecoder::StreamDecoder(const Tokenizer &tokenizer, bool skipSpecial) : tokenizer_(tokenizer), skipSpecial_(skipSpecial) {}

std::string StreamDecoder::take(bool more) {
  std::string text = tokenizer_.engine_->decode(window_, skipSpecial_, more);
  std::string piece = text.size() > emitted_ ? text.substr(emitted_) : std::string();
  emitted_ = std::max(emitted_, text.size());
  return piece;
}

std::string StreamDecoder::push(TokenId id) {
  window_.push_back(id);
  std::string piece = take(true);
  // Once everything is written, the last id alone carries the context, provided that it has text of its own: decoders treat only
  // the beginning of a text differently.
  constexpr std::size_t shortWindow = 16;
  if (window_.size() < shortWindow) return piece;
  const Engine &engine = *tokenizer_.engine_;
  TokenId last[] = {window_.back()};
  std::string alone = engine.decode(last, skipSpecial_, false);
  bool settled = !alone.empty() && engine.decode(last, skipSpecial_, true) == alone &&
                 engine.decode(window_, skipSpecial_, false).size() == emitted_;
  if (settled) {
    window_.assign(1, last[0]);
    emitted_ = alone.size();
  }
  return piece;
}

std::string StreamDecoder::finish() {
  std::string piece = take(false);
  window_.clear();
  emitted_ = 0;
  return piece;
}

}  // namespace llc
