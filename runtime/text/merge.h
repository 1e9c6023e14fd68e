// Byte-pair merging: repeatedly joins the adjacent pair of lowest rank, leftmost first.
#pragma once
#include <cstdint>
#include <limits>
#include <queue>
#include <vector>

#include "runtime/text/tokenizer.h"

namespace llc::text {

// (left, right) → (rank, joined), open addressing.
class MergeTable {
 public:
  struct Merge {
    std::uint32_t rank = std::numeric_limits<std::uint32_t>::max();  // the largest: these two don't merge
    TokenId joined = -1;
  };
  void reserve(std::size_t merges) {
    std::size_t slots = 16;
    while (slots < merges * 2) slots *= 2;
    slots_.assign(slots, Slot{});
  }
  // A pair given twice keeps its last rank. At most as many as were reserved.
  void add(TokenId left, TokenId right, Merge merge) {
    Slot &slot = slots_[find(keyOf(left, right))];
    slot = {keyOf(left, right), merge};
  }
  Merge find(TokenId left, TokenId right) const {
    return slots_.empty() ? Merge{} : slots_[find(keyOf(left, right))].merge;
  }

 private:
  static constexpr std::uint64_t unused = std::numeric_limits<std::uint64_t>::max();
  struct Slot {
    std::uint64_t key = unused;
    Merge merge;
  };
  static std::uint64_t keyOf(TokenId left, TokenId right) {
    return std::uint64_t{static_cast<std::uint32_t>(left)} << 32 | static_cast<std::uint32_t>(right);
  }
  std::size_t find(std::uint64_t key) const {
    std::size_t mask = slots_.size() - 1;
    std::size_t slot = (key * 0x9E3779B97F4A7C15u >> 20) & mask;
    while (slots_[slot].key != unused && slots_[slot].key != key) slot = (slot + 1) & mask;
    return slot;
  }
  std::vector<Slot> slots_;
};

// Symbols is a list of ids; lookup(left, right) gives a MergeTable::Merge.
// Short lists are scanned anew for each merge; long ones use a heap over a linked list: O(n log n).
template <class Lookup> void mergeSymbols(std::vector<TokenId> &symbols, Lookup lookup) {
  constexpr std::size_t longList = 48;
  constexpr std::uint32_t none = std::numeric_limits<std::uint32_t>::max();
  if (symbols.size() < 2) return;
  if (symbols.size() <= longList) {
    MergeTable::Merge ranks[longList];
    auto rank = [&](std::size_t i) { ranks[i] = lookup(symbols[i], symbols[i + 1]); };
    for (std::size_t i = 0; i + 1 < symbols.size(); ++i) rank(i);
    while (symbols.size() > 1) {
      std::size_t best = 0, pairs = symbols.size() - 1;
      for (std::size_t i = 1; i < pairs; ++i)
        if (ranks[i].rank < ranks[best].rank) best = i;
      if (ranks[best].rank == none) return;
      symbols[best] = ranks[best].joined;
      symbols.erase(symbols.begin() + static_cast<std::ptrdiff_t>(best) + 1);
      for (std::size_t i = best + 1; i + 1 < pairs; ++i) ranks[i] = ranks[i + 1];
      if (best + 1 < symbols.size()) rank(best);
      if (best > 0) rank(best - 1);
    }
    return;
  }
  struct Candidate {
    std::uint32_t rank, left;
    TokenId leftId, rightId, joined;
    bool operator>(const Candidate &other) const { return rank != other.rank ? rank > other.rank : left > other.left; }
  };
  std::size_t count = symbols.size();
  std::vector<std::uint32_t> next(count), previous(count);
  std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> heap;
  auto propose = [&](std::uint32_t left) {
    if (left == none || next[left] == none) return;
    MergeTable::Merge found = lookup(symbols[left], symbols[next[left]]);
    if (found.rank != none) heap.push({found.rank, left, symbols[left], symbols[next[left]], found.joined});
  };
  for (std::uint32_t i = 0; i < count; ++i) {
    next[i] = i + 1 < count ? i + 1 : none;
    previous[i] = i == 0 ? none : i - 1;
  }
  for (std::uint32_t i = 0; i < count; ++i) propose(i);
  constexpr TokenId gone = -1;
  while (!heap.empty()) {
    Candidate top = heap.top();
    heap.pop();
    std::uint32_t left = top.left, right = next[left];
    if (symbols[left] != top.leftId || right == none || symbols[right] != top.rightId) continue;  // merged meanwhile
    symbols[left] = top.joined;
    symbols[right] = gone;
    next[left] = next[right];
    if (next[right] != none) previous[next[right]] = left;
    propose(previous[left]);
    propose(left);
  }
  std::erase(symbols, gone);
}

}  // namespace llc::text
