// adapter_config.json: the parser and every kind's reading of it, beside the tensors of a small adapter.
#include <cmath>
#include <cstdlib>

#include "frontends/dsl/config.h"
#include "models/adapter_registry.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const llc::dsl::Projection module{"model.layers.0.self_attn.q_proj", 6, 4};
  llc::dsl::Model model;
  model.vocabulary = 8, model.hidden = 6, model.layers = 1, model.keyValueHeads = 1, model.headSize = 2;
  for (const llc::dsl::AdapterKind &kind : llc::models::adapterKinds()) {
    auto config = llc::dsl::Config::parse({reinterpret_cast<const char *>(data), size}, "fuzz");
    if (!config.ok()) {
      if (config.error().remedy.empty()) abort();
      return 0;
    }
    auto means = [](const std::string &key, const std::string &name) { return llc::Result<bool>(name.ends_with(key)); };
    llc::dsl::AdapterFile file{model, *config, {}, "", 1, means};
    if (kind.prefix.empty()) {
      file.tensors["prompt_embeddings"] = {2, kind.name == "PREFIX_TUNING" ? 4 : 6};
    } else if (kind.name == "BOTTLENECK") {
      for (const char *name : {".adapter_down.weight", ".adapter_down.bias", ".adapter_up.weight", ".adapter_up.bias"})
        file.tensors[module.name + name] = {2};
    } else {
      file.tensors[module.name + ".lora_A.weight"] = {2, 6};
      file.tensors[module.name + ".lora_B.weight"] = {4, 2};
    }
    auto adapter = kind.read(file);
    (void)config->unreadKeys();
    if (!adapter.ok()) {
      if (adapter.error().what.empty() || adapter.error().remedy.empty()) abort();
      continue;
    }
    if (!adapter->mergeInto) continue;
    std::vector<float> weight(24, 1.0f);
    auto read = [&](const std::string &name) { return std::vector<float>(name.ends_with("A.weight") ? 12 : 8, 0.5f); };
    if (!adapter->mergeInto(module, read, weight)) abort();
  }
  return 0;
}
