// cache: what llc-model keeps on disk to start faster, and how to get rid of it.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "runtime/base/memory.h"
#include "tools/cli/cache_flags.h"
#include "tools/cli/command.h"

namespace llc::cli {

namespace {
struct CacheFlags {
  std::string action = "list", kind;
  bool json = false;
};

// The error of this folder, or else `before`.
Status allRemoved(const std::string &folder, const compiler::CacheKind &kind, Status before) {
  int64_t left = compiler::cacheUse(folder, kind).entries;
  if (left == 0) return before;
  return diagnose(ErrorKind::unsupported, folder)
      .says(counted(left, "entry", "entries") + " can't be removed")
      .toFix("clear it as a user who may write there");
}

Status runCache(Context &, CLI::App &, CacheFlags &options) {
  nlohmann::json json = nlohmann::json::array();
  Status status = success();
  for (const compiler::CacheKind &kind : compiler::cacheKinds) {
    if (!options.kind.empty() && options.kind != kind.name) continue;
    std::string folder = compiler::cacheFolder("", kind);
    bool clear = options.action == "clear";
    compiler::CacheUse use = clear ? compiler::clearCache(folder, kind) : compiler::cacheUse(folder, kind);
    nlohmann::json entry = {{"kind", kind.name}, {"folder", folder}, {"limit_bytes", kind.limitBytes}};
    if (clear) status = allRemoved(folder, kind, std::move(status));
    entry[clear ? "removed_entries" : "entries"] = use.entries;
    entry[clear ? "removed_bytes" : "bytes"] = use.bytes;
    json.push_back(entry);
    if (options.json) continue;
    if (folder.empty())
      fmt::print("{:8} {}\n", kind.name, noCacheFolder);
    else if (clear)
      fmt::print("{:8} {} removed, {} ({})\n", kind.name, counted(use.entries, "entry", "entries"),
                 humanBytes(uint64_t(use.bytes)), folder);
    else
      fmt::print("{:8} {}, {} of at most {} ({})\n", kind.name, counted(use.entries, "entry", "entries"),
                 humanBytes(uint64_t(use.bytes)), humanBytes(uint64_t(kind.limitBytes)), folder);
  }
  if (options.json) fmt::print("{}\n", json.dump());
  return status;
}

void declareCache(CLI::App &app, CacheFlags &options) {
  std::vector<std::string> kinds;
  for (const compiler::CacheKind &kind : compiler::cacheKinds) kinds.emplace_back(kind.name);
  app.add_option("ACTION", options.action, "list: what is kept; clear: removes it")
      ->capture_default_str()
      ->check(CLI::IsMember({"list", "clear"}));
  app.add_option("KIND", options.kind, "Only one of the caches (default: all)")->check(CLI::IsMember(kinds));
  app.add_flag("--json", options.json, "One JSON array instead of lines for people");
}
}  // namespace

void addCache(Context &context) {
  addCommand<CacheFlags>(context, "cache",
                         "Compiled code, packed weights and tuning results kept on disk: lists or clears them",
                         declareCache, runCache);
}

}  // namespace llc::cli
