#include "runtime/text/huggingface.h"

#include "runtime/text/tokenizer_json.h"

namespace llc::text {

namespace {
class PipelineEngine : public Engine {
 public:
  explicit PipelineEngine(Pipeline pipeline) : pipeline_(std::move(pipeline)) {}

  Status start() { return added_.assign(std::move(pipeline_.added), model(), pipeline_.normalizer.get()); }

  Result<std::vector<TokenId>> encode(std::string_view text, const EncodeOptions &options) const override {
    bool parseSpecial = options.parseSpecial.value_or(true);
    std::vector<TokenId> ids;
    auto memory = pipeline_.model->newMemory();
    for (const auto &outer : added_.find(text, false, parseSpecial)) {
      if (outer.id >= 0) {
        ids.push_back(outer.id);
        continue;
      }
      Normalized part{std::string(text.substr(outer.begin, outer.end - outer.begin)), outer.begin == 0};
      if (pipeline_.normalizer) LLC_TRY(pipeline_.normalizer->apply(part));
      for (const auto &inner : added_.find(part.text, true, parseSpecial)) {
        if (inner.id >= 0) {
          ids.push_back(inner.id);
          continue;
        }
        LLC_TRY(encodePart(part, inner, ids, memory.get()));
      }
    }
    return options.addSpecial ? pipeline_.postProcessor.apply(std::move(ids)) : std::move(ids);
  }

  std::string decode(std::span<const TokenId> ids, bool skipSpecial, bool more) const override {
    Decoding decoding;
    decoding.more = more;
    for (TokenId id : ids) {
      auto token = view(id);
      if (token && !(skipSpecial && added_.isSkipped(*token))) decoding.tokens.emplace_back(*token);
    }
    if (pipeline_.decoder) pipeline_.decoder->apply(decoding);
    std::string text;
    for (std::size_t i = 0; i < decoding.tokens.size(); ++i) {
      if (i > 0 && !pipeline_.decoder) text.push_back(' ');
      text += decoding.tokens[i];
    }
    return text;
  }

  std::size_t vocabularySize() const override { return std::max(model().idEnd(), added_.vocabulary().idEnd()); }
  std::optional<TokenId> idOf(std::string_view token) const override {
    auto id = added_.vocabulary().idOf(token);
    return id ? id : model().idOf(token);
  }
  std::optional<std::string> tokenOf(TokenId id) const override {
    auto token = view(id);
    return token ? std::optional<std::string>(*token) : std::nullopt;
  }
  bool isSpecial(TokenId id) const override { return added_.isSpecial(id); }
  std::string_view kind() const override { return pipeline_.kind; }
  std::optional<TokenId> unknownId() const override {
    std::string token = pipeline_.model->unknownToken();
    return token.empty() ? std::nullopt : idOf(token);
  }

 private:
  const Vocabulary &model() const { return pipeline_.model->vocabulary(); }
  std::optional<std::string_view> view(TokenId id) const {
    auto token = added_.spelling(id);
    return token ? token : model().tokenOf(id);
  }

  Status encodePart(const Normalized &part, const AddedTokens::Stretch &stretch, std::vector<TokenId> &ids, Model::Memory *memory) const {
    Pieces pieces;
    pieces.text = part.text.substr(stretch.begin, stretch.end - stretch.begin);
    pieces.pieces.push_back({0, pieces.text.size(), part.atStart && stretch.begin == 0});
    if (pipeline_.preTokenizer) LLC_TRY(pipeline_.preTokenizer->apply(pieces));
    for (const auto &piece : pieces.pieces)
      if (piece.end > piece.begin)
        LLC_TRY(pipeline_.model->encode(std::string_view(pieces.text).substr(piece.begin, piece.end - piece.begin), ids, memory));
    return success();
  }

