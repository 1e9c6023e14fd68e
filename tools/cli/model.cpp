#include "tools/cli/model.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "runtime/abi/artifact.h"
#include "runtime/train/checkpoint_store.h"

namespace llc::cli {

namespace {
namespace fs = std::filesystem;

std::string nameOf(const fs::path &path) {
  std::error_code error;
  fs::path whole = fs::weakly_canonical(path, error);
  std::string name = error ? path.filename().string() : whole.filename().string();
  return name.empty() ? "model" : name;
}

Result<ModelPlace> artifactAt(const std::string &path) {
  LLC_ASSIGN(Artifact artifact, openArtifact(path));
  return ModelPlace{ModelKind::artifact, path, artifact.manifest.name};
}

// An adapter is no model, though it is as easily given for one.
Status checkNoAdapter(const std::string &path) {
  std::error_code error;
  if (fs::exists(fs::path(path) / "config.json", error) || !fs::exists(fs::path(path) / "adapter_config.json", error))
    return success();
  return diagnose(ErrorKind::invalidInput, path)
      .says("is an adapter, not a model")
      .toFix("give the model that it was trained for, and --adapter " + path + "; llc-model merge makes one of both");
}

Result<ModelPlace> placeAt(const std::string &given) {
  std::error_code error;
  std::string path = latestCheckpoint(given);
  LLC_TRY(checkNoAdapter(path));
  if (isArtifact(path)) return artifactAt(path);
  if (fs::is_directory(path, error)) return ModelPlace{ModelKind::directory, path, nameOf(path)};
  return diagnose(ErrorKind::invalidInput, path)
      .says("is a file, but no artifact of llc-model (or one that was cut short)")
      .toFix("give the directory that holds config.json, or compile it again with llc-model compile");
}

std::vector<std::string> neighbours(const std::string &model) {
  std::vector<std::string> names = builtinModels();
  fs::path folder = fs::path(model).parent_path();
  std::error_code error;
  for (const auto &entry : fs::directory_iterator(folder.empty() ? "." : folder, error))
    names.push_back((folder / entry.path().filename()).string());
  return names;
}
}  // namespace

std::vector<std::string> builtinFolders() {
  std::error_code error;
  fs::path program = fs::read_symlink("/proc/self/exe", error);
  fs::path bin = program.parent_path();
  return {(bin / "../share/llc-model/models").lexically_normal().string(), (bin / "../../../models/builtin").lexically_normal().string()};
}

std::vector<std::string> builtinModels() {
  std::vector<std::string> names;
  std::error_code error;
  for (const std::string &folder : builtinFolders())
    for (const auto &entry : fs::directory_iterator(folder, error))
      if (fs::exists(entry.path() / "config.json", error)) names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

std::string latestCheckpoint(const std::string &path) {
  std::error_code error;
  for (const char *file : {"config.json", "adapter_config.json"})
    if (fs::exists(fs::path(path) / file, error)) return path;
  std::string name = train::checkpointNamedBy((fs::path(path) / "latest").string());
  fs::path checkpoint = fs::path(path) / name;
  return !name.empty() && fs::is_directory(checkpoint, error) ? checkpoint.string() : path;
}

Result<ModelPlace> findModel(const std::string &model) {
  std::error_code error;
  if (fs::exists(model, error)) return placeAt(model);
  for (const std::string &folder : builtinFolders())
    if (model.find('/') == std::string::npos && fs::exists(fs::path(folder) / model / "config.json", error))
      return ModelPlace{ModelKind::directory, (fs::path(folder) / model).string(), model};
  std::string near = nearestNames(model, neighbours(model));
  std::string builtin = fmt::format("{}", fmt::join(builtinModels(), ", "));
  return diagnose(ErrorKind::notFound, model)
      .says("is neither a directory, nor an artifact, nor a built-in model")
      .toFix((near.empty() ? std::string() : "did you mean " + near + "? Otherwise ") + "give a path; built in: " +
             (builtin.empty() ? "none" : builtin));
}

Result<ModelPlace> findModelDirectory(const std::string &model, const std::string &why) {
  LLC_ASSIGN(ModelPlace place, findModel(model));
  if (place.kind == ModelKind::directory) return place;
  return diagnose(ErrorKind::invalidInput, model)
      .says("is a compiled artifact; " + why + " needs the model itself")
      .toFix("give the directory that it was compiled from");
}

}  // namespace llc::cli
