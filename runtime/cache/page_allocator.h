// Numbers of cache pages, handed out and taken back. A page may be held several times (sequences that share a prefix):
// it is free again when everybody has let go. Not thread-safe: only the thread that schedules steps calls it.
#pragma once
#include <cstdint>
#include <optional>
#include <vector>

namespace llc {

class PageAllocator {
 public:
  explicit PageAllocator(int32_t pages);
  std::optional<int32_t> take();  // a free page, held once; nothing when all are in use
  void hold(int32_t page);        // one holder more; the page must be in use
  void release(int32_t page);     // one holder less
  int32_t holders(int32_t page) const { return holders_[size_t(page)]; }
  int32_t pages() const { return int32_t(holders_.size()); }
  int32_t available() const { return int32_t(free_.size()); }

 private:
  std::vector<int32_t> free_, holders_;
};

}  // namespace llc
