// Special tokens of tokenizers other than tokenizer.json: strings with fixed ids.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/text/added_tokens.h"

namespace llc::text {

class SpecialTokens {
 public:
  // False if an id is negative or too large. A token added twice keeps its first id.
  bool add(std::string_view content, std::int64_t id) {
    if (content.empty() || ids_.find(content) >= 0) return true;
    return ids_.add(content, id);
  }
  void build() {
    std::vector<ByteTrie::Key> keys;
    for (std::size_t id = 0; id < ids_.idEnd(); ++id)
      if (auto content = ids_.tokenOf(static_cast<TokenId>(id))) keys.push_back({*content, static_cast<std::int32_t>(id)});
    trie_ = ByteTrie(std::move(keys));
  }
  const Vocabulary &vocabulary() const { return ids_; }

  // Calls token(id) and plain(text) for the parts of a text, in order; stops at the first error of plain().
  template <class Token, class Plain> Status split(std::string_view text, Token token, Plain plain) const {
    std::size_t done = 0;
    for (std::size_t at = 0; !trie_.empty() && at < text.size();) {
      std::int32_t id = -1;
      std::size_t length = trie_.longest(text, at, id);
      if (length == 0) { ++at; continue; }
      if (done < at) LLC_TRY(plain(text.substr(done, at - done)));
      token(id);
      done = at += length;
    }
    if (done < text.size()) return plain(text.substr(done));
    return success();
  }

 private:
  Vocabulary ids_;
  ByteTrie trie_;
};

// What the files beside a tokenizer say: tokenizer_config.json and added_tokens.json.
struct SideFiles {
  std::vector<AddedToken> added;
  std::optional<bool> addBos, addEos;
  bool addPrefixSpace = false;
  bool lowercase = true;
  std::string tokenizerClass;
};

}  // namespace llc::text
