#include "runtime/text/added_tokens.h"

#include <fmt/format.h>

#include "runtime/text/unicode.h"

namespace llc::text {

namespace {
// The longest token bounds the time that each place of a text takes.
constexpr std::size_t longestToken = 16384;

bool wordAt(std::string_view text, std::size_t at) {
  std::size_t next = 0;
  return rustWordSet().contains(codePointAt(text, at, next));
}
std::size_t spacesBefore(std::string_view text, std::size_t at) {
  std::size_t next = 0;
  while (at > 0 && isWhitespace(codePointAt(text, previousCharacter(text, at), next))) at = previousCharacter(text, at);
  return at;
}
std::size_t spacesBehind(std::string_view text, std::size_t at) {
  std::size_t next = 0;
  while (at < text.size() && isWhitespace(codePointAt(text, at, next))) at = next;
  return at;
}
}  // namespace

void AddedTokens::Matcher::build() {
  std::vector<ByteTrie::Key> keys;
  for (std::size_t i = 0; i < patterns.size(); ++i) keys.push_back({patterns[i], static_cast<std::int32_t>(i)});
  trie = ByteTrie(std::move(keys));
}

Status AddedTokens::assign(std::vector<AddedToken> tokens, const Vocabulary &model, const Normalizer *normalizer) {
  std::size_t next = model.count();
  for (AddedToken &token : tokens) {
    if (token.content.empty() || vocabulary_.find(token.content) >= 0) continue;
    if (token.content.size() > longestToken)
      return badField("tokenizer.json:added_tokens",
                      fmt::format("a token of {} bytes, the limit is {}", token.content.size(), longestToken));
    TokenId known = model.find(token.content);
    token.id = known >= 0 ? known : static_cast<TokenId>(next++);
    if (!vocabulary_.add(token.content, token.id)) return badField("tokenizer.json:added_tokens", "too many tokens");
    if (token.special) special_.insert(token.content);
    tokens_.push_back(std::move(token));
  }
  // Of equal patterns the first counts, and special tokens come first.
  for (bool special : {true, false})
    for (std::size_t i = 0; i < tokens_.size(); ++i) {
      if (tokens_[i].special != special) continue;
      Normalized pattern{tokens_[i].content};
      if (tokens_[i].normalized && normalizer) LLC_TRY(normalizer->apply(pattern));
      byId_[tokens_[i].id] = {pattern.text, special};
      Matcher &matcher = tokens_[i].normalized ? normalized_ : plain_;
      matcher.patterns.push_back(std::move(pattern.text));
      matcher.tokens.push_back(i);
    }
  plain_.build();
  normalized_.build();
  return success();
}

std::optional<std::string_view> AddedTokens::spelling(TokenId id) const {
  auto found = byId_.find(id);
  return found == byId_.end() ? std::nullopt : std::optional<std::string_view>(found->second.first);
}

bool AddedTokens::isSpecial(TokenId id) const {
  auto found = byId_.find(id);
  return found != byId_.end() && found->second.second;
}

std::vector<AddedTokens::Stretch> AddedTokens::find(std::string_view text, bool normalized, bool parseSpecial) const {
  const Matcher &matcher = normalized ? normalized_ : plain_;
  std::vector<Stretch> out;
  std::size_t done = 0;
  for (std::size_t at = 0; !matcher.trie.empty() && at < text.size();) {
    std::int32_t pattern = -1;
    std::size_t length = matcher.trie.longest(text, at, pattern);
    if (length == 0) {
      ++at;
      continue;
    }
    const AddedToken &token = tokens_[matcher.tokens[static_cast<std::size_t>(pattern)]];
    std::size_t begin = at, end = at + length;
    at = end;
    if (token.special && !parseSpecial) continue;
    if (token.singleWord &&
        ((begin > 0 && wordAt(text, previousCharacter(text, begin))) || (end < text.size() && wordAt(text, end))))
      continue;
    if (token.stripLeft) begin = std::max(spacesBefore(text, begin), done);
    if (token.stripRight) end = spacesBehind(text, end);
    if (done < begin) out.push_back({-1, done, begin});
    if (begin < end) out.push_back({token.id, begin, end});  // else the token before has taken its spaces
    done = end;
  }
  if (done < text.size()) out.push_back({-1, done, text.size()});
  return out;
}

}  // namespace llc::text
