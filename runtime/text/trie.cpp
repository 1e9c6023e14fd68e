#include "runtime/text/trie.h"

#include <algorithm>

namespace llc::text {

ByteTrie::ByteTrie(std::vector<Key> keys) {
  std::stable_sort(keys.begin(), keys.end(), [](const Key &a, const Key &b) { return a.bytes < b.bytes; });
  struct Work {  // the keys below a node share `depth` bytes
    std::uint32_t node;
    std::size_t begin, end, depth;
  };
  nodes_.emplace_back();
  labels_.push_back(0);
  std::vector<Work> queue = {{0, 0, keys.size(), 0}};
  for (std::size_t head = 0; head < queue.size(); ++head) {
    Work work = queue[head];
    std::size_t at = work.begin;
    if (work.depth > 0 && at < work.end && keys[at].bytes.size() == work.depth) nodes_[work.node].value = keys[at].value;
    while (at < work.end && keys[at].bytes.size() == work.depth) ++at;
    nodes_[work.node].first = static_cast<std::uint32_t>(nodes_.size());
    while (at < work.end) {
      auto label = static_cast<unsigned char>(keys[at].bytes[work.depth]);
      std::size_t end = at;
      while (end < work.end && static_cast<unsigned char>(keys[end].bytes[work.depth]) == label) ++end;
      queue.push_back({static_cast<std::uint32_t>(nodes_.size()), at, end, work.depth + 1});
      nodes_[work.node].count += 1;
      nodes_.emplace_back();
      labels_.push_back(label);
      at = end;
    }
  }
  for (std::uint32_t i = nodes_[0].first; i < nodes_[0].first + nodes_[0].count; ++i) root_[labels_[i]] = i;
}

}  // namespace llc::text
