#include "models/blocks/saved_modules.h"

#include <algorithm>

namespace llc::models {

bool isOfModule(const std::string &tensor, const std::string &ending) {
  return tensor.substr(0, tensor.rfind('.')).ends_with(ending);
}

SavedModules::SavedModules(const dsl::AdapterFile &file) : endings_(file.config.texts("modules_to_save")) {
  if (endings_.empty()) return;
  // Weights are replaced: what is left of them would be that of one adapter or of the other.
  if (file.share != 1 || !file.suffix.empty())
    file.config.refuse("modules_to_save", "whole weights can't be added in part or to another adapter",
                       "use the adapter alone, or merge it first");
  if (file.model.headIsEmbedding && has(file.model.embeddingName))
    file.config.refuse("modules_to_save", "the head shares the weights of the embedding",
                       "merge the adapter with PEFT");
}

bool SavedModules::has(const std::string &tensor) const {
  return std::ranges::any_of(endings_, [&](const std::string &ending) { return isOfModule(tensor, ending); });
}

}  // namespace llc::models
