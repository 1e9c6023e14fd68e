// The order in which the sequences of a dataset are read in an epoch: shuffled within windows, and the windows among
// each other. A function of (seed, epoch, position), so that nothing but the position has to be remembered; a window
// keeps reads near each other in files that are larger than memory.
#pragma once
#include <cstdint>
#include <vector>

namespace llc::data {

class WindowOrder {
 public:
  // `window`: sequences that are shuffled together; 0 or 1: the order of the file. At least `count`: all of them.
  WindowOrder(uint64_t count, uint64_t window, uint64_t seed) : count_(count), window_(window), seed_(seed) {}
  // position < count. Fast when positions come in order.
  uint64_t at(uint64_t epoch, uint64_t position);

 private:
  void startEpoch(uint64_t epoch);
  void startWindow(uint64_t place);
  uint64_t count_, window_, seed_;
  uint64_t epoch_ = ~uint64_t(0), place_ = ~uint64_t(0);
  uint64_t shortPlace_ = 0;          // where the window that is not full stands
  std::vector<uint64_t> windows_;    // of this epoch, in order
  std::vector<uint64_t> sequences_;  // of this window, in order
};

// Numbers that look random, from a few that are given: splitmix64 (Steele et al. 2014).
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  uint64_t next() {
    uint64_t z = state_ += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
  }
  uint64_t below(uint64_t limit) { return uint64_t((unsigned __int128)(next())*limit >> 64); }
  template <class T>
  void shuffle(std::vector<T> &items) {
    for (size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[below(i)]);
  }

 private:
  uint64_t state_;
};
// A seed for a part of something that has one.
inline uint64_t seedOf(uint64_t seed, uint64_t part) { return Random(seed ^ Random(part + 1).next()).next(); }

}  // namespace llc::data
