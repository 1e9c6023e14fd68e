// What commands say of the caches on disk (compiler/jit/cache_folder.h), and how they take their folders.
#pragma once
#include <CLI/CLI.hpp>

#include "compiler/jit/cache_folder.h"

namespace llc::cli {

inline constexpr const char *noCacheFolder = "no folder: neither XDG_CACHE_HOME nor HOME is set";

// --code-cache, --weight-cache or --tuning-cache. A folder that is named must exist or be one that can be made: else
// the option would be ignored.
void addCacheFlag(CLI::App &app, const compiler::CacheKind &kind, std::string &folder);

}  // namespace llc::cli
