// One call of a compiled entry as plain memory: what the runtime hands to generated code, arena and scratch apart. Free
// of MLIR, so that a program for another architecture can run it too.
#pragma once
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "runtime/abi/llc_abi.h"
#include "runtime/abi/manifest.h"

namespace llc::conformance {

// Bytes at a 64-byte boundary.
class Block {
 public:
  Block(size_t bytes, unsigned char fill) : memory_(bytes + 64, fill), bytes_(bytes) {}
  explicit Block(std::span<const unsigned char> content);
  unsigned char *data() {
    auto address = reinterpret_cast<uintptr_t>(memory_.data());
    return memory_.data() + (address + 63) / 64 * 64 - address;
  }
  std::span<const unsigned char> bytes() { return {data(), bytes_}; }

 private:
  std::vector<unsigned char> memory_;
  size_t bytes_;
};

inline constexpr unsigned char poison = 0xFF;  // floats of 0xFF are NaN
inline constexpr int64_t pagesOfSequence = 4;

struct CallImage {
  std::string entry;
  int threads = 1;
  int64_t tokens = 0, rows = 0;
  // The batch, as the ABI has it.
  std::vector<int32_t> positions, sequenceOf, starts, contexts, lengths, pages;
  std::vector<Block> inputs, outputs, caches;

  // Runs the call with a team, in poisoned arena and scratch. Changes outputs and caches.
  void run(llc_entry code, const Manifest &manifest, const void *const *parameters);
};

std::string toBytes(std::vector<CallImage> &calls);
// Throws nlohmann's exceptions on bytes that toBytes() did not write.
std::vector<CallImage> fromBytes(std::string_view bytes);

}  // namespace llc::conformance
