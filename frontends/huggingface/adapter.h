// Directories of adapters as PEFT writes them: adapter_config.json and adapter_model.safetensors, whose tensors are
// called "base_model.model." + module + ".lora_A.weight" and the like.
#pragma once
#include "frontends/dsl/adapter.h"
#include "frontends/huggingface/import.h"

namespace llc::huggingface {

inline constexpr const char *adapterConfigFile = "adapter_config.json",
                            *adapterWeightsFile = "adapter_model.safetensors";
inline constexpr const char *adapterPrefix = "base_model.model.";  // of most kinds
// Metadata of the weights' file: the fingerprint of the model that the adapter was trained on.
inline constexpr const char *baseFingerprintKey = "base_fingerprint";

// An adapter of a ModelSource. Only its tensors' bytes are unchecked.
struct AttachedAdapter {
  std::filesystem::path directory;
  SafeTensors file;
  std::string suffix;                                                 // dsl::AdapterFile::suffix
  std::map<std::string, const TensorView *, std::less<>> parameters;  // by the names that the program gives them
  dsl::Adapter adapter;
  // How much of it is added: what the parameters dsl::Adapter::shares are read from, wherever they are.
  struct Share {
    alignas(64) float value;
    TensorView tensor;
  };
  std::unique_ptr<Share> share;  // null: it is a constant of the program

  // A tensor as f32, by its name without its kind's prefix.
  std::vector<float> values(const std::string &name) const;
};

bool isAdapterDirectory(const std::filesystem::path &directory);

// Makes the source's model read the adapter, `share` times; `sharesAtRunTime`: by AttachedAdapter::share, which may be
// changed while the program is there. Further adapters add to those before. Errors: no such directory; files that lie;
// an adapter of another base; a kind or key that is not supported. Whether every tensor fits the model is checked when
// it is traced, as for the model's own.
Status attachAdapter(ModelSource &source, const std::filesystem::path &directory, double share,
                     const std::vector<dsl::AdapterKind> &kinds, bool sharesAtRunTime = false);

// Tells models from others by some numbers of each tensor, rounded to bf16: the same for a copy in another type.
std::string baseFingerprint(const ModelSource &source);

// ---- making new ones
// Which linear layers an adapter is for, by PEFT's rules.
struct AdapterTargets {
  std::vector<dsl::Projection> modules;
  std::vector<std::string> endings;  // target_modules: names or their ends ...
  std::string expression;            // ... or a regular expression
};
// `targets`: ends of module names ("q_proj"), or one alone: "re:REGEX" for whole names, "all-linear". Errors: what fits
// none of `all`.
Result<AdapterTargets> chooseTargets(const std::vector<std::string> &targets, const std::vector<dsl::Projection> &all);

// Text of adapter_config.json. `targets`: null for kinds that change no layers; `base`: name or path of the model.
std::string adapterConfig(const std::string &kind, const dsl::NewAdapter &made, const AdapterTargets *targets,
                          const std::string &base);

}  // namespace llc::huggingface
