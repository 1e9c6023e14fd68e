// From what the user calls a model to the place where it is.
#pragma once
#include <string>
#include <vector>

#include "runtime/base/status.h"

namespace llc::cli {

enum class ModelKind {
  directory,  // Hugging Face: config.json, safetensors, tokenizer
  artifact,   // made by `compile`: an executable, a shared library or a bundle
};

struct ModelPlace {
  ModelKind kind = ModelKind::directory;
  std::string path;
  std::string name;  // for people and manifests: the directory's or the built-in model's name
};

inline constexpr const char *defaultModel = "default";

// An existing path wins over a built-in name. Errors: notFound with the nearest names; invalidInput for a file or directory
// that is no model.
Result<ModelPlace> findModel(const std::string &model);
// The same where a directory is needed; `why` says for what.
Result<ModelPlace> findModelDirectory(const std::string &model, const std::string &why);

// The folder of a run stands for its latest checkpoint, which a file in it names; other paths stay as they are.
std::string latestCheckpoint(const std::string &path);

std::vector<std::string> builtinModels();
// Where built-in models are looked for: beside this program in a build tree, or in the installation.
std::vector<std::string> builtinFolders();

}  // namespace llc::cli
