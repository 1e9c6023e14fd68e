// --version: what this program is made of.
#include <fmt/format.h>
#include <gnu/libc-version.h>
#include <link.h>
#include <llvm/Config/llvm-config.h>
#include <utf8proc.h>
#include <zlib.h>
#include <zstd.h>

#include <Eigen/Core>
#include <nlohmann/json.hpp>

#include "runtime/abi/llc_abi.h"
#include "tools/cli/command.h"

namespace llc::cli {

namespace {
using nlohmann::json;

struct Component {
  const char *name;
  std::string version;
  const char *license, *linkage;  // "headers", "static" or "shared"
};

std::vector<Component> components() {
  auto dotted = [](int major, int minor, int patch) { return fmt::format("{}.{}.{}", major, minor, patch); };
  return {
      {"LLVM", LLVM_VERSION_STRING, "Apache-2.0 WITH LLVM-exception", "shared"},
      {"MLIR", LLVM_VERSION_STRING, "Apache-2.0 WITH LLVM-exception", "shared"},
      {"LLD", LLVM_VERSION_STRING, "Apache-2.0 WITH LLVM-exception", "static"},
      {"Eigen", dotted(EIGEN_WORLD_VERSION, EIGEN_MAJOR_VERSION, EIGEN_MINOR_VERSION), "MPL-2.0", "headers"},
      {"nlohmann-json", dotted(NLOHMANN_JSON_VERSION_MAJOR, NLOHMANN_JSON_VERSION_MINOR, NLOHMANN_JSON_VERSION_PATCH), "MIT", "headers"},
      {"fmt", dotted(FMT_VERSION / 10000, FMT_VERSION / 100 % 100, FMT_VERSION % 100), "MIT", "headers"},
      {"CLI11", CLI11_VERSION, "BSD-3-Clause", "headers"},
      {"utf8proc", utf8proc_version(), "MIT", "shared"},
      {"zlib", zlibVersion(), "Zlib", "shared"},
      {"zstd", ZSTD_versionString(), "BSD-3-Clause", "shared"},
      {"libstdc++", std::to_string(_GLIBCXX_RELEASE), "GPL-3.0 WITH GCC-exception-3.1", "shared"},
      {"glibc", gnu_get_libc_version(), "LGPL-2.1", "shared"},
  };
}

// The shared objects that are loaded now, as the loader names them.
json sharedObjects() {
  json names = json::array();
  dl_iterate_phdr(
      [](dl_phdr_info *info, size_t, void *out) {
        std::string_view path = info->dlpi_name;
        if (auto slash = path.rfind('/'); slash != std::string_view::npos) path.remove_prefix(slash + 1);
        if (!path.empty()) static_cast<json *>(out)->push_back(std::string(path));
        return 0;
      },
      &names);
  return names;
}
}  // namespace

std::string versionText(bool asJson) {
  if (!asJson) return fmt::format("llc-model {} (LLVM {})\n", LLC_VERSION, LLVM_VERSION_STRING);
  json list = json::array();
  for (const Component &part : components())
    list.push_back({{"name", part.name}, {"version", part.version}, {"license", part.license}, {"linkage", part.linkage}});
  json whole = {{"name", "llc-model"},       {"version", LLC_VERSION}, {"license", "Apache-2.0"},
                {"abi", LLC_ABI_VERSION},    {"compiler", __VERSION__}, {"components", list},
                {"shared_objects", sharedObjects()}};
  return whole.dump(2) + "\n";
}

}  // namespace llc::cli
