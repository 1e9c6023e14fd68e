// A loop over several threads, for work that comes in batches.
#pragma once
#include <atomic>
#include <functional>
#include <thread>
#include <vector>

namespace llc::corpus {

// body(index, worker) for each index below `count`, worker below `threads`; returns when all are done.
inline void inParallel(int threads, size_t count, const std::function<void(size_t index, size_t worker)> &body) {
  std::atomic<size_t> next{0};
  auto work = [&](size_t worker) {
    for (size_t index; (index = next.fetch_add(1)) < count;) body(index, worker);
  };
  std::vector<std::thread> others;
  for (int i = 1; i < threads; ++i) others.emplace_back(work, size_t(i));
  work(0);
  for (std::thread &other : others) other.join();
}

}  // namespace llc::corpus
