#include "runtime/data/manifest.h"

#include <filesystem>

#include "runtime/base/file_hash.h"
#include "runtime/base/json_read.h"
#include "runtime/base/output_file.h"

namespace llc::data {

std::string manifestPath(const DatasetPaths &paths) {
  return std::filesystem::path(paths.bin).replace_extension(".manifest.json").string();
}

Status writeManifest(const DatasetPaths &paths, nlohmann::json about) {
  about["version"] = 1;
  for (auto [name, path] : {std::pair("bin", &paths.bin), {"index", &paths.index}}) {
    LLC_ASSIGN(FileHash hash, hashFile(*path));
    about[name] = {{"bytes", hash.bytes}, {"sha256", hash.sha256}};
  }
  return writeFile(manifestPath(paths), about.dump(2) + "\n");
}

Status verifyManifest(const DatasetPaths &paths, bool *checked) {
  std::error_code error;
  std::string path = manifestPath(paths);
  bool exists = std::filesystem::exists(path, error);
  if (checked) *checked = exists;
  if (!exists) return success();
  LLC_ASSIGN(Json json, readJsonFile(path));
  LLC_ASSIGN(JsonObject manifest, JsonObject::of(json, path));
  for (auto [name, file] : {std::pair("bin", &paths.bin), {"index", &paths.index}}) {
    LLC_ASSIGN(JsonObject entry, manifest.object(name));
    LLC_ASSIGN(std::string wanted, entry.text("sha256"));
    LLC_ASSIGN(FileHash found, hashFile(*file));
    if (found.sha256 != wanted)
      return diagnose(ErrorKind::invalidInput, *file)
          .says(fmt::format("its SHA-256 is {}, the manifest says {}", found.sha256, wanted))
          .toFix("copy the files again, or prepare the data again");
  }
  return success();
}

}  // namespace llc::data
