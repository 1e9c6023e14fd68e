// Keys of config.json that are the same for every architecture.
#pragma once
#include "frontends/dsl/config.h"

namespace llc::huggingface {

// Ticks off what makes no difference to the result of a forward pass, and refuses what does and is not supported.
void readSharedKeys(dsl::Config &config);

}  // namespace llc::huggingface
