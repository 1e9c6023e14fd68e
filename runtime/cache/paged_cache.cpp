#include "runtime/cache/paged_cache.h"

#include "runtime/base/mapped_file.h"
#include "runtime/base/memory.h"

namespace llc {

namespace {
constexpr std::string_view flags = "lower --context, or the number of sequences";

int64_t pagesFor(int64_t tokens) { return (tokens + LLC_PAGE_TOKENS - 1) / LLC_PAGE_TOKENS; }

Error tooLarge(int64_t sequences, int64_t context) {
  return diagnose(ErrorKind::resource)
      .says(fmt::format("a cache for {} sequences of {} tokens is larger than any memory", sequences, context))
      .toFix(flags);
}

Result<int32_t> pageCount(int64_t sequences, int64_t context) {
  auto pages = checkedMultiply(uint64_t(pagesFor(context)), uint64_t(sequences));
  if (!pages || *pages > uint64_t(INT32_MAX)) return tooLarge(sequences, context);
  return int32_t(*pages);
}
}  // namespace

PagedCache::PagedCache(int64_t sequences, int64_t context)
    : context_(context),
      stride_(pagesFor(context)),
      allocator_(int32_t(sequences * stride_)),
      sequences_(size_t(sequences)) {
  for (Sequence &sequence : sequences_) sequence.table.assign(size_t(stride_), 0);
}

Result<uint64_t> PagedCache::bytesNeeded(std::span<const CacheSpec> layers, int64_t sequences, int64_t context) {
  LLC_ASSIGN(int32_t pages, pageCount(sequences, context));
  uint64_t total = 0;
  for (const CacheSpec &layer : layers) {
    auto bytes = checkedMultiply(layer.pageBytes(), uint64_t(pages));
    auto sum = bytes ? checkedAdd(total, *bytes) : std::nullopt;
    if (!sum) return tooLarge(sequences, context);
    total = *sum;
  }
  return total;
}

Result<std::unique_ptr<PagedCache>> PagedCache::create(std::span<const CacheSpec> layers, int64_t sequences,
                                                       int64_t context) {
  LLC_TRY(bytesNeeded(layers, sequences, context));
  std::unique_ptr<PagedCache> cache(new PagedCache(sequences, context));
  for (const CacheSpec &layer : layers) {
    uint64_t bytes = layer.pageBytes() * uint64_t(cache->allocator_.pages());
    LLC_ASSIGN(auto memory, allocatePages(bytes, fmt::format("the cache of layer {}", layer.layer), flags));
    cache->bases_.push_back(memory.get());
    cache->memory_.push_back(std::move(memory));
  }
  return cache;
}

Result<int64_t> PagedCache::open() {
  for (size_t i = 0; i < sequences_.size(); ++i)
    if (!sequences_[i].open) {
      sequences_[i].open = true;
      return int64_t(i);
    }
  return diagnose(ErrorKind::resource)
      .says(fmt::format("all {} sequences are in use", sequences_.size()))
      .toFix("close one, or make the session for more sequences");
}

void PagedCache::close(int64_t sequence) {
  shrink(sequence, 0);
  sequences_[size_t(sequence)].open = false;
}

bool PagedCache::isOpen(int64_t sequence) const {
  return sequence >= 0 && size_t(sequence) < sequences_.size() && sequences_[size_t(sequence)].open;
}

Status PagedCache::grow(int64_t number, int64_t tokens) {
  Sequence &sequence = sequences_[size_t(number)];
  if (tokens > context_ - sequence.length)
    return diagnose(ErrorKind::invalidInput)
        .says(fmt::format("{} tokens and {} more are longer than the context of {}", sequence.length, tokens, context_))
        .toFix("shorten the text, or raise --context (up to what the model was compiled for: --max-context)");
  int64_t needed = pagesFor(sequence.length + tokens);
  if (needed - sequence.pages > allocator_.available())
    return diagnose(ErrorKind::resource)
        .says(fmt::format("{} cache pages are needed, {} are free", needed - sequence.pages, allocator_.available()))
        .toFix("close other sequences, or make the session for more of them");
  for (; sequence.pages < needed; ++sequence.pages) sequence.table[size_t(sequence.pages)] = *allocator_.take();
  sequence.length += tokens;
  return success();
}

void PagedCache::shrink(int64_t number, int64_t length) {
  Sequence &sequence = sequences_[size_t(number)];
  assert(length <= sequence.length);
  for (int64_t needed = pagesFor(length); sequence.pages > needed;) {
    --sequence.pages;
    allocator_.release(sequence.table[size_t(sequence.pages)]);
    sequence.table[size_t(sequence.pages)] = 0;
  }
  sequence.length = length;
}

std::span<const int32_t> PagedCache::pageTable(int64_t sequence) const { return sequences_[size_t(sequence)].table; }

}  // namespace llc
