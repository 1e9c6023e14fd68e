// Reading configurations: what families share. Mistakes go to the configuration.
#pragma once
#include <string_view>

#include "frontends/dsl/config.h"

namespace llc::models {

// Numbers of layers beyond this are mistakes; so a wrong one can't exhaust memory either.
inline constexpr int64_t maxLayers = 4096;
int64_t readLayers(dsl::Config &config, std::string_view key, int64_t fallback);  // fallback 0: the key is required
double readEpsilon(dsl::Config &config, std::string_view key, double fallback);
// Elements per head where no key says it.
int64_t evenHeads(dsl::Config &config, std::string_view headsKey, int64_t hidden, int64_t heads);

}  // namespace llc::models
