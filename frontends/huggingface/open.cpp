// Files to ModelSource.
#include <algorithm>
#include <fstream>

#include "frontends/huggingface/adapter.h"
#include "frontends/huggingface/classifier.h"
#include "frontends/huggingface/keys.h"

namespace llc::huggingface {
namespace fs = std::filesystem;
using dsl::Architecture;
using dsl::Config;
namespace {
constexpr size_t maxConfigBytes = 16 << 20;

Result<std::string> readFile(const fs::path &path) {
  std::ifstream file(path, std::ios::binary);
  std::string text;
  std::vector<char> piece(1 << 16);
  while (file && text.size() <= maxConfigBytes) {
    file.read(piece.data(), std::streamsize(piece.size()));
    text.append(piece.data(), size_t(file.gcount()));
  }
  if (!file.eof() && text.size() <= maxConfigBytes)
    return diagnose(ErrorKind::notFound, path.string())
        .says("can't be read")
        .toFix("check that it is a file and its permissions");
  return text;
}

Result<Config> readConfig(const fs::path &path) {
  LLC_ASSIGN(std::string text, readFile(path));
  return Config::parse(text, path.string());
}

Result<const Architecture *> findArchitecture(Config &config, const std::vector<Architecture> &architectures) {
  std::string type = config.text("model_type", "");
  std::vector<std::string> classes = config.texts("architectures"), known;
  LLC_TRY(config.status());
  auto answers = [](const Architecture &architecture, const std::string &name) {
    return architecture.name == name || std::find(architecture.answersTo.begin(), architecture.answersTo.end(), name) !=
                                            architecture.answersTo.end();
  };
  for (const Architecture &architecture : architectures) {
    known.push_back(architecture.name);
    if (!type.empty() && answers(architecture, type)) return &architecture;
  }
  // Files without model_type name the class only.
  if (type.empty())
    for (const Architecture &architecture : architectures)
      for (const std::string &name : classes)
        if (answers(architecture, name)) return &architecture;
  std::string asked = !type.empty() ? type : classes.empty() ? "" : classes.front();
  std::string all, near = nearestNames(asked, known);
  for (const std::string &name : known) all += (all.empty() ? "" : ", ") + name;
  return diagnose(ErrorKind::unsupported, config.where("model_type"))
      .says(asked.empty() ? "the file names no model_type"
                          : "unknown architecture '" + asked + "'" + (near.empty() ? "" : ", the nearest are " + near))
      .toFix("use a model of one of these architectures: " + all + "; or add '" + (asked.empty() ? "NAME" : asked) +
             "' as one file in models/architectures (docs/guides/add-an-architecture.md)");
}

// Checkpoints of other heads have the same model_type.
void warnOfOtherHeads(Config &config, const Architecture &architecture, ModelSource &source) {
  std::vector<std::string> classes = config.texts("architectures");
  const std::vector<std::string> &known = architecture.answersTo;
  for (const std::string &name : classes)
    if (std::find(known.begin(), known.end(), name) != known.end()) return;
  if (!classes.empty() && !known.empty())
    source.warnings.push_back(
        config.where("architectures") + ": '" + classes.front() + "' is read as '" + known.front() +
        (source.model.bidirectional ? "', which fills in hidden tokens" : "', which generates text"));
}

Status readGeneration(const fs::path &directory, Config &config, GenerationDefaults &out) {
  auto readIds = [&](Config &from) {
    if (out.eosIds.empty()) out.eosIds = from.integers("eos_token_id");
    auto id = [&](const char *key, std::optional<int64_t> &into) {
      if (!into && from.has(key)) into = from.integer(key, 0);
    };
    id("bos_token_id", out.bosId);
    id("pad_token_id", out.padId);
  };
  fs::path path = directory / "generation_config.json";
  if (fs::exists(path)) {
    LLC_ASSIGN(Config generation, readConfig(path));
    readIds(generation);
    out.temperature = generation.optionalNumber("temperature");
    out.topP = generation.optionalNumber("top_p");
    out.minP = generation.optionalNumber("min_p");
    out.repetitionPenalty = generation.optionalNumber("repetition_penalty");
    if (generation.has("top_k")) out.topK = generation.integer("top_k", 0);
    out.maxNewTokens = generation.optionalSize("max_new_tokens");
    out.sample = generation.boolean("do_sample", false);
    LLC_TRY(generation.status());
  }
  readIds(config);
  return config.status();
}

// The element type that most bytes of the checkpoint have.
std::optional<DType> mainType(const SafeTensors &checkpoint) {
  std::map<DType, size_t> bytes;
  for (const TensorView &tensor : checkpoint.tensors()) bytes[tensor.type] += tensor.bytes.size();
  auto most = std::max_element(bytes.begin(), bytes.end(), [](auto &a, auto &b) { return a.second < b.second; });
  return most == bytes.end() ? std::nullopt : std::optional(most->first);
}
}  // namespace

Result<ModelSource> openConfig(const fs::path &directory, const std::vector<Architecture> &architectures) {
  fs::path path = directory / "config.json";
  if (!fs::exists(path))
    return diagnose(ErrorKind::notFound, directory.string())
        .says(fs::is_directory(directory) ? "has no config.json" : "is not a directory")
        .toFix("give a directory with config.json and model.safetensors, as Hugging Face repositories have");
  LLC_ASSIGN(Config config, readConfig(path));
  LLC_ASSIGN(const Architecture *architecture, findArchitecture(config, architectures));
  readSharedKeys(config);
  ModelSource source;
  source.directory = directory;
  LLC_ASSIGN(source.model, architecture->build(config));
  if (!architecture->answersTo.empty()) source.className = architecture->answersTo.front();
  LLC_TRY(readGeneration(directory, config, source.generation));
  if (isClassifier(config)) {
    if (source.model.bidirectional)
      return diagnose(ErrorKind::unsupported, config.where("architectures"))
          .says("classifiers of '" + architecture->name + "' have a pooler, which is not supported")
          .toFix("use the model with its head for hidden tokens: " + source.className);
    LLC_ASSIGN(source.model, classifier(std::move(source.model), config));
  } else {
    warnOfOtherHeads(config, *architecture, source);
  }
  for (int64_t id : source.generation.eosIds)
    if (id < 0 || id >= source.model.vocabulary)
      source.warnings.push_back(config.where("eos_token_id") + ": " + std::to_string(id) +
                                " is outside of the vocabulary of " + std::to_string(source.model.vocabulary) +
                                " tokens, generation never stops at it");
  for (const std::string &key : config.unreadKeys())
    source.warnings.push_back(config.where(key) + ": architecture '" + architecture->name +
                              "' does not know this key, it has no effect");
  source.config = std::make_shared<Config>(std::move(config));
  return source;
}

Result<ModelSource> openHuggingFace(const fs::path &directory, const std::vector<Architecture> &architectures) {
  LLC_ASSIGN(ModelSource source, openConfig(directory, architectures));
  LLC_ASSIGN(source.checkpoint, SafeTensors::open(directory.string()));
  source.storedType = mainType(source.checkpoint);
  return source;
}

namespace {
const TensorView *findInAdapters(const ModelSource &source, std::string_view parameter) {
  for (const auto &adapter : source.adapters)
    if (auto found = adapter->parameters.find(parameter); found != adapter->parameters.end()) return found->second;
  return nullptr;
}
}  // namespace

bool ModelSource::isAdapterParameter(std::string_view parameter) const { return findInAdapters(*this, parameter); }

std::string ModelSource::identity() const {
  std::string all = checkpoint.identity();
  for (const auto &adapter : adapters) all += "+" + adapter->file.identity();
  return all;
}

void ModelSource::release(std::string_view parameter) const {
  // Adapters are small; their pages may stay.
  if (auto tensor = weight(parameter); tensor.ok() && !isAdapterParameter(parameter)) checkpoint.release(**tensor);
}

Result<const TensorView *> ModelSource::weight(std::string_view parameter) const {
  if (const TensorView *found = findInAdapters(*this, parameter)) return found;
  if (const TensorView *found = ownWeight(parameter)) return found;
  return checkpoint.get(parameter);
}

const TensorView *ModelSource::ownWeight(std::string_view parameter) const {
  if (const TensorView *found = checkpoint.find(parameter)) return found;
  for (const std::string &prefix : model.optionalPrefixes)
    if (parameter.starts_with(prefix))
      if (const TensorView *found = checkpoint.find(parameter.substr(prefix.size()))) return found;
  for (const auto &[ending, older] : model.olderEndings)
    if (parameter.ends_with(ending)) {
      std::string name(parameter.substr(0, parameter.size() - ending.size()));
      if (const TensorView *found = checkpoint.find(name + older)) return found;
    }
  return nullptr;
}

Status ModelSource::copyWeight(std::string_view parameter, DType type, std::span<std::byte> out) const {
  LLC_ASSIGN(const TensorView *view, weight(parameter));
  size_t count = size_t(view->elements());
  if (out.size() != count * byteSize(type))
    return diagnose(ErrorKind::internal, std::string(parameter))
        .says("the buffer has " + std::to_string(out.size()) + " bytes for " + std::to_string(count) + " elements of " +
              std::string(dtypeName(type)))
        .toFix("report this");
  if (view->type == type)
    std::copy(view->bytes.begin(), view->bytes.end(), out.begin());
  else
    for (size_t i = 0; i < count; ++i)
      storeElement(out.data(), type, i, loadElement(view->bytes.data(), view->type, i));
  return success();
}

}  // namespace llc::huggingface
