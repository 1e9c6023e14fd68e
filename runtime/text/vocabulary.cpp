#include "runtime/text/vocabulary.h"

#include <functional>
#include <limits>

#include "runtime/text/engine.h"

namespace llc::text {

void Vocabulary::reserve(std::size_t tokens, std::size_t bytes) {
  bytes_.reserve(bytes);
  entries_.reserve(tokens);
  byId_.reserve(tokens);
  std::size_t slots = 16;
  while (slots < tokens * 2) slots *= 2;
  if (slots > slots_.size()) grow(slots);
}

std::size_t Vocabulary::slotOf(std::string_view token) const {
  std::size_t mask = slots_.size() - 1;
  std::size_t slot = std::hash<std::string_view>()(token) & mask;
  while (slots_[slot] != 0 && textOf(entries_[slots_[slot] - 1]) != token) slot = (slot + 1) & mask;
  return slot;
}

void Vocabulary::grow(std::size_t slots) {
  slots_.assign(slots, 0);
  for (std::size_t i = 0; i < entries_.size(); ++i) slots_[slotOf(textOf(entries_[i]))] = static_cast<std::uint32_t>(i + 1);
}

bool Vocabulary::add(std::string_view token, std::int64_t id) {
  if (id < 0 || static_cast<std::uint64_t>(id) >= maximumVocabulary) return false;
  if (bytes_.size() + token.size() > std::numeric_limits<std::uint32_t>::max()) return false;
  if (slots_.size() < (entries_.size() + 1) * 2) grow(slots_.empty() ? 16 : slots_.size() * 2);
  std::size_t slot = slotOf(token);
  if (slots_[slot] == 0) {
    entries_.push_back({static_cast<std::uint32_t>(bytes_.size()), static_cast<std::uint32_t>(token.size()), 0});
    bytes_.append(token);
    slots_[slot] = static_cast<std::uint32_t>(entries_.size());
  }
  std::uint32_t entry = slots_[slot];
  entries_[entry - 1].id = static_cast<TokenId>(id);
  if (byId_.size() <= static_cast<std::size_t>(id)) byId_.resize(static_cast<std::size_t>(id) + 1, 0);
  byId_[static_cast<std::size_t>(id)] = entry;
  return true;
}

TokenId Vocabulary::find(std::string_view token) const {
  if (slots_.empty()) return -1;
  std::uint32_t entry = slots_[slotOf(token)];
  return entry == 0 ? -1 : entries_[entry - 1].id;
}

std::optional<TokenId> Vocabulary::idOf(std::string_view token) const {
  TokenId id = find(token);
  return id < 0 ? std::nullopt : std::optional(id);
}

std::optional<std::string_view> Vocabulary::tokenOf(TokenId id) const {
  if (id < 0 || static_cast<std::size_t>(id) >= byId_.size() || byId_[static_cast<std::size_t>(id)] == 0) return std::nullopt;
  return textOf(entries_[byId_[static_cast<std::size_t>(id)] - 1]);
}

}  // namespace llc::text
