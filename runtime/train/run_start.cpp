#include "runtime/train/run_start.h"

#include <algorithm>
#include <filesystem>

#include "runtime/base/json_read.h"
#include "runtime/base/sha256.h"
#include "runtime/formats/safetensors.h"

namespace llc::train {

namespace {
namespace fs = std::filesystem;

bool hasCheckpoints(const fs::path &directory) {
  std::error_code error;
  for (const auto &entry : fs::directory_iterator(directory, error))
    if (entry.path().filename().string().find("-step-") != std::string::npos) return true;
  return false;
}
}  // namespace

std::string runDirectory(const RunOptions &options) {
  fs::path base = options.outputDirectory;
  if (!options.runName.empty()) return (base / options.runName).string();
  fs::path chosen = base / options.verb;
  for (int i = 2; hasCheckpoints(chosen); ++i) {
    fs::path next = base / fmt::format("{}-{}", options.verb, i);
    if (options.resume != "none" && !hasCheckpoints(next)) break;
    chosen = next;
  }
  return chosen.string();
}

Result<std::optional<ReadCheckpoint>> findCheckpoint(CheckpointStore &store, const std::string &resume,
                                                     const std::function<void(const std::string &)> &skipped) {
  if (resume == "none") return std::optional<ReadCheckpoint>();
  if (resume == "auto" || resume == "latest") {
    LLC_ASSIGN(std::optional<ReadCheckpoint> newest, store.newest(skipped));
    if (newest || resume == "auto") return newest;
  }
  LLC_ASSIGN(ReadCheckpoint named, store.named(resume));
  return std::optional<ReadCheckpoint>(std::move(named));
}

Result<std::string> fingerprintOf(const std::string &model) {
  constexpr size_t sampleBytes = 4096;
  LLC_ASSIGN(SafeTensors weights, SafeTensors::open(model));
  std::vector<std::string> samples;  // sorted: shards may be in any order
  for (const TensorView &tensor : weights.tensors()) {
    Sha256 hash;
    size_t bytes = std::min(sampleBytes, tensor.bytes.size());
    hash.update(tensor.bytes.first(bytes));
    hash.update(tensor.bytes.last(bytes));
    samples.push_back(
        fmt::format("{} {} {} {}\n", tensor.name, dtypeName(tensor.type), fmt::join(tensor.shape, "x"), hash.hex()));
    weights.release(tensor);
  }
  std::ranges::sort(samples);
  return sha256OfText(fmt::format("{}", fmt::join(samples, ""))).substr(0, 32);
}

Status compareOrigins(const nlohmann::json &origin, const std::string &source, const std::string &checkpoint) {
  auto began = origin.find("began_with");
  if (source.empty() || began == origin.end() || !began->is_object()) return success();
  LLC_ASSIGN(std::string now, fingerprintOf(source));
  if (began->value("fingerprint", now) == now) return success();
  return diagnose(ErrorKind::invalidInput, checkpoint)
      .says(fmt::format("is of a run that began with other weights ({}) than those of {}", began->value("model", "?"),
                        source))
      .toFix("start anew with --resume-from-checkpoint none, or choose another --run-name");
}

Status compareModels(const OrderedJson &wanted, const OrderedJson &found, const std::string &where,
                     const std::string &name) {
  for (const char *key : {"model_type", "vocab_size", "hidden_size", "n_embd", "intermediate_size", "num_hidden_layers",
                          "n_layer", "num_attention_heads", "num_key_value_heads", "head_dim",
                          "max_position_embeddings", "tie_word_embeddings", "hidden_act", "rope_theta"}) {
    OrderedJson want = wanted.value(key, OrderedJson()), have = found.value(key, OrderedJson());
    if (want == have) continue;
    return diagnose(ErrorKind::invalidInput, where)
        .says(fmt::format("is of another model: its {} is {}, {} asks for {}", key, have.dump(), name, want.dump()))
        .toFix("start anew with --resume-from-checkpoint none, or choose another --run-name");
  }
  return success();
}

Status compareAdapters(const std::string &wanted, const std::string &found, const std::string &where) {
  LLC_ASSIGN(Json want, parseJson(wanted, "lora"));
  LLC_ASSIGN(Json have, parseJson(found, where));
  for (const char *key : {"peft_type", "r", "lora_alpha", "target_modules", "use_rslora", "use_dora", "lora_dropout",
                          "modules_to_save", "feedforward_modules", "bottleneck_size", "non_linearity", "adapter_dropout",
                          "num_virtual_tokens", "prompt_tuning_init_text", "encoder_hidden_size", "prefix_projection"})
    if (want.value(key, Json()) != have.value(key, Json()))
      return diagnose(ErrorKind::invalidInput, where)
          .says(fmt::format("{} is {}, now {} is asked for", key, have.value(key, Json()).dump(),
                            want.value(key, Json()).dump()))
          .toFix("start anew with --resume-from-checkpoint none, or choose another --run-name");
  return success();
}

Result<ModelSizes> readModelSizes(const std::string &model) {
  std::string path = model + "/config.json";
  LLC_ASSIGN(OrderedJson json, readOrderedJson(path));
  return modelSizesOf(json, path);
}

Result<ModelSizes> modelSizesOf(const OrderedJson &config, const std::string &where) {
  Json json(config);
  LLC_ASSIGN(JsonObject object, JsonObject::of(json, where));
  ModelSizes sizes;
  LLC_ASSIGN(sizes.vocabulary, object.integer("vocab_size", 1, INT32_MAX));
  for (const char *key : {"max_position_embeddings", "n_positions", "n_ctx"})
    if (!sizes.longest && object.has(key)) {
      LLC_ASSIGN(sizes.longest, object.integer(key, 1, INT32_MAX));
    }
  // Their positions begin behind that of padding.
  constexpr std::string_view behindPadding[] = {"roberta", "xlm-roberta", "camembert"};
  LLC_ASSIGN(std::string type, object.text("model_type", ""));
  if (std::ranges::find(behindPadding, type) != std::end(behindPadding)) {
    LLC_ASSIGN(int64_t padding, object.integer("pad_token_id", 0, INT32_MAX, 1));
    sizes.longest = std::max<int64_t>(sizes.longest - padding - 1, 1);
  }
  return sizes;
}

int64_t usualLength(std::optional<int64_t> asked, const ModelSizes &sizes) {
  if (!sizes.longest) return asked.value_or(1024);
  return std::min(asked.value_or(2048), sizes.longest);
}

Result<int64_t> chooseLength(const RunConfig &config, const ModelSizes &sizes, const Tokenizer &tokenizer) {
  const OrderedJson *block = config.find("data.block_size");
  std::optional<int64_t> asked;
  if (block) asked = block->get<int64_t>();
  int64_t length = config.given("data.block_size") ? *asked : usualLength(asked, sizes);
  if (sizes.longest && length > sizes.longest)
    return diagnose(ErrorKind::invalidInput, "--block-size")
        .says(fmt::format("{} tokens, the model takes {}", length, sizes.longest))
        .toFix("use shorter rows");
  int64_t tokens = int64_t(tokenizer.vocabularySize());
  if (tokens > sizes.vocabulary)
    return diagnose(ErrorKind::invalidInput, config.text("data.tokenizer_path"))
        .says(fmt::format("has {} tokens, the model's vocabulary holds {}", tokens, sizes.vocabulary))
        .toFix("use the tokenizer that the model was trained with, or train all weights with --vocab-mismatch resize");
  return length;
}

Result<OrderedJson> readOrderedJson(const std::string &path) {
  LLC_ASSIGN(Json json, readJsonFile(path));
  return OrderedJson(json);
}

}  // namespace llc::train
