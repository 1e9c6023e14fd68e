#include "runtime/cache/paged_cache.h"

#include <gtest/gtest.h>

#include <set>

#include "runtime/cache/page_allocator.h"
#include "runtime/sampling/random.h"

namespace llc {
namespace {

TEST(PageAllocator, HandsOutEveryPageOnce) {
  PageAllocator allocator(5);
  std::set<int32_t> pages;
  while (auto page = allocator.take()) EXPECT_TRUE(pages.insert(*page).second);
  EXPECT_EQ(pages, (std::set<int32_t>{0, 1, 2, 3, 4}));
  allocator.release(3);
  EXPECT_EQ(allocator.take(), 3);
}

TEST(PageAllocator, AHeldPageStaysUntilTheLastHolderLetsGo) {
  PageAllocator allocator(1);
  int32_t page = *allocator.take();
  allocator.hold(page);
  allocator.release(page);
  EXPECT_FALSE(allocator.take());
  EXPECT_EQ(allocator.holders(page), 1);
  allocator.release(page);
  EXPECT_EQ(allocator.take(), page);
}

// Any order of taking, holding and releasing: used and free pages always add up, no page is handed out while held.
TEST(PageAllocator, RandomUseKeepsTheBooks) {
  PageAllocator allocator(17);
  Random random(3);
  std::vector<int32_t> held;
  for (int step = 0; step < 20000; ++step) {
    uint32_t choice = random.next() % 3;
    if (choice == 0) {
      if (auto page = allocator.take()) {
        EXPECT_EQ(std::count(held.begin(), held.end(), *page), 0);
        held.push_back(*page);
      } else {
        EXPECT_EQ(std::set<int32_t>(held.begin(), held.end()).size(), 17u);
      }
    } else if (!held.empty()) {
      size_t at = random.next() % held.size();
      if (choice == 1) {
        allocator.hold(held[at]);
        held.push_back(held[at]);
      } else {
        allocator.release(held[at]);
        held.erase(held.begin() + long(at));
      }
    }
    EXPECT_EQ(std::set<int32_t>(held.begin(), held.end()).size() + size_t(allocator.available()), 17u);
  }
}

const std::vector<CacheSpec> layers = {{0, 2, 8, 4, DType::f32, 0}, {1, 1, 8, 8, DType::bf16, 0}};

TEST(PagedCache, GrowsPageByPageAndGivesBack) {
  auto made = PagedCache::create(layers, 2, 100);
  ASSERT_TRUE(made);
  PagedCache &cache = **made;
  EXPECT_EQ(cache.pageStride(), 4);
  EXPECT_EQ(cache.allocator().available(), 8);
  int64_t first = *cache.open(), second = *cache.open();
  EXPECT_FALSE(cache.open());
  ASSERT_TRUE(cache.grow(first, 32));
  EXPECT_EQ(cache.allocator().available(), 7);
  ASSERT_TRUE(cache.grow(second, 1));
  ASSERT_TRUE(cache.grow(first, 1));
  EXPECT_EQ(cache.allocator().available(), 5);
  std::set<int32_t> used = {cache.pageTable(first)[0], cache.pageTable(first)[1], cache.pageTable(second)[0]};
  EXPECT_EQ(used.size(), 3u);
  cache.shrink(first, 32);
  EXPECT_EQ(cache.allocator().available(), 6);
  cache.close(first);
  EXPECT_EQ(cache.allocator().available(), 7);
  EXPECT_FALSE(cache.isOpen(first));
  EXPECT_TRUE(cache.isOpen(second));
  EXPECT_EQ(*cache.open(), first);
  EXPECT_EQ(cache.length(first), 0);
}

TEST(PagedCache, RefusesMoreThanTheContextAndChangesNothing) {
  auto cache = PagedCache::create(layers, 1, 70);
  int64_t sequence = *(*cache)->open();
  ASSERT_TRUE((*cache)->grow(sequence, 70));
  Status status = (*cache)->grow(sequence, 1);
  ASSERT_FALSE(status);
  EXPECT_NE(status.error().remedy.find("--context"), std::string::npos);
  EXPECT_EQ((*cache)->length(sequence), 70);
  EXPECT_FALSE((*cache)->grow(sequence, INT64_MAX));
}

TEST(PagedCache, BytesAreThoseOfThePages) {
  // 4 pages a sequence; page: 2 heads x 32 slots x (8 + 4) x 4 bytes, and 32 x 16 x 2.
  EXPECT_EQ(*PagedCache::bytesNeeded(layers, 3, 100), 12u * (2 * 32 * 12 * 4 + 32 * 16 * 2));
  EXPECT_FALSE(PagedCache::bytesNeeded(layers, INT64_MAX / 2, 1 << 30));
  auto huge = PagedCache::bytesNeeded(layers, 1 << 30, 1 << 30);
  ASSERT_FALSE(huge);
  EXPECT_EQ(huge.error().kind, ErrorKind::resource);
}

TEST(PagedCache, EveryLayerHasItsOwnMemory) {
  auto cache = PagedCache::create(layers, 1, 64);
  auto *first = static_cast<std::byte *>((*cache)->bases()[0]),
       *second = static_cast<std::byte *>((*cache)->bases()[1]);
  std::fill_n(first, 2 * layers[0].pageBytes(), std::byte(1));
  EXPECT_EQ(std::count(second, second + 2 * layers[1].pageBytes(), std::byte(0)), int64_t(2 * layers[1].pageBytes()));
}

}  // namespace
}  // namespace llc
