// Weights of the model that are trained in full beside an adapter (PEFT's modules_to_save): its file holds them under
// the names that they have in the model, whose own they replace.
#pragma once
#include "frontends/dsl/adapter.h"

namespace llc::models {

class SavedModules {
 public:
  // Mistakes are noted in the file's configuration.
  explicit SavedModules(const dsl::AdapterFile &file);
  // Whether a tensor of the file is a weight of one of the modules.
  bool has(const std::string &tensor) const;
  bool any() const { return !endings_.empty(); }

 private:
  std::vector<std::string> endings_;
};
// The same test, for one ending of module names: of any part of them, as in PEFT ("norm" is also input_layernorm).
bool isOfModule(const std::string &tensor, const std::string &ending);

}  // namespace llc::models
