#include "frontends/huggingface/adapter.h"

#include <algorithm>

#include "runtime/base/json_read.h"
#include "runtime/base/sha256.h"
#include "runtime/text/regex.h"

namespace llc::huggingface {
namespace fs = std::filesystem;
namespace {
constexpr size_t maxConfigBytes = 16 << 20;

Result<const dsl::AdapterKind *> findKind(dsl::Config &config, const std::vector<dsl::AdapterKind> &kinds) {
  std::string type = config.text("peft_type", ""), all;
  LLC_TRY(config.status());
  for (const dsl::AdapterKind &kind : kinds) {
    if (kind.name == type) return &kind;
    all += (all.empty() ? "" : ", ") + kind.name;
  }
  return diagnose(ErrorKind::unsupported, config.where("peft_type"))
      .says(type.empty() ? "is missing" : "adapters of type '" + type + "' are not supported")
      .toFix("use one of these types: " + all);
}

Result<SafeTensors> openWeights(const fs::path &directory) {
  fs::path path = directory / adapterWeightsFile;
  if (fs::exists(path)) return SafeTensors::open(path.string());
  bool pickled = fs::exists(directory / "adapter_model.bin");
  return diagnose(ErrorKind::notFound, directory.string())
      .says(std::string("has no ") + adapterWeightsFile +
            (pickled ? ", only adapter_model.bin, which may hold code" : ""))
      .toFix("save the adapter with PEFT's save_pretrained(..., safe_serialization=True)");
}

// Names without the prefix.
Result<std::map<std::string, const TensorView *, std::less<>>> namesOf(const SafeTensors &file,
                                                                       const std::string &prefix) {
  std::map<std::string, const TensorView *, std::less<>> names;
  for (const TensorView &tensor : file.tensors()) {
    if (!tensor.name.starts_with(prefix))
      return diagnose(ErrorKind::invalidInput, tensor.file + ": " + tensor.name)
          .says("does not begin with '" + prefix + "' as the names of such adapters do")
          .toFix("save the adapter with PEFT's save_pretrained()");
    if (tensor.type != DType::f32 && tensor.type != DType::f16 && tensor.type != DType::bf16)
      return diagnose(ErrorKind::unsupported, tensor.file + ": " + tensor.name)
          .says("is of type " + std::string(dtypeName(tensor.type)))
          .toFix("save the adapter in f32, f16 or bf16");
    names[tensor.name.substr(prefix.size())] = &tensor;
  }
  return names;
}

Result<text::Regex> wholeMatch(const std::string &pattern) { return text::Regex::compile("\\A(?:" + pattern + ")\\z"); }

// The test of PEFT's get_pattern_key; expressions are compiled once.
std::function<Result<bool>(const std::string &, const std::string &)> patternTest() {
  auto known = std::make_shared<std::map<std::string, text::Regex>>();
  return [known](const std::string &key, const std::string &module) -> Result<bool> {
    auto found = known->find(key);
    if (found == known->end()) {
      LLC_ASSIGN(text::Regex made, wholeMatch("(?:.*\\.)?(?:" + key + ")"));
      found = known->emplace(key, std::move(made)).first;
    }
    LLC_ASSIGN(auto matches, found->second.findAll(module));
    return !matches.empty();
  };
}

Status checkBase(const ModelSource &source, const SafeTensors &file) {
  auto written = file.metadata().find(baseFingerprintKey);
  if (written == file.metadata().end() || written->second == baseFingerprint(source)) return success();
  return diagnose(ErrorKind::invalidInput, file.path())
      .says("was trained on other weights than those of " + source.directory.string())
      .toFix("use the model that base_model_name_or_path in adapter_config.json names");
}

// Some elements, spread evenly, in the type that loses most.
std::string sampleOf(const TensorView &tensor) {
  constexpr int64_t samples = 16;
  std::string text;
  for (int64_t size : tensor.shape) text += std::to_string(size) + " ";
  int64_t count = tensor.elements();
  for (int64_t i = 0; i < std::min(samples, count); ++i) {
    size_t place = size_t(count <= samples ? i : count / samples * i);
    uint16_t bits = toBf16(float(loadElement(tensor.bytes.data(), tensor.type, place)));
    text += std::to_string(bits) + " ";
  }
  return text;
}
Status addShares(AttachedAdapter &attached, const dsl::Config &config, double share) {
  if (attached.adapter.shares.empty())
    return diagnose(ErrorKind::unsupported, config.where("peft_type"))
        .says("how much of such an adapter is added can't change from prompt to prompt")
        .toFix("use LoRAs or bottlenecks, without DoRA and modules_to_save, or run once for each adapter");
  attached.share = std::make_unique<AttachedAdapter::Share>();
  attached.share->value = float(share);
  attached.share->tensor = {.name = "share",
                            .type = DType::f32,
                            .shape = {1},
                            .bytes = std::as_bytes(std::span(&attached.share->value, 1)),
                            .file = attached.directory.string()};
  for (const std::string &name : attached.adapter.shares)
    attached.parameters[name + attached.suffix] = &attached.share->tensor;
  return success();
}
}  // namespace

std::vector<float> AttachedAdapter::values(const std::string &name) const {
  auto found = parameters.find(name + suffix);
  const TensorView *tensor = found == parameters.end() ? nullptr : found->second;
  std::vector<float> values(tensor ? size_t(tensor->elements()) : 0);
  for (size_t i = 0; i < values.size(); ++i) values[i] = float(loadElement(tensor->bytes.data(), tensor->type, i));
  return values;
}

bool isAdapterDirectory(const fs::path &directory) { return fs::exists(directory / adapterConfigFile); }

std::string baseFingerprint(const ModelSource &source) {
  std::vector<std::string> samples;  // sorted: names may have a prefix or not, and be in any order
  for (const TensorView &tensor : source.checkpoint.tensors()) {
    bool needed = true;
    for (const std::string &pattern : source.model.unneededTensors)
      needed = needed && !dsl::matchesPattern(pattern, tensor.name);
    if (needed) samples.push_back(sampleOf(tensor));
  }
  std::sort(samples.begin(), samples.end());
  std::string all;
  for (const std::string &sample : samples) all += sample + "\n";
  return sha256OfText(all).substr(0, 32);
}

Status attachAdapter(ModelSource &source, const fs::path &directory, double share,
                     const std::vector<dsl::AdapterKind> &kinds, bool sharesAtRunTime) {
  fs::path path = directory / adapterConfigFile;
  if (!fs::exists(path))
    return diagnose(ErrorKind::notFound, directory.string())
        .says(fs::is_directory(directory) ? std::string("has no ") + adapterConfigFile : "is not a directory")
        .toFix("give a directory as PEFT's save_pretrained() or llc-model lora-finetune write it");
  LLC_ASSIGN(std::string text, readTextFile(path.string(), maxConfigBytes));
  LLC_ASSIGN(dsl::Config config, dsl::Config::parse(text, path.string()));
  LLC_ASSIGN(const dsl::AdapterKind *kind, findKind(config, kinds));
  auto attached = std::make_shared<AttachedAdapter>();
  attached->directory = directory;
  LLC_ASSIGN(attached->file, openWeights(directory));
  LLC_ASSIGN(auto names, namesOf(attached->file, kind->prefix));
  LLC_TRY(checkBase(source, attached->file));
  attached->suffix = source.adapters.empty() ? "" : "@" + std::to_string(source.adapters.size() + 1);
  dsl::AdapterFile file{source.model, config, {}, attached->suffix, share, sharesAtRunTime, patternTest()};
  for (const auto &[name, tensor] : names) {
    file.tensors[name] = tensor->shape;
    attached->parameters[name + attached->suffix] = tensor;
  }
  LLC_ASSIGN(attached->adapter, kind->read(file));
  if (sharesAtRunTime) LLC_TRY(addShares(*attached, config, share));
  for (const std::string &key : config.unreadKeys())
    source.warnings.push_back(config.where(key) + " is not understood and was ignored");
  source.model = attached->adapter.applyTo(source.model);
  source.adapters.push_back(std::move(attached));
  return success();
}

}  // namespace llc::huggingface
