// Memory of the process as the system counts it.
#include "runtime/base/memory.h"

#include <unistd.h>

#include <fstream>
#include <memory>
#include <vector>

#include "gtest/gtest.h"

namespace llc {
namespace {

uint64_t residentBytes() {
  uint64_t pages = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> pages >> resident;
  return resident * uint64_t(sysconf(_SC_PAGESIZE));
}

// Sanitizers have allocators of their own.
constexpr bool usesGlibcAllocator() {
#if !defined(__GLIBC__) || defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  return false;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
  return false;
#endif
#endif
  return true;
}

// Small blocks under one that stays: the allocator cannot shrink its heap from the end.
TEST(FreedMemory, GoesBackToTheSystem) {
  if (!usesGlibcAllocator()) GTEST_SKIP() << "another allocator";
  constexpr size_t count = 64 << 10, bytes = 1 << 10;
  std::vector<std::unique_ptr<char[]>> blocks;
  for (size_t i = 0; i < count; ++i) blocks.push_back(std::make_unique<char[]>(bytes));
  auto last = std::make_unique<char[]>(bytes);
  blocks.clear();
  uint64_t before = residentBytes();
  releaseFreedMemory();
  EXPECT_LT(residentBytes() + count * bytes / 2, before);
}

}  // namespace
}  // namespace llc
