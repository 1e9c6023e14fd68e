// Checkpoints may come from anywhere: the two files that are parsed by hand. What parses must survive the way through
// text unchanged.
#include <cstdlib>

#include "runtime/train/checkpoint_manifest.h"
#include "runtime/train/trainer_state.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::string_view text(reinterpret_cast<const char *>(data), size);
  if (auto manifest = llc::train::parseCheckpointManifest(text, "fuzz")) {
    std::string first = llc::train::toText(*manifest);
    auto again = llc::train::parseCheckpointManifest(first, "fuzz");
    if (!again || llc::train::toText(*again) != first) abort();
  }
  if (auto state = llc::train::parseTrainerState(text, "fuzz")) {
    auto again = llc::train::parseTrainerState(llc::train::toJson(*state).dump(), "fuzz");
    if (!again || !(*again == *state)) abort();
  }
  return 0;
}
