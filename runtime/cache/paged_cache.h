// The key/value cache: for each layer an array of pages of LLC_PAGE_TOKENS slots (layout: llc_abi.h), one page table
// for all layers per sequence. Memory is reserved at once and touched by the kernels only as sequences grow.
#pragma once
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "runtime/abi/manifest.h"
#include "runtime/cache/page_allocator.h"

namespace llc {

class PagedCache {
 public:
  // `context`: tokens of the longest sequence; `sequences`: open at the same time.
  static Result<std::unique_ptr<PagedCache>> create(std::span<const CacheSpec> layers, int64_t sequences,
                                                    int64_t context);
  // The bytes that create() would reserve. resource: the product does not fit in 64 bits.
  static Result<uint64_t> bytesNeeded(std::span<const CacheSpec> layers, int64_t sequences, int64_t context);

  Result<int64_t> open();        // resource: too many sequences are open
  void close(int64_t sequence);  // lets go of its pages
  bool isOpen(int64_t sequence) const;
  int64_t length(int64_t sequence) const { return sequences_[size_t(sequence)].length; }
  // Makes room for `tokens` more: takes pages as needed. On an error nothing has changed.
  Status grow(int64_t sequence, int64_t tokens);
  // Forgets the newest tokens (to undo a step that failed).
  void shrink(int64_t sequence, int64_t length);

  std::span<const int32_t> pageTable(int64_t sequence) const;  // pageStride() numbers; unused ones are 0
  int64_t pageStride() const { return stride_; }
  void *const *bases() const { return bases_.data(); }  // llc_context.caches
  const PageAllocator &allocator() const { return allocator_; }

 private:
  struct Sequence {
    bool open = false;
    int64_t length = 0, pages = 0;
    std::vector<int32_t> table;
  };
  PagedCache(int64_t sequences, int64_t context);
  int64_t context_, stride_;
  PageAllocator allocator_;
  std::vector<Sequence> sequences_;
  std::vector<void *> bases_;
  std::vector<std::shared_ptr<void>> memory_;
};

}  // namespace llc
