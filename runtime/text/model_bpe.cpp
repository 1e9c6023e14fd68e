#include "runtime/text/merge.h"
#include "runtime/text/model.h"

namespace llc::text {

namespace {
struct Settings {
  std::string unknown, prefix, suffix;
  bool hasUnknown = false, fuseUnknown = false, byteFallback = false, ignoreMerges = false;
};

// Words seen in this encode() and their ids.
struct WordMemory : Model::Memory {
  struct Span {
    std::uint32_t begin, count;
  };
  std::unordered_map<std::string, Span> words;
  std::vector<TokenId> ids;
};

class Bpe : public Model {
 public:
  Bpe(Settings settings, Vocabulary vocabulary, MergeTable merges)
      : settings_(std::move(settings)), vocabulary_(std::move(vocabulary)), merges_(std::move(merges)), bytes_(byteTokens(vocabulary_)) {
    for (std::uint32_t c = 0; c < small_.size(); ++c) {
      std::string text;
      appendUtf8(text, c);
      small_[c] = vocabulary_.find(text);
    }
    plain_ = settings_.prefix.empty() && settings_.suffix.empty();
  }

  std::unique_ptr<Memory> newMemory() const override { return std::make_unique<WordMemory>(); }
  const Vocabulary &vocabulary() const override { return vocabulary_; }
  std::string_view name() const override { return "BPE"; }
  std::string unknownToken() const override { return settings_.unknown; }

  Status encode(std::string_view word, std::vector<TokenId> &ids, Memory *memory) const override {
    if (settings_.ignoreMerges)
      if (TokenId whole = vocabulary_.find(word); whole >= 0) {
        ids.push_back(whole);
        return success();
      }
    auto &known = static_cast<WordMemory &>(*memory);
    constexpr std::size_t longWord = 256;  // a longer one is hardly met twice
    if (word.size() > longWord) {
      std::vector<TokenId> symbols;
      LLC_TRY(merge(word, symbols));
      ids.insert(ids.end(), symbols.begin(), symbols.end());
      return success();
    }
    auto found = known.words.find(std::string(word));
    if (found == known.words.end()) {
      std::vector<TokenId> symbols;
      LLC_TRY(merge(word, symbols));
      WordMemory::Span span{static_cast<std::uint32_t>(known.ids.size()), static_cast<std::uint32_t>(symbols.size())};
      known.ids.insert(known.ids.end(), symbols.begin(), symbols.end());
      found = known.words.emplace(word, span).first;
    }
    auto begin = known.ids.begin() + found->second.begin;
    ids.insert(ids.end(), begin, begin + found->second.count);
    return success();
  }

 private:
  Status merge(std::string_view word, std::vector<TokenId> &symbols) const {
    LLC_TRY(split(word, symbols));
    mergeSymbols(symbols, [&](TokenId left, TokenId right) { return merges_.find(left, right); });
    return success();
  }

  TokenId tokenOf(std::string_view character, std::uint32_t value, bool first, bool last, std::string &spelled) const {
    if (plain_) return value < small_.size() ? small_[value] : vocabulary_.find(character);
    spelled.clear();
    if (!first) spelled += settings_.prefix;
    spelled += character;
    if (last) spelled += settings_.suffix;
    return vocabulary_.find(spelled);
  }

  // The characters of the word as symbols. Unknown ones become the bytes they consist of, the unknown token, or nothing.
  // An unknown token is written when the next known character comes, hence behind bytes in between: as the reference does.
  Status split(std::string_view word, std::vector<TokenId> &symbols) const {
    bool pending = false;
    TokenId unknown = -1;
    std::string spelled;
    for (CodePoint c : CodePoints(word)) {
      std::string_view character = word.substr(c.begin, c.end - c.begin);
      TokenId id = tokenOf(character, c.value, c.begin == 0, c.end == word.size(), spelled);
      if (id >= 0) {
        if (pending) symbols.push_back(unknown);
        pending = false;
        symbols.push_back(id);
        continue;
      }
      if (settings_.byteFallback && appendBytes(plain_ ? character : std::string_view(spelled), symbols)) continue;
      if (!settings_.hasUnknown) continue;
      unknown = vocabulary_.find(settings_.unknown);
      if (unknown < 0)
        return badField("tokenizer.json:model.unk_token",
                        fmt::format("the unknown token '{}' is not in the vocabulary", settings_.unknown));
      if (pending && !settings_.fuseUnknown) symbols.push_back(unknown);
      pending = true;
    }
    if (pending) symbols.push_back(unknown);
    return success();
  }

  bool appendBytes(std::string_view text, std::vector<TokenId> &symbols) const {
    for (char byte : text)
      if (bytes_[static_cast<unsigned char>(byte)] < 0) return false;
    for (char byte : text) symbols.push_back(bytes_[static_cast<unsigned char>(byte)]);
    return true;
  }

  Settings settings_;
  bool plain_ = true;
  Vocabulary vocabulary_;
  MergeTable merges_;
  std::array<TokenId, 256> bytes_;
  std::array<TokenId, 0x180> small_;  // ids of the first characters, which are most of a byte-level text
};

Result<MergeTable> readMerges(const Fields &fields, const ModelData &data, std::size_t prefixBytes) {
  MergeTable table;
  table.reserve(data.merges.size());
  std::string joined;
  for (std::size_t rank = 0; rank < data.merges.size(); ++rank) {
    const auto &[left, right] = data.merges[rank];
    auto missing = [&](std::string_view token) {
      return badField(fmt::format("{}.merges[{}]", fields.where(), rank), fmt::format("'{}' is not in the vocabulary", token));
    };
    TokenId leftId = data.vocabulary.find(left), rightId = data.vocabulary.find(right);
    if (leftId < 0) return missing(left);
    if (rightId < 0) return missing(right);
    if (right.size() < prefixBytes) return missing(right);
    joined.assign(left).append(right, prefixBytes);
    TokenId joinedId = data.vocabulary.find(joined);
    if (joinedId < 0) return missing(joined);
    table.add(leftId, rightId, {static_cast<std::uint32_t>(rank), joinedId});
  }
  return table;
}
}  // namespace

Result<std::unique_ptr<Model>> makeBpe(const Fields &fields, ModelData data) {
  if (const Json *dropout = fields.find("dropout"); dropout && !(dropout->is_number() && dropout->get<double>() == 0.0))
    return diagnose(ErrorKind::unsupported, fields.where() + ".dropout")
        .says("dropout makes the encoding random")
        .toFix("set dropout to null in tokenizer.json; it is for training only");
  Settings settings;
  settings.hasUnknown = fields.find("unk_token") != nullptr;
  LLC_ASSIGN(settings.unknown, fields.string("unk_token", ""));
  LLC_ASSIGN(settings.prefix, fields.string("continuing_subword_prefix", ""));
  LLC_ASSIGN(settings.suffix, fields.string("end_of_word_suffix", ""));
  LLC_ASSIGN(settings.fuseUnknown, fields.boolean("fuse_unk", false));
  LLC_ASSIGN(settings.byteFallback, fields.boolean("byte_fallback", false));
  LLC_ASSIGN(settings.ignoreMerges, fields.boolean("ignore_merges", false));
  LLC_ASSIGN(MergeTable merges, readMerges(fields, data, settings.prefix.size()));
  return std::unique_ptr<Model>(std::make_unique<Bpe>(std::move(settings), std::move(data.vocabulary), std::move(merges)));
}

}  // namespace llc::text
