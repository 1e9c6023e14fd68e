// Mistral 7B: Llama with one sliding window for all layers (Jiang et al. 2023).
#include "models/families/decoder.h"
#include "models/registry.h"

namespace llc::models {
namespace {
DecoderTraits readTraits(dsl::Config &config) {
  DecoderTraits t = readLlamaLike(config, {.maxPositions = 131072, .keyValueHeads = 8});
  // Files from before the key was written mean 4096; null means none.
  std::optional<int64_t> window = config.optionalSize("sliding_window");
  if (!config.isWritten("sliding_window")) window = 4096;
  t.windows.assign(size_t(t.layers), window.value_or(0));
  return t;
}
}  // namespace

dsl::Architecture mistral(const Blocks &blocks) {
  return decoder({.name = "mistral", .answersTo = {"MistralForCausalLM"}, .traits = readTraits}, blocks);
}

}  // namespace llc::models
