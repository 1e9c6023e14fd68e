// Token strings and their ids, looked up both ways.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/text/tokenizer.h"

namespace llc::text {

class Vocabulary {
 public:
  // False if the id is negative or above the limit. A token given twice keeps its last id; an id given twice its last token.
  bool add(std::string_view token, std::int64_t id);
  void reserve(std::size_t tokens, std::size_t bytes);
  TokenId find(std::string_view token) const;  // -1 if it is not there
  std::optional<TokenId> idOf(std::string_view token) const;
  std::optional<std::string_view> tokenOf(TokenId id) const;
  std::size_t count() const { return entries_.size(); }  // different tokens
  std::size_t idEnd() const { return byId_.size(); }     // largest id + 1

 private:
  struct Entry {
    std::uint32_t offset, length;
    TokenId id;
  };
  std::string_view textOf(const Entry &entry) const { return std::string_view(bytes_).substr(entry.offset, entry.length); }
  std::size_t slotOf(std::string_view token) const;
  void grow(std::size_t slots);
  std::string bytes_;
  std::vector<Entry> entries_;
  std::vector<std::uint32_t> slots_;  // entry + 1; open addressing, a power of two
  std::vector<std::uint32_t> byId_;   // entry + 1
};

}  // namespace llc::text
