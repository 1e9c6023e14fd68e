// Tokens that are found in a text before (or after) normalization and never split: special tokens and others.
#pragma once
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "runtime/text/normalizer.h"
#include "runtime/text/trie.h"
#include "runtime/text/vocabulary.h"

namespace llc::text {

struct AddedToken {
  std::string content;
  TokenId id = -1;
  bool singleWord = false, stripLeft = false, stripRight = false, normalized = true, special = false;
};

class AddedTokens {
 public:
  // Ids of tokens that the model has are the model's; the others get the ids behind it, in order, whatever the file says: the rule of
  // the reference.
  Status assign(std::vector<AddedToken> tokens, const Vocabulary &model, const Normalizer *normalizer);

  struct Stretch {
    TokenId id;  // -1: ordinary text
    std::size_t begin, end;
  };
  // Cuts a text at the tokens that are found before normalization (normalized: after).
  std::vector<Stretch> find(std::string_view text, bool normalized, bool parseSpecial) const;

  const Vocabulary &vocabulary() const { return vocabulary_; }  // by content
  // What decoding writes: the content, normalized if the token is looked for behind the normalizer.
  std::optional<std::string_view> spelling(TokenId id) const;
  // Left out of a decoded text? The reference compares spellings with contents, so a special token that normalization changes stays.
  bool isSkipped(std::string_view spelled) const { return special_.count(std::string(spelled)) > 0; }
  bool isSpecial(TokenId id) const;

 private:
  struct Matcher {
    std::vector<std::string> patterns;
    std::vector<std::size_t> tokens;  // by pattern
    ByteTrie trie;
    void build();
  };
  std::vector<AddedToken> tokens_;
  std::unordered_map<TokenId, std::pair<std::string, bool>> byId_;  // spelling, special
  Vocabulary vocabulary_;
  std::unordered_set<std::string> special_;
  Matcher plain_, normalized_;
};

}  // namespace llc::text
