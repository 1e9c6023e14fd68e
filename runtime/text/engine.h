// What every kind of tokenizer implements. Texts are valid UTF-8 (Tokenizer sees to it).
#pragma once
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/text/tokenizer.h"

namespace llc::text {

constexpr std::size_t maximumVocabulary = std::size_t{1} << 24;  // ids above this are a mistake or an attack

class Engine {
 public:
  virtual ~Engine() = default;
  virtual Result<std::vector<TokenId>> encode(std::string_view valid, const EncodeOptions &options) const = 0;
  // more: further ids will follow; text that they could change is left out.
  virtual std::string decode(std::span<const TokenId> ids, bool skipSpecial, bool more) const = 0;
  virtual std::size_t vocabularySize() const = 0;
  virtual std::optional<TokenId> idOf(std::string_view token) const = 0;
  virtual std::optional<std::string> tokenOf(TokenId id) const = 0;
  virtual bool isSpecial(TokenId id) const = 0;
  virtual std::string_view kind() const = 0;
  // Roles that the tokenizer file itself assigns.
  virtual std::optional<TokenId> bosId() const { return std::nullopt; }
  virtual std::optional<TokenId> eosId() const { return std::nullopt; }
  virtual std::optional<TokenId> padId() const { return std::nullopt; }
  virtual std::optional<TokenId> unknownId() const { return std::nullopt; }
};

}  // namespace llc::text
