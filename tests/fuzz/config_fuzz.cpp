// config.json of a Hugging Face directory: the parser and every architecture's reading of it. What is accepted must have
// sizes that are safe to compute with.
#include <cstdlib>

#include "frontends/huggingface/keys.h"
#include "models/registry.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  for (const llc::dsl::Architecture &architecture : llc::models::architectures()) {
    auto config = llc::dsl::Config::parse({reinterpret_cast<const char *>(data), size}, "fuzz");
    if (!config.ok()) {
      if (config.error().remedy.empty()) abort();
      return 0;
    }
    llc::huggingface::readSharedKeys(*config);
    auto model = architecture.build(*config);
    (void)config->unreadKeys();
    if (!model.ok()) {
      if (model.error().what.empty() || model.error().remedy.empty()) abort();
      continue;
    }
    if (model->vocabulary < 1 || model->hidden < 1 || model->layers < 1 || model->layers > 4096) abort();
  }
  return 0;
}
