// Zeroed memory straight from the system, in pages that are touched only when used: for arenas, caches, results.
#pragma once
#include <cstdint>
#include <memory>
#include <string_view>

#include "runtime/base/status.h"

namespace llc {

inline constexpr uint64_t hugePage = 2 << 20;

// At least `bytes`, page-aligned, zero-filled; freed with the last copy of the pointer. Huge pages are asked for where
// that pays. `purpose` and `remedy` are for the error (resource).
Result<std::shared_ptr<void>> allocatePages(uint64_t bytes, std::string_view purpose, std::string_view remedy);

// memcpy by several threads: one alone reaches half of a machine's bandwidth, and less where pages are touched first.
void copyParallel(void *to, const void *from, uint64_t bytes, int threads);

// "12.3 MiB"
std::string humanBytes(uint64_t bytes);
// "1 thread", "2 threads"; `plural` where it is not the word with an s.
std::string counted(int64_t count, std::string_view word, std::string_view plural = "");

// Largest resident set of this process so far, in bytes.
uint64_t peakResidentBytes();

// Gives freed memory back to the system that glibc's allocator would keep for later: after a compilation, some 80 MB.
void releaseFreedMemory();

}  // namespace llc
