// Manifests: an artifact may come from anywhere. What parses must survive the way through JSON unchanged.
#include <cstdlib>

#include "runtime/abi/manifest.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  auto manifest = llc::parseManifest({reinterpret_cast<const char *>(data), size}, "fuzz");
  if (!manifest) return 0;
  std::string text = llc::toJson(*manifest);
  auto again = llc::parseManifest(text, "fuzz");
  if (!again || llc::toJson(*again) != text) abort();
  return 0;
}
