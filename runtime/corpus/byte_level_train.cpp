#include <queue>
#include <unordered_set>

#include "runtime/corpus/byte_level_bpe.h"

namespace llc::corpus {

namespace {
// Counts of pairs of ids: open addressing, as this is where training spends its time.
class PairCounts {
 public:
  PairCounts() : slots_(1 << 16) {}
  int64_t &operator[](uint64_t pair) {
    if (used_ * 2 > slots_.size()) grow();
    Slot &slot = find(pair);
    if (slot.key == empty) {
      slot.key = pair;
      ++used_;
    }
    return slot.count;
  }

 private:
  static constexpr uint64_t empty = ~uint64_t(0);
  struct Slot {
    uint64_t key = empty;
    int64_t count = 0;
  };
  Slot &find(uint64_t pair) {
    size_t mask = slots_.size() - 1;
    uint64_t hash = pair * 0x9E3779B97F4A7C15u;
    for (size_t i = (hash ^ hash >> 32) & mask;; i = (i + 1) & mask)
      if (slots_[i].key == pair || slots_[i].key == empty) return slots_[i];
  }
  void grow() {
    std::vector<Slot> old(slots_.size() * 2);
    old.swap(slots_);
    for (const Slot &slot : old)
      if (slot.key != empty) find(slot.key) = slot;
  }
  std::vector<Slot> slots_;
  size_t used_ = 0;
};

uint64_t pairOf(uint32_t a, uint32_t b) { return uint64_t(a) << 32 | b; }

// A pair that could be merged, and the words that it was found in when it was put here.
struct Candidate {
  uint64_t pair;
  int64_t count;
  std::vector<uint32_t> words;
  bool operator<(const Candidate &other) const {
    return count != other.count ? count < other.count : pair > other.pair;
  }
};

class Trainer {
 public:
  Trainer(const std::map<std::string, int64_t> &words, const ByteLevelOptions &options) : options_(options) {
    addTokens();
    for (const auto &[text, count] : words) addWord(text, count);
    countPairs();
  }

  BpeVocabulary run(const std::function<void(int64_t)> &progress) {
    while (int64_t(vocabulary_.tokens.size()) < options_.vocabularySize && !queue_.empty()) {
      Candidate top = std::move(const_cast<Candidate &>(queue_.top()));
      queue_.pop();
      if (int64_t now = counts_[top.pair]; now != top.count) {
        top.count = now;
        queue_.push(std::move(top));
        continue;
      }
      if (top.count < std::max<int64_t>(1, options_.minFrequency)) break;
      merge(top);
      if (progress && merges_.size() % 64 == 0) progress(int64_t(vocabulary_.tokens.size()));
    }
    keepLastOfEach();
    return std::move(vocabulary_);
  }

 private:
  struct Word {
    uint64_t begin;
    uint32_t length;
    int64_t count;
  };

  // Special tokens, then the bytes, in the order of the characters that stand for them.
  void addTokens() {
    for (const std::string &token : options_.special) addToken(token);
    std::vector<unsigned> bytes(256);
    for (unsigned i = 0; i < 256; ++i) bytes[i] = i;
    // UTF-8 keeps the order of code points.
    std::sort(bytes.begin(), bytes.end(), [](unsigned a, unsigned b) {
      return text::byteCharacter(static_cast<unsigned char>(a)) < text::byteCharacter(static_cast<unsigned char>(b));
    });
    for (unsigned byte : bytes) byteIds_[byte] = addToken(std::string(1, char(byte)));
  }
  uint32_t addToken(const std::string &token) {
    auto [found, isNew] = ids_.emplace(token, uint32_t(vocabulary_.tokens.size()));
    if (isNew) vocabulary_.tokens.push_back(token);
    return found->second;
  }
  void addWord(const std::string &text, int64_t count) {
    words_.push_back({symbols_.size(), uint32_t(text.size()), count});
    for (char c : text) {
      symbols_.push_back(byteIds_[static_cast<unsigned char>(c)]);
      lengths_.push_back(1);
    }
  }
  void countPairs() {
    std::unordered_map<uint64_t, std::vector<uint32_t>> found;
    for (uint32_t w = 0; w < words_.size(); ++w)
      for (uint32_t i = 0; i + 1 < words_[w].length; ++i) {
        const uint32_t *symbol = &symbols_[words_[w].begin + i];
        uint64_t pair = pairOf(symbol[0], symbol[1]);
        counts_[pair] += words_[w].count;
        remember(found[pair], w);
      }
    enqueue(found);
  }
  static void remember(std::vector<uint32_t> &words, uint32_t word) {
    if (words.empty() || words.back() != word) words.push_back(word);
  }
  void enqueue(std::unordered_map<uint64_t, std::vector<uint32_t>> &found) {
    for (auto &[pair, words] : found)
      if (int64_t count = counts_[pair]; count > 0) queue_.push({pair, count, std::move(words)});
  }

