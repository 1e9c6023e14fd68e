#include "runtime/data/manifest.h"

#include <filesystem>

#include "runtime/base/json_read.h"
#include "runtime/base/output_file.h"
#include "runtime/base/sha256.h"

namespace llc::data {

namespace {
// The SHA-256 of a file that may be larger than memory.
Result<std::string> hashFile(const std::string &path, uint64_t *bytes) {
  LLC_ASSIGN(MappedFile file, MappedFile::open(path));
  file.adviseSequential();
  Sha256 hash;
  constexpr uint64_t step = uint64_t(16) << 20;
  for (uint64_t at = 0; at < file.size(); at += step) {
    uint64_t count = std::min<uint64_t>(step, file.size() - at);
    hash.update(file.bytes().subspan(at, count));
    file.release(at, count);
  }
  *bytes = file.size();
  return hash.hex();
}
}  // namespace

std::string manifestPath(const DatasetPaths &paths) {
  return std::filesystem::path(paths.bin).replace_extension(".manifest.json").string();
}

Status writeManifest(const DatasetPaths &paths, nlohmann::json about) {
  about["version"] = 1;
  for (auto [name, path] : {std::pair("bin", &paths.bin), {"index", &paths.index}}) {
    uint64_t bytes = 0;
    LLC_ASSIGN(std::string hash, hashFile(*path, &bytes));
    about[name] = {{"bytes", bytes}, {"sha256", hash}};
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
    uint64_t bytes = 0;
    LLC_ASSIGN(std::string found, hashFile(*file, &bytes));
    if (found != wanted)
      return diagnose(ErrorKind::invalidInput, *file)
          .says(fmt::format("its SHA-256 is {}, the manifest says {}", found, wanted))
          .toFix("copy the files again, or prepare the data again");
  }
  return success();
}

}  // namespace llc::data
