#include "runtime/train/entry_memory.h"

#include "runtime/base/memory.h"
#include "runtime/serve/session.h"

namespace llc::train {

Result<EntryMemory> EntryMemory::allocate(const Manifest &manifest, int64_t threads, std::string_view remedy) {
  EntryMemory memory;
  memory.stride_ = int64_t(scratchStride(manifest));
  uint64_t scratch = uint64_t(memory.stride_ * threads);
  memory.bytes_ = manifest.arenaBytes + scratch;
  LLC_ASSIGN(memory.arena_, allocatePages(manifest.arenaBytes + 1, "activations", remedy));
  LLC_ASSIGN(memory.scratch_, allocatePages(scratch + 1, "scratch", "use fewer threads"));
  return memory;
}

llc_context EntryMemory::context() const {
  llc_context context{};
  context.abi_version = LLC_ABI_VERSION;
  context.arena = arena_.get(), context.scratch = scratch_.get(), context.scratch_stride = stride_;
  return context;
}

}  // namespace llc::train
