// What a compiled program says about itself: written by the compiler (as JSON, canonical: the same struct gives the
// same bytes), read by the runtime and by `inspect`. Offsets and sizes are bytes. The version is LLC_ABI_VERSION of
// runtime/abi/llc_abi.h: a manifest of another version is refused.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/abi/llc_abi.h"
#include "runtime/base/dtype.h"
#include "runtime/base/status.h"

namespace llc {

// A tensor argument or result of an entry. A size of -1, -2, -3 is dynamic: tokens, rows, sequences
// (dynamicSize(LLC_DIM_*)).
struct TensorSpec {
  std::string name;  // arguments: "tokens", "positions", "rows", "targets"; results: "logits", "log_probs", "embedding"
  DType type = DType::f32;
  std::vector<int64_t> shape;
};
inline constexpr int64_t dynamicSize(int dimension) { return -1 - dimension; }

struct EntrySpec {
  std::string name;                         // "step", "score", "embed"
  std::vector<TensorSpec> inputs, outputs;  // in the order of llc_context.inputs and outputs
};

// Parameter number i of llc_context.parameters. `layout` says how the bytes are arranged ("rows": row-major as in the
// checkpoint, "panel": packed for the matmul kernels); type and shape are those of the tensor before packing.
struct ParameterSpec {
  std::string name;
  DType type = DType::f32;
  std::vector<int64_t> shape;
  std::string layout = "rows";
  uint64_t offset = 0;  // in the artifact's payload, a multiple of 64; 0 for programs whose parameters are in memory
  uint64_t bytes = 0;
  bool updated = false;  // an entry writes it: its memory belongs to the program that runs
};

// Cache number i of llc_context.caches: the pages of one layer, as llc_abi.h lays them out.
struct CacheSpec {
  int64_t layer = 0, kvHeads = 0, keyDim = 0, valueDim = 0;
  DType element = DType::f32;
  int64_t window = 0;  // 0: none; keys further back than this are never read
  uint64_t pageBytes() const;
};

// A file that travels with the program (tokenizer.json, generation_config.json ...).
struct FilePart {
  std::string name;
  uint64_t offset = 0, bytes = 0;  // in the payload
  std::string sha256;
};

// What generation does unless the user says otherwise (from generation_config.json and the tokenizer's configuration).
struct GenerationDefaults {
  double temperature = 0;  // 0: greedy
  int64_t topK = 0;        // 0: all
  double topP = 1, minP = 0, repeatPenalty = 1;
  std::vector<int32_t> eos;
  int32_t bos = -1, pad = -1;  // -1: none
};

struct Manifest {
  int64_t abiVersion = LLC_ABI_VERSION;
  std::string model;                // architecture: "llama"
  std::string name;                 // what the user calls it: the directory's name
  std::string dtype;                // weights: "f32", "bf16"
  std::vector<std::string> levels;  // instruction-set levels with code, best first: "avx512", "avx2", "generic"
  int64_t vocabulary = 0, hidden = 0, layers = 0;
  int64_t maxTokens = 0, maxRows = 0, maxSequences = 0, maxContext = 0;
  int64_t trainedLength = 0;  // tokens of the longest texts that the model was made for; 0: no limit is known
  // So many tokens stand before each sequence, with the ids vocabulary, vocabulary + 1 ... They count in maxContext.
  int64_t virtualTokens = 0;
  uint64_t arenaBytes = 0;    // activations, all threads together
  uint64_t scratchBytes = 0;  // per thread
  int64_t pageTokens = LLC_PAGE_TOKENS;
  double flopsPerToken = 0;    // multiply and add counted apart, without attention
  uint64_t bytesPerToken = 0;  // weight bytes that one decode step reads
  std::vector<EntrySpec> entries;
  std::vector<ParameterSpec> parameters;
  std::vector<CacheSpec> caches;
  std::vector<FilePart> files;
  GenerationDefaults generation;
  std::vector<std::string>
      prepare;  // what was done to parameters at compile time, for people: "pack model.layers.0..."
  std::map<std::string, std::string> versions;  // "llc-model" → "0.1.0", "llvm" → "19.1.7"
  std::map<std::string, std::string> hashes;    // part → SHA-256, of parts that are not in `files`

  const EntrySpec *entry(std::string_view name) const;
};

std::string toJson(const Manifest &manifest);  // ends with a newline
// Checks types, ranges, and that every offset + bytes fits; `where` names the source. unsupported: another ABI version.
Result<Manifest> parseManifest(std::string_view json, const std::string &where);

}  // namespace llc
