// Text to token ids and back, equal to what Hugging Face tokenizers, sentencepiece, tiktoken and the RWKV world vocabulary give.
// A Tokenizer is immutable once loaded: any number of threads may encode and decode at the same time.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/status.h"

namespace llc {

using TokenId = std::int32_t;

struct EncodeOptions {
  bool addSpecial = false;  // add what the post-processor adds around a text (e.g. <s> … </s>)
  // Does text that spells a special token become that token? Unset: as the tokenizer's own library does (Hugging Face and tiktoken
  // files: yes; sentencepiece, tekken and RWKV files: no). A prompt made by a chat template needs true.
  std::optional<bool> parseSpecial = std::nullopt;
};

namespace text {
class Engine;  // one per kind of tokenizer file
}

class Tokenizer {
 public:
  // Reads the tokenizer of a model directory. The first of these that exists decides: tekken.json (Mistral's own file; a
  // tokenizer.json beside it is derived from it), tokenizer.json, tokenizer.model (or another *.model) of sentencepiece, *.tiktoken,
  // rwkv_vocab*.txt, vocab.json + merges.txt, vocab.txt (WordPiece).
  // tokenizer_config.json, special_tokens_map.json, added_tokens.json, generation_config.json and config.json add to it.
  static Result<std::unique_ptr<Tokenizer>> load(const std::string &directory);

  // The files that load() would read, name → bytes: what an artifact embeds, so that fromFiles() gives the same tokenizer.
  static Result<std::map<std::string, std::string>> readFiles(const std::string &directory);
  static Result<std::unique_ptr<Tokenizer>> fromFiles(const std::map<std::string, std::string> &files);

  ~Tokenizer();

  // Text is UTF-8; an invalid byte counts as U+FFFD. Fails if a word has no token and the vocabulary has no unknown token, or if a
  // pattern of the tokenizer needs too many steps on this text.
  Result<std::vector<TokenId>> encode(std::string_view text, EncodeOptions options = {}) const;

  // Valid UTF-8 (incomplete sequences become U+FFFD). Ids outside the vocabulary give nothing.
  std::string decode(const std::vector<TokenId> &ids, bool skipSpecial = false) const;

  std::size_t vocabularySize() const;  // largest id + 1, added tokens included: what the embedding must hold at least
  std::optional<TokenId> idOf(std::string_view token) const;
  std::optional<std::string> tokenOf(TokenId id) const;  // the token as the vocabulary spells it ("Ġthe", "▁the", "<0x0A>")
  bool isSpecial(TokenId id) const;

  // What begins and ends a text; of tokenizers that know only [CLS] and [SEP] (BERT), these.
  std::optional<TokenId> bosId() const;
  std::optional<TokenId> eosId() const;
  std::optional<TokenId> padId() const;
  std::optional<TokenId> unknownId() const;
  std::optional<TokenId> maskId() const;  // stands for a token that a model is to fill in
  // Every id that ends a generation: generation_config.json's eos_token_id, else config.json's, else eosId(). May be
  // empty.
  const std::vector<TokenId> &stopIds() const;

  std::string_view kind() const;  // "tokenizer.json (BPE)", "sentencepiece (unigram)", "tiktoken", …

 private:
  friend class StreamDecoder;
  struct Roles;
  Tokenizer();
  std::unique_ptr<text::Engine> engine_;
  std::unique_ptr<Roles> roles_;
};

// Decodes a growing sequence of ids. The pieces returned by push() and finish(), joined, are exactly decode() of all ids; a piece
// never ends inside a character. Text that a later token could still change is held back.
class StreamDecoder {
 public:
  explicit StreamDecoder(const Tokenizer &tokenizer, bool skipSpecial = true);
  std::string push(TokenId id);
  std::string finish();  // what was held back; the decoder then starts anew

 private:
  std::string take(bool more);
  const Tokenizer &tokenizer_;
  bool skipSpecial_;
  std::vector<TokenId> window_;  // the ids not yet settled, behind one settled id that carries the context
  std::size_t emitted_ = 0;      // bytes of the window's text that were returned already
};

}  // namespace llc