  Pipeline pipeline_;
  AddedTokens added_;
};
}  // namespace

Result<std::unique_ptr<Engine>> makePipelineEngine(Pipeline pipeline) {
  auto engine = std::make_unique<PipelineEngine>(std::move(pipeline));
  LLC_TRY(engine->start());
  return std::unique_ptr<Engine>(std::move(engine));
}

Result<AddedToken> readAddedToken(const Json &json, const std::string &where) {
  Fields fields(json, where);
  AddedToken token;
  LLC_ASSIGN(token.content, fields.string("content"));
  LLC_ASSIGN(token.special, fields.boolean("special", false));
  LLC_ASSIGN(token.singleWord, fields.boolean("single_word", false));
  LLC_ASSIGN(token.stripLeft, fields.boolean("lstrip", false));
  LLC_ASSIGN(token.stripRight, fields.boolean("rstrip", false));
  LLC_ASSIGN(token.normalized, fields.boolean("normalized", !token.special));
  return token;
}

Result<std::unique_ptr<Engine>> loadTokenizerJson(std::string_view bytes, const std::string &where) {
  LLC_ASSIGN(TokenizerJson file, readTokenizerJson(bytes, where));
  const Json &rest = file.rest;
  auto part = [&](const char *name) -> const Json & {
    static const Json none;
    auto found = rest.find(name);
    return found == rest.end() ? none : *found;
  };
  Pipeline pipeline;
  if (const Json &added = part("added_tokens"); !added.is_null()) {
    if (!added.is_array()) return badField(where + ":added_tokens", "expected a list");
    for (std::size_t i = 0; i < added.size(); ++i) {
      LLC_ASSIGN(AddedToken token, readAddedToken(added[i], fmt::format("{}:added_tokens[{}]", where, i)));
      pipeline.added.push_back(std::move(token));
    }
  }
  LLC_ASSIGN(pipeline.normalizer, makeNormalizer(part("normalizer"), where + ":normalizer"));
  LLC_ASSIGN(pipeline.preTokenizer, makePreTokenizer(part("pre_tokenizer"), where + ":pre_tokenizer"));
  LLC_ASSIGN(pipeline.model, makeModel(part("model"), std::move(file.model), where + ":model"));
  LLC_ASSIGN(pipeline.postProcessor, PostProcessor::read(part("post_processor"), where + ":post_processor"));
  LLC_ASSIGN(pipeline.decoder, makeDecoder(part("decoder"), where + ":decoder"));
  pipeline.kind = fmt::format("tokenizer.json ({})", pipeline.model->name());
  return makePipelineEngine(std::move(pipeline));
}

namespace {
// "left right" per line; the first line may be "#version: …".
Status readMergesText(std::string_view bytes, ModelData &data) {
  std::size_t number = 0;
  while (!bytes.empty()) {
    std::size_t end = std::min(bytes.find('\n'), bytes.size());
    std::string_view line = bytes.substr(0, end);
    bytes.remove_prefix(std::min(end + 1, bytes.size()));
    ++number;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty() || line.starts_with("#version")) continue;
    std::size_t space = line.find(' ');
    if (space == std::string_view::npos || line.find(' ', space + 1) != std::string_view::npos)
      return badField(fmt::format("merges.txt:{}", number),
                      fmt::format("expected two tokens with a space between, found '{}'", lossyUtf8(line.substr(0, 80))));
    data.merges.emplace_back(line.substr(0, space), line.substr(space + 1));
  }
  return success();
}
}  // namespace

Result<std::unique_ptr<Engine>> loadVocabularyAndMerges(std::string_view vocabulary, std::string_view merges, std::vector<AddedToken> added,
                                                        bool addPrefixSpace) {
  ModelData data;
  LLC_ASSIGN(data.vocabulary, readVocabularyJson(vocabulary, "vocab.json"));
  LLC_TRY(readMergesText(merges, data));
  Pipeline pipeline;
  Json settings = Json::object();
  LLC_ASSIGN(pipeline.model, makeBpe(Fields(settings, "merges.txt"), std::move(data)));
  LLC_ASSIGN(pipeline.preTokenizer, makeByteLevelPreTokenizer(addPrefixSpace));
  pipeline.decoder = makeByteLevelDecoder();
  pipeline.added = std::move(added);
  pipeline.kind = "vocab.json + merges.txt (byte-level BPE)";
  return makePipelineEngine(std::move(pipeline));
}

Result<std::unique_ptr<Engine>> loadWordPieceText(std::string_view bytes, bool lowercase) {
  ModelData data;
  for (std::int64_t id = 0; !bytes.empty(); ++id) {
    std::size_t end = std::min(bytes.find('\n'), bytes.size());
    std::string_view line = bytes.substr(0, end);
    bytes.remove_prefix(std::min(end + 1, bytes.size()));
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.remove_suffix(1);
    if (!validUtf8(line) || !data.vocabulary.add(line, id))
      return badField(fmt::format("vocab.txt:{}", id + 1), "not UTF-8, or too many tokens");
  }
  Pipeline pipeline;
  for (const char *name : {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"}) {
    if (data.vocabulary.find(name) < 0) continue;
    AddedToken token;
    token.content = name;
    token.special = true;
    token.normalized = false;
    pipeline.added.push_back(std::move(token));
  }
  Json processor;
  if (data.vocabulary.find("[CLS]") >= 0 && data.vocabulary.find("[SEP]") >= 0)
    processor = {{"type", "BertProcessing"}, {"cls", {"[CLS]", static_cast<unsigned>(data.vocabulary.find("[CLS]"))}},
                 {"sep", {"[SEP]", static_cast<unsigned>(data.vocabulary.find("[SEP]"))}}};
  Json settings = Json::object();
  LLC_ASSIGN(pipeline.normalizer, makeNormalizer(Json::object({{"type", "BertNormalizer"}, {"lowercase", lowercase}}), "vocab.txt"));
  LLC_ASSIGN(pipeline.preTokenizer, makePreTokenizer(Json::object({{"type", "BertPreTokenizer"}}), "vocab.txt"));
  LLC_ASSIGN(pipeline.model, makeWordPiece(Fields(settings, "vocab.txt"), std::move(data)));
  LLC_ASSIGN(pipeline.postProcessor, PostProcessor::read(processor, "vocab.txt"));
  pipeline.decoder = makeWordPieceDecoder("##", true);
  pipeline.kind = "vocab.txt (WordPiece)";
  return makePipelineEngine(std::move(pipeline));
}

}  // namespace llc::text
