#include "tools/cli/cache_flags.h"

#include <fmt/format.h>

#include <filesystem>

#include "runtime/base/memory.h"

namespace llc::cli {

namespace {
CLI::Validator folderOrNone() {
  return CLI::Validator(
      [](std::string &text) {
        if (text == "none") return std::string();
        if (text.empty()) return std::string("expected a directory or none, found nothing");
        std::error_code error;
        std::filesystem::create_directories(text, error);
        if (std::filesystem::is_directory(text)) return std::string();
        return fmt::format("{} can't be made a directory ({})", text, error ? error.message() : "it is a file");
      },
      "", "directory");
}
}  // namespace

void addCacheFlag(CLI::App &app, const compiler::CacheKind &kind, std::string &folder) {
  bool code = kind.name == compiler::codeCache.name, weights = kind.name == compiler::weightCache.name;
  const char *flag = code ? "--code-cache" : weights ? "--weight-cache" : "--tuning-cache";
  const char *content = code ? "compiled code" : weights ? "packed weights" : "what llc-model tune found";
  app.add_option(flag, folder,
                 fmt::format("Directory of {}, or none (default: in the user's cache directory, at most {}; those "
                             "unused longest go first)",
                             content, humanBytes(uint64_t(kind.limitBytes))))
      ->check(folderOrNone())
      ->group("Compilation");
}

}  // namespace llc::cli
