#include "runtime/text/model.h"

namespace llc::text {

namespace {
class WordPiece : public Model {
 public:
  WordPiece(Vocabulary vocabulary, std::string unknown, std::string prefix, std::size_t longest)
      : vocabulary_(std::move(vocabulary)), unknown_(std::move(unknown)), prefix_(std::move(prefix)), longest_(longest) {}
  const Vocabulary &vocabulary() const override { return vocabulary_; }
  std::string_view name() const override { return "WordPiece"; }
  std::string unknownToken() const override { return unknown_; }

  // Greedy, longest first; a word of which a part is unknown is unknown as a whole.
  Status encode(std::string_view word, std::vector<TokenId> &ids, Memory *) const override {
    std::size_t characters = 0;
    for (char byte : word) characters += (static_cast<unsigned char>(byte) & 0xC0) != 0x80;
    if (characters > longest_) return appendUnknown(ids);
    std::size_t before = ids.size();
    std::string spelled;
    for (std::size_t begin = 0; begin < word.size();) {
      TokenId id = -1;
      std::size_t end = word.size();
      for (; end > begin; end = previousCharacter(word, end)) {
        spelled.assign(begin > 0 ? prefix_ : std::string()).append(word.substr(begin, end - begin));
        id = vocabulary_.find(spelled);
        if (id >= 0) break;
      }
      if (id < 0) {
        ids.resize(before);
        return appendUnknown(ids);
      }
      ids.push_back(id);
      begin = end;
    }
    return success();
  }

 private:
  Status appendUnknown(std::vector<TokenId> &ids) const {
    TokenId id = vocabulary_.find(unknown_);
    if (id < 0) return badField("tokenizer.json:model.unk_token", fmt::format("the unknown token '{}' is not in the vocabulary", unknown_));
    ids.push_back(id);
    return success();
  }
  Vocabulary vocabulary_;
  std::string unknown_, prefix_;
  std::size_t longest_;
};

class WordLevel : public Model {
 public:
  WordLevel(Vocabulary vocabulary, std::string unknown) : vocabulary_(std::move(vocabulary)), unknown_(std::move(unknown)) {}
  const Vocabulary &vocabulary() const override { return vocabulary_; }
  std::string_view name() const override { return "WordLevel"; }
  std::string unknownToken() const override { return unknown_; }
  Status encode(std::string_view word, std::vector<TokenId> &ids, Memory *) const override {
    TokenId id = vocabulary_.find(word);
    if (id < 0) id = vocabulary_.find(unknown_);
    if (id < 0) return badField("tokenizer.json:model.unk_token", fmt::format("the unknown token '{}' is not in the vocabulary", unknown_));
    ids.push_back(id);
    return success();
  }

 private:
  Vocabulary vocabulary_;
  std::string unknown_;
};
}  // namespace

Result<std::unique_ptr<Model>> makeWordPiece(const Fields &fields, ModelData data) {
  LLC_ASSIGN(std::string unknown, fields.string("unk_token", "[UNK]"));
  LLC_ASSIGN(std::string prefix, fields.string("continuing_subword_prefix", "##"));
  LLC_ASSIGN(std::size_t longest, fields.size("max_input_chars_per_word", 100));
  return std::unique_ptr<Model>(std::make_unique<WordPiece>(std::move(data.vocabulary), std::move(unknown), std::move(prefix), longest));
}

Result<std::unique_ptr<Model>> makeWordLevel(const Fields &fields, ModelData data) {
  LLC_ASSIGN(std::string unknown, fields.string("unk_token", "<unk>"));
  return std::unique_ptr<Model>(std::make_unique<WordLevel>(std::move(data.vocabulary), std::move(unknown)));
}

Result<std::unique_ptr<Model>> makeModel(const Json &json, ModelData data, const std::string &where) {
  if (!json.is_object()) return badField(where, "expected an object");
  Fields fields(json, where);
  LLC_ASSIGN(std::string type, fields.string("type", ""));
  if (type.empty()) {
    if (!data.scores.empty()) type = "Unigram";
    else if (fields.find("continuing_subword_prefix") && fields.find("max_input_chars_per_word")) type = "WordPiece";
    else if (!data.merges.empty()) type = "BPE";
    else type = "WordLevel";
  }
  if (type == "BPE") return makeBpe(fields, std::move(data));
  if (type == "Unigram") return makeUnigram(fields, std::move(data));
  if (type == "WordPiece") return makeWordPiece(fields, std::move(data));
  if (type == "WordLevel") return makeWordLevel(fields, std::move(data));
  return unknownType(where, type, {"BPE", "Unigram", "WordPiece", "WordLevel"});
}

std::array<TokenId, 256> byteTokens(const Vocabulary &vocabulary) {
  std::array<TokenId, 256> ids;
  for (std::size_t byte = 0; byte < 256; ++byte) ids[byte] = vocabulary.find(fmt::format("<0x{:02X}>", byte));
  return ids;
}

}  // namespace llc::text
