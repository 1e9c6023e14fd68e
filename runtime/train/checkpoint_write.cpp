#include "runtime/base/output_file.h"
#include "runtime/formats/safetensors.h"
#include "runtime/train/checkpoint.h"

namespace llc::train {

namespace {
using Shard = std::vector<const TensorState *>;

Shard choose(const CheckpointContent &content, bool weights) {
  Shard chosen;
  for (auto tensors : {content.tensors, content.frozen})
    for (const TensorState &tensor : tensors)
      if (tensor.isWeight == weights) chosen.push_back(&tensor);
  return chosen;
}

std::vector<Shard> shardsOf(const Shard &tensors, uint64_t shardBytes) {
  std::vector<Shard> shards;
  uint64_t filled = 0;
  for (const TensorState *tensor : tensors) {
    if (shards.empty() || filled + tensor->data.size() > shardBytes) {
      shards.emplace_back();
      filled = 0;
    }
    shards.back().push_back(tensor);
    filled += tensor->data.size();
  }
  return shards;
}

using Metadata = std::map<std::string, std::string>;
Status writeShard(const std::string &path, const Shard &shard, const Metadata &metadata) {
  SafeTensorsWriter writer(path);
  writer.setMetadata("format", "pt");  // what readers of Hugging Face files expect
  for (const auto &[key, value] : metadata) writer.setMetadata(key, value);
  for (const TensorState *tensor : shard) LLC_TRY(writer.declare(tensor->name, tensor->type, tensor->shape));
  for (const TensorState *tensor : shard) LLC_TRY(writer.write(tensor->data));
  return writer.finish();
}

std::string shardName(std::string_view stem, size_t index, size_t count) {
  return fmt::format("{}-{:05}-of-{:05}.safetensors", stem, index + 1, count);
}

// model.safetensors.index.json, as transformers writes it.
std::string indexOf(const std::string &stem, const std::vector<Shard> &shards) {
  nlohmann::ordered_json map = nlohmann::ordered_json::object();
  uint64_t total = 0;
  for (size_t i = 0; i < shards.size(); ++i)
    for (const TensorState *tensor : shards[i]) {
      map[tensor->name] = shardName(stem, i, shards.size());
      total += tensor->data.size();
    }
  return nlohmann::ordered_json({{"metadata", {{"total_size", total}}}, {"weight_map", map}}).dump(2) + "\n";
}

// Writes into one directory, and remembers what for the manifest.
class Writer {
 public:
  explicit Writer(const std::string &directory) : directory_(directory) {}

  Status text(const std::string &name, const std::string &content) {
    names_.push_back(name);
    return writeFile(path(name), content);
  }

  Status weights(const Shard &tensors, const CheckpointLayout &layout) {
    const std::string &stem = layout.weights;
    std::vector<Shard> shards = shardsOf(tensors, layout.shardBytes);
    if (shards.size() == 1) return tensorFile(stem + ".safetensors", shards[0], layout.metadata);
    for (size_t i = 0; i < shards.size(); ++i)
      LLC_TRY(tensorFile(shardName(stem, i, shards.size()), shards[i], layout.metadata));
    return text(stem + ".safetensors.index.json", indexOf(stem, shards));
  }

  Status optimizer(const Shard &tensors, uint64_t shardBytes) {
    std::vector<Shard> shards = shardsOf(tensors, shardBytes);
    for (size_t i = 0; i < shards.size(); ++i)
      LLC_TRY(tensorFile(shardName("optimizer", i, shards.size()), shards[i], {}));
    return success();
  }

  Status manifest(CheckpointManifest manifest) {
    for (const std::string &name : names_) {
      LLC_ASSIGN(manifest.files[name], hashFile(path(name)));
    }
    return writeFile(path("manifest.json"), toText(manifest));
  }

 private:
  std::string path(const std::string &name) const { return directory_ + "/" + name; }
  Status tensorFile(const std::string &name, const Shard &shard, const Metadata &metadata) {
    names_.push_back(name);
    return writeShard(path(name), shard, metadata);
  }
  std::string directory_;
  std::vector<std::string> names_;
};
}  // namespace

Status writeCheckpoint(const std::string &directory, const CheckpointContent &content, const CheckpointLayout &layout) {
  Writer writer(directory);
  for (const auto &[name, text] : content.files) LLC_TRY(writer.text(name, text));
  LLC_TRY(writer.weights(choose(content, true), layout));
  if (layout.saveOptimizer) LLC_TRY(writer.optimizer(choose(content, false), layout.shardBytes));
  LLC_TRY(writer.text("trainer_state.json", toJson(content.trainer).dump(2) + "\n"));
  LLC_TRY(writer.text("data_state.json", content.data.dump(2) + "\n"));
  // Random numbers are functions of these, so that there is no generator whose state would have to be kept.
  nlohmann::json rng = {{"version", 1}, {"seed", content.trainer.seed}, {"step", content.trainer.step}};
  LLC_TRY(writer.text("rng.json", rng.dump(2) + "\n"));
  return writer.manifest({content.trainer.step, content.evaluationLoss, layout.saveOptimizer, content.origin, {}});
}

}  // namespace llc::train
