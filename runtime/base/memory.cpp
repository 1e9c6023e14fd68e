#include "runtime/base/memory.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <sys/mman.h>
#include <sys/resource.h>

#include <atomic>
#include <cstring>
#include <thread>
#include <vector>

namespace llc {

namespace {
}

Result<std::shared_ptr<void>> allocatePages(uint64_t bytes, std::string_view purpose, std::string_view remedy) {
  // One huge page of slack lets the block begin at a huge page's boundary, without which small blocks get none at all.
  uint64_t slack = bytes >= hugePage ? hugePage : 0, size = std::max<uint64_t>(bytes, 1) + slack;
  void *address = size < bytes
                      ? MAP_FAILED
                      : mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (address == MAP_FAILED)
    return diagnose(ErrorKind::resource)
        .says(fmt::format("{} for {} can't be had from the system", humanBytes(bytes), purpose))
        .toFix(remedy);
  auto begin = reinterpret_cast<uintptr_t>(address);
  if (slack) {
    begin = (begin + hugePage - 1) / hugePage * hugePage;
    madvise(reinterpret_cast<void *>(begin), bytes, MADV_HUGEPAGE);
  }
  return std::shared_ptr<void>(reinterpret_cast<void *>(begin), [address, size](void *) { munmap(address, size); });
}

void copyParallel(void *to, const void *from, uint64_t bytes, int threads) {
  constexpr uint64_t piece = 8 << 20;  // whole huge pages
  std::atomic<uint64_t> next = 0;
  auto work = [&] {
    for (uint64_t at; (at = next.fetch_add(piece)) < bytes;)
      std::memcpy(static_cast<char *>(to) + at, static_cast<const char *>(from) + at, std::min(piece, bytes - at));
  };
  std::vector<std::thread> others;
  for (int t = 1; t < threads && uint64_t(t) * piece < bytes; ++t) others.emplace_back(work);
  work();
  for (std::thread &thread : others) thread.join();
}

std::string humanBytes(uint64_t bytes) {
  static constexpr const char *units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  double value = double(bytes);
  size_t unit = 0;
  while (value >= 1024 && unit + 1 < std::size(units)) value /= 1024, ++unit;
  return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.1f} {}", value, units[unit]);
}

std::string counted(int64_t count, std::string_view word, std::string_view plural) {
  if (count == 1) return fmt::format("1 {}", word);
  return plural.empty() ? fmt::format("{} {}s", count, word) : fmt::format("{} {}", count, plural);
}

uint64_t peakResidentBytes() {
  struct rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  return uint64_t(usage.ru_maxrss) << 10;
}

void releaseFreedMemory() {
#ifdef __GLIBC__
  malloc_trim(0);
#endif
}

}  // namespace llc
