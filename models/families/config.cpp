#include "models/families/config.h"

#include <string>

namespace llc::models {
using dsl::Config;

double readEpsilon(Config &config, std::string_view key, double fallback) {
  double epsilon = config.number(key, fallback);
  if (!(epsilon > 0 && epsilon < 1)) config.refuse(key, "must be between 0 and 1", "1e-5 and 1e-6 are common");
  return epsilon;
}

int64_t readLayers(Config &config, std::string_view key, int64_t fallback) {
  int64_t layers = fallback ? config.size(key, fallback) : config.requiredSize(key);
  if (layers <= maxLayers) return layers;
  config.refuse(key, std::to_string(layers) + " layers are more than " + std::to_string(maxLayers),
                "compare the file with the model's own repository");
  return 1;
}

int64_t evenHeads(Config &config, std::string_view headsKey, int64_t hidden, int64_t heads) {
  if (hidden % heads == 0) return hidden / heads;
  config.refuse(headsKey,
                std::to_string(heads) + " heads can't share a hidden size of " + std::to_string(hidden) + " evenly",
                "compare both with the model's own repository");
  return 2;
}

}  // namespace llc::models
