// The RWKV "world" vocabulary: lines of an id, a Python string or bytes literal, and its length; encoding takes the longest token.
#pragma once
#include <memory>
#include <string_view>

#include "runtime/text/engine.h"

namespace llc::text {
Result<std::unique_ptr<Engine>> loadRwkv(std::string_view bytes, const std::string &name);
}
