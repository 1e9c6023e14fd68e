#include "runtime/cache/page_allocator.h"

#include <cassert>

namespace llc {

PageAllocator::PageAllocator(int32_t pages) : holders_(size_t(pages), 0) {
  // The last of the list is taken first: low numbers first, so that little-used caches touch little memory.
  free_.reserve(size_t(pages));
  for (int32_t page = pages; page > 0; --page) free_.push_back(page - 1);
}

std::optional<int32_t> PageAllocator::take() {
  if (free_.empty()) return std::nullopt;
  int32_t page = free_.back();
  free_.pop_back();
  holders_[size_t(page)] = 1;
  return page;
}

void PageAllocator::hold(int32_t page) {
  assert(holders_[size_t(page)] > 0 && "only a page in use can get another holder");
  ++holders_[size_t(page)];
}

void PageAllocator::release(int32_t page) {
  assert(holders_[size_t(page)] > 0 && "released more often than held");
  if (--holders_[size_t(page)] == 0) free_.push_back(page);
}

}  // namespace llc
