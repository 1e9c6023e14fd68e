#include "runtime/text/model.h"
#include "runtime/text/trie.h"

namespace llc::text {

namespace {
// The best segmentation by summed scores (Viterbi), as Hugging Face's Unigram computes it.
class Unigram : public Model {
 public:
  Unigram(ModelData data, TokenId unknown, bool byteFallback)
      : vocabulary_(std::move(data.vocabulary)), scores_(std::move(data.scores)), unknown_(unknown), byteFallback_(byteFallback),
        bytes_(byteTokens(vocabulary_)) {
    std::vector<ByteTrie::Key> keys;
    double lowest = scores_.empty() ? 0 : scores_[0];
    for (std::size_t id = 0; id < scores_.size(); ++id) {
      auto token = *vocabulary_.tokenOf(static_cast<TokenId>(id));
      keys.push_back({token, vocabulary_.find(token)});
      lowest = std::min(lowest, scores_[id]);
    }
    trie_ = ByteTrie(std::move(keys));
    unknownScore_ = lowest - 10.0;
  }

  const Vocabulary &vocabulary() const override { return vocabulary_; }
  std::string_view name() const override { return "Unigram"; }
  std::string unknownToken() const override {
    auto token = vocabulary_.tokenOf(unknown_);
    return token ? std::string(*token) : std::string();
  }

  Status encode(std::string_view piece, std::vector<TokenId> &ids, Memory *) const override {
    std::vector<Node> best(piece.size() + 1);
    for (std::size_t at = 0; at < piece.size();) {
      double here = best[at].score;
      std::size_t length = characterLength(piece[at]);
      bool single = false;
      trie_.prefixes(piece, at, [&](std::size_t bytes, std::int32_t id) {
        best[at + bytes].offer(here + scores_[static_cast<std::size_t>(id)], at, id);
        single |= bytes == length;
      });
      if (!single) {
        if (unknown_ < 0) return noUnknown(piece);
        best[at + length].offer(here + unknownScore_, at, unknown_);
      }
      at += length;
    }
    return emit(piece, best, ids);
  }

 private:
  struct Node {
    double score = 0;
    std::size_t start = none;
    TokenId id = -1;
    static constexpr std::size_t none = static_cast<std::size_t>(-1);
    void offer(double candidate, std::size_t from, TokenId token) {
      if (start == none || candidate > score) *this = {candidate, from, token};
    }
  };

  static Error noUnknown(std::string_view piece) {
    return badField("tokenizer.json:model.unk_id",
                    fmt::format("'{}' is not in the vocabulary, and there is no unknown token", piece.substr(0, 80)));
  }

  // Walks back; neighbouring unknown parts are one token.
  Status emit(std::string_view piece, const std::vector<Node> &best, std::vector<TokenId> &ids) const {
    std::vector<std::pair<std::size_t, std::size_t>> parts;  // begin, end; from the end
    bool unknownBefore = false;
    for (std::size_t end = piece.size(); end > 0; end = best[end].start) {
      bool unknown = best[end].id == unknown_;
      if (unknown && unknownBefore) parts.back().first = best[end].start;
      else parts.emplace_back(best[end].start, end);
      unknownBefore = unknown;
    }
    for (auto part = parts.rbegin(); part != parts.rend(); ++part) {
      std::string_view text = piece.substr(part->first, part->second - part->first);
      if (TokenId id = vocabulary_.find(text); id >= 0) ids.push_back(id);
      else if (byteFallback_ && allBytes(text)) for (char byte : text) ids.push_back(bytes_[static_cast<unsigned char>(byte)]);
      else if (unknown_ >= 0) ids.push_back(unknown_);
      else return noUnknown(text);
    }
    return success();
  }

  bool allBytes(std::string_view text) const {
    return std::all_of(text.begin(), text.end(), [&](char byte) { return bytes_[static_cast<unsigned char>(byte)] >= 0; });
  }

  Vocabulary vocabulary_;
  std::vector<double> scores_;
  TokenId unknown_;
  bool byteFallback_;
  std::array<TokenId, 256> bytes_;
  ByteTrie trie_;
  double unknownScore_ = 0;
};
}  // namespace

Result<std::unique_ptr<Model>> makeUnigram(const Fields &fields, ModelData data) {
  if (data.scores.empty()) return fields.bad("vocab", "a list of [token, score], not empty");
  TokenId unknown = -1;
  if (fields.find("unk_id")) {
    LLC_ASSIGN(std::size_t id, fields.size("unk_id", 0));
    if (id >= data.scores.size()) return fields.bad("unk_id", fmt::format("an id below {}", data.scores.size()));
    unknown = static_cast<TokenId>(id);
  }
  LLC_ASSIGN(bool byteFallback, fields.boolean("byte_fallback", false));
  return std::unique_ptr<Model>(std::make_unique<Unigram>(std::move(data), unknown, byteFallback));
}

}  // namespace llc::text
