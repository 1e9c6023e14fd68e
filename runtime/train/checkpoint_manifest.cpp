#include "runtime/train/checkpoint_manifest.h"

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "runtime/base/json_read.h"
#include "runtime/base/mapped_file.h"

namespace llc::train {

namespace {
constexpr int64_t version = 1;
constexpr const char *format = "llc-model checkpoint";
constexpr uint64_t largestManifest = uint64_t(16) << 20;

bool isPlainName(const std::string &name) {
  return !name.empty() && name.size() <= 255 && name[0] != '.' && name != "manifest.json" &&
         std::all_of(name.begin(), name.end(), [](char c) { return c > ' ' && c < 127 && c != '/' && c != '\\'; });
}

bool isSha256(const std::string &text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

Error broken(const std::string &where, const std::string &what) {
  return diagnose(ErrorKind::invalidInput, where).says(what).toFix("resume an older checkpoint");
}

Status readFiles(const JsonObject &object, const std::string &where, CheckpointManifest &manifest) {
  LLC_ASSIGN(JsonObject files, object.object("files"));
  for (const auto &[name, value] : object.find("files")->items()) {
    if (!isPlainName(name)) return broken(where, "a file has the name " + nlohmann::json(name).dump());
    LLC_ASSIGN(JsonObject entry, JsonObject::of(value, where, "/files/" + name));
    LLC_ASSIGN(int64_t bytes, entry.integer("bytes", 0, INT64_MAX));
    LLC_ASSIGN(std::string hash, entry.text("sha256"));
    if (!isSha256(hash)) return broken(entry.at("sha256"), "is no SHA-256");
    manifest.files[name] = {uint64_t(bytes), hash};
  }
  return success();
}
}  // namespace

std::string toText(const CheckpointManifest &manifest) {
  nlohmann::ordered_json files = nlohmann::ordered_json::object();
  for (const auto &[name, hash] : manifest.files) files[name] = {{"bytes", hash.bytes}, {"sha256", hash.sha256}};
  nlohmann::ordered_json json = {{"format", format}, {"version", version}, {"step", manifest.step}};
  json["evaluation_loss"] = manifest.evaluationLoss ? nlohmann::ordered_json(*manifest.evaluationLoss) : nullptr;
  json["has_optimizer"] = manifest.hasOptimizer;
  json["files"] = files;
  json["origin"] = manifest.origin.is_object() ? manifest.origin : nlohmann::json::object();
  return json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

Result<CheckpointManifest> parseCheckpointManifest(std::string_view text, const std::string &where) {
  LLC_ASSIGN(Json json, parseJson(text, where));
  LLC_ASSIGN(JsonObject object, JsonObject::of(json, where));
  LLC_ASSIGN(std::string kind, object.text("format"));
  if (kind != format) return broken(object.at("format"), "is no checkpoint of llc-model");
  LLC_TRY(object.expectVersion(version));
  CheckpointManifest manifest;
  LLC_ASSIGN(manifest.step, object.integer("step", 0, INT64_MAX));
  if (object.has("evaluation_loss")) {
    LLC_ASSIGN(manifest.evaluationLoss, object.number("evaluation_loss"));
    if (!std::isfinite(*manifest.evaluationLoss)) return broken(object.at("evaluation_loss"), "is not finite");
  }
  LLC_ASSIGN(manifest.hasOptimizer, object.boolean("has_optimizer"));
  LLC_TRY(readFiles(object, where, manifest));
  LLC_ASSIGN(JsonObject origin, object.object("origin"));
  manifest.origin = *object.find("origin");
  return manifest;
}

Result<CheckpointManifest> readCheckpointManifest(const std::string &directory) {
  std::string path = directory + "/manifest.json";
  LLC_ASSIGN(std::string text, readTextFile(path, largestManifest));
  return parseCheckpointManifest(text, path);
}

Status verifyFiles(const CheckpointManifest &manifest, const std::string &directory) {
  for (const auto &[name, expected] : manifest.files) {
    std::string path = directory + "/" + name;
    std::error_code error;
    uint64_t bytes = std::filesystem::file_size(path, error);
    if (error) return broken(path, "is missing");
    if (bytes != expected.bytes)
      return broken(path, fmt::format("has {} bytes, the manifest says {}", bytes, expected.bytes));
    LLC_ASSIGN(FileHash found, hashFile(path));
    if (found != expected) return broken(path, "is not what was written: its SHA-256 differs from the manifest's");
  }
  return success();
}

}  // namespace llc::train
