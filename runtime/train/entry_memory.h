// What entries of static shapes are called with: an arena, the threads' scratch, and no ragged batch.
#pragma once
#include <memory>
#include <string_view>

#include "runtime/abi/llc_abi.h"
#include "runtime/abi/manifest.h"

namespace llc::train {

class EntryMemory {
 public:
  // Error: resource; `remedy` is what to do when activations don't fit.
  static Result<EntryMemory> allocate(const Manifest &manifest, int64_t threads, std::string_view remedy);

  // Complete but for parameters, batch, inputs, outputs and sizes.
  llc_context context() const;
  uint64_t bytes() const { return bytes_; }

 private:
  EntryMemory() = default;
  std::shared_ptr<void> arena_, scratch_;
  int64_t stride_ = 0;
  uint64_t bytes_ = 0;
};

}  // namespace llc::train