  void merge(const Candidate &top) {
    uint32_t a = uint32_t(top.pair >> 32), b = uint32_t(top.pair);
    std::string token = vocabulary_.tokens[a] + vocabulary_.tokens[b];
    // Text never becomes a special token.
    if (auto known = ids_.find(token); known != ids_.end() && known->second < options_.special.size()) return;
    uint32_t merged = addToken(token);
    merges_.emplace_back(a, b);
    std::unordered_map<uint64_t, std::vector<uint32_t>> grown;
    for (uint32_t w : top.words) mergeInWord(w, a, b, merged, grown);
    enqueue(grown);
  }

  void mergeInWord(uint32_t w, uint32_t a, uint32_t b, uint32_t merged,
                   std::unordered_map<uint64_t, std::vector<uint32_t>> &grown) {
    Word &word = words_[w];
    uint32_t *symbol = &symbols_[word.begin], *length = &lengths_[word.begin];
    uint32_t limit = options_.maxTokenLength ? uint32_t(options_.maxTokenLength) : UINT32_MAX;
    auto appears = [&](uint64_t pair, uint64_t bytes) {
      if (bytes >= limit) return;
      counts_[pair] += word.count;
      remember(grown[pair], w);
    };
    uint32_t out = 0;
    for (uint32_t i = 0; i < word.length; ++i, ++out) {
      bool found = symbol[i] == a && i + 1 < word.length && symbol[i + 1] == b;
      uint32_t size = length[i] + (found ? length[i + 1] : 0);
      if (found) {
        if (out > 0) {
          counts_[pairOf(symbol[out - 1], a)] -= word.count;
          appears(pairOf(symbol[out - 1], merged), uint64_t(length[out - 1]) + size);
        }
        if (i + 2 < word.length) {
          counts_[pairOf(b, symbol[i + 2])] -= word.count;
          appears(pairOf(merged, symbol[i + 2]), uint64_t(length[i + 2]) + size);
        }
      }
      symbol[out] = found ? merged : symbol[i];
      length[out] = size;
      i += found;
    }
    word.length = out;
  }

  // A pair can be chosen twice: when a merge spells a token that exists, its neighbours are counted anew. As tokenizers
  // does, the last place counts.
  void keepLastOfEach() {
    std::unordered_set<uint64_t> seen;
    for (size_t i = merges_.size(); i-- > 0;)
      if (seen.insert(pairOf(merges_[i].first, merges_[i].second)).second) vocabulary_.merges.push_back(merges_[i]);
    std::reverse(vocabulary_.merges.begin(), vocabulary_.merges.end());
  }

  const ByteLevelOptions &options_;
  BpeVocabulary vocabulary_;
  std::vector<std::pair<uint32_t, uint32_t>> merges_;
  std::unordered_map<std::string, uint32_t> ids_;
  std::array<uint32_t, 256> byteIds_;
  std::vector<Word> words_;
  std::vector<uint32_t> symbols_, lengths_;  // of all words, one after another
  PairCounts counts_;
  std::priority_queue<Candidate> queue_;
};
}  // namespace

Result<BpeVocabulary> trainBpe(const std::map<std::string, int64_t> &words, const ByteLevelOptions &options,
                               const std::function<void(int64_t)> &progress) {
  int64_t least = 256 + int64_t(options.special.size());
  if (options.vocabularySize < least)
    return diagnose(ErrorKind::invalidInput, "--vocab-size")
        .says(fmt::format("{} tokens can't hold 256 bytes and {} special tokens", options.vocabularySize,
                          options.special.size()))
        .toFix(fmt::format("ask for {} or more", least));
  if (words.size() >= UINT32_MAX)
    return diagnose(ErrorKind::resource)
        .says("more than 4294967295 different words")
        .toFix("train on a part of the texts: --limit");
  return Trainer(words, options).run(progress);
}

}  // namespace llc::corpus
