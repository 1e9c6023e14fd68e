// A static trie of byte strings: all keys that begin at a place of a text, shortest first.
#pragma once
#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

namespace llc::text {

class ByteTrie {
 public:
  struct Key {
    std::string_view bytes;
    std::int32_t value;  // >= 0
  };
  ByteTrie() = default;
  // Empty keys are left out; of equal keys the first in the list counts.
  explicit ByteTrie(std::vector<Key> keys);

  // Calls found(length, value) for each key that begins at `at`.
  template <class Found> void prefixes(std::string_view text, std::size_t at, Found found) const {
    if (nodes_.empty()) return;
    std::uint32_t node = 0;
    for (std::size_t i = at; i < text.size(); ++i) {
      node = child(node, static_cast<unsigned char>(text[i]));
      if (node == 0) return;
      if (nodes_[node].value >= 0) found(i + 1 - at, nodes_[node].value);
    }
  }
  // The longest key that begins at `at`: its length (0 if there is none) and value.
  std::size_t longest(std::string_view text, std::size_t at, std::int32_t &value) const {
    std::size_t length = 0;
    prefixes(text, at, [&](std::size_t l, std::int32_t v) { length = l; value = v; });
    return length;
  }
  bool empty() const { return nodes_.size() <= 1; }

 private:
  struct Node {
    std::uint32_t first = 0;  // the children are nodes first … first + count - 1, by rising label
    std::uint16_t count = 0;
    std::int32_t value = -1;
  };
  std::uint32_t child(std::uint32_t node, unsigned char label) const {
    if (node == 0) return root_[label];
    const Node &parent = nodes_[node];
    for (std::uint32_t i = parent.first, end = parent.first + parent.count; i < end; ++i)
      if (labels_[i] >= label) return labels_[i] == label ? i : 0;
    return 0;
  }
  std::vector<Node> nodes_;
  std::vector<unsigned char> labels_;
  std::array<std::uint32_t, 256> root_{};
};

}  // namespace llc::text
