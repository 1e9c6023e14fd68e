#include <set>

#include "runtime/base/convert.h"
#include "runtime/base/json_read.h"
#include "runtime/base/mapped_file.h"
#include "runtime/formats/safetensors.h"
#include "runtime/train/checkpoint.h"

namespace llc::train {

namespace {
constexpr uint64_t largestState = uint64_t(64) << 20;

Result<uint64_t> readSeed(const std::string &path, int64_t step) {
  LLC_ASSIGN(Json json, readJsonFile(path));
  LLC_ASSIGN(JsonObject object, JsonObject::of(json, path));
  LLC_ASSIGN(int64_t seed, object.integer("seed", 0, INT64_MAX));
  LLC_ASSIGN(int64_t found, object.integer("step", 0, INT64_MAX));
  if (found != step)
    return diagnose(ErrorKind::invalidInput, object.at("step"))
        .says(fmt::format("is {}, the trainer stands at {}", found, step))
        .toFix("resume an older checkpoint");
  return uint64_t(seed);
}

Error otherModel(const std::string &where, const std::string &what) {
  return diagnose(ErrorKind::invalidInput, where)
      .says(what)
      .toFix(
          "resume with the configuration and optimizer that it was made with, or start anew with "
          "--resume-from-checkpoint none");
}

std::string describe(const TensorState &tensor) {
  return fmt::format("{} [{}]", dtypeName(tensor.type), fmt::join(tensor.shape, ", "));
}

Status copyTensor(const TensorView *from, const TensorState &to, const std::string &where) {
  if (!from) return otherModel(where, "has no tensor '" + to.name + "', which this training changes");
  if (from->type != to.type || from->shape != to.shape || from->bytes.size() != to.data.size())
    return otherModel(where, fmt::format("'{}' is {}, this training has {}", to.name, from->describe(), describe(to)));
  std::memcpy(to.data.data(), from->bytes.data(), to.data.size());
  return success();
}

bool isFloat(DType type) { return type == DType::f32 || type == DType::f16 || type == DType::bf16; }

Status convertTensor(const TensorView *from, const TensorState &to, const std::string &where) {
  bool converts = from && isFloat(from->type) && isFloat(to.type) && from->type != to.type && from->shape == to.shape;
  if (!converts) return copyTensor(from, to, where);
  convertElements(from->bytes.data(), from->type, to.data.data(), to.type, from->elements());
  return success();
}

// All files that hold optimizer state; kept open as long as this lives.
Result<std::vector<SafeTensors>> openOptimizer(const ReadCheckpoint &checkpoint) {
  std::vector<SafeTensors> files;
  for (const auto &[name, hash] : checkpoint.manifest.files) {
    if (!name.starts_with("optimizer-")) continue;
    LLC_ASSIGN(SafeTensors file, SafeTensors::open(checkpoint.directory + "/" + name));
    files.push_back(std::move(file));
  }
  return files;
}
}  // namespace

Result<ReadCheckpoint> readCheckpoint(const std::string &directory) {
  ReadCheckpoint checkpoint;
  checkpoint.directory = directory;
  LLC_ASSIGN(checkpoint.manifest, readCheckpointManifest(directory));
  LLC_TRY(verifyFiles(checkpoint.manifest, directory));
  std::string path = directory + "/trainer_state.json";
  LLC_ASSIGN(std::string text, readTextFile(path, largestState));
  LLC_ASSIGN(checkpoint.trainer, parseTrainerState(text, path));
  if (checkpoint.trainer.step != checkpoint.manifest.step)
    return diagnose(ErrorKind::invalidInput, path)
        .says(fmt::format("step {}, the manifest says {}", checkpoint.trainer.step, checkpoint.manifest.step))
        .toFix("resume an older checkpoint");
  LLC_ASSIGN(checkpoint.trainer.seed, readSeed(directory + "/rng.json", checkpoint.trainer.step));
  LLC_ASSIGN(checkpoint.data, readJsonFile(directory + "/data_state.json"));
  return checkpoint;
}

Status loadTensors(const ReadCheckpoint &checkpoint, std::span<const TensorState> into) {
  const std::string &where = checkpoint.directory;
  if (!checkpoint.manifest.hasOptimizer)
    return diagnose(ErrorKind::invalidInput, where)
        .says("was written without the optimizer's state")
        .toFix("start a new run from it with --model-path, or train with checkpoint.save_optimizer true");
  bool isAdapter = checkpoint.manifest.files.contains("adapter_model.safetensors");
  LLC_ASSIGN(SafeTensors weights, SafeTensors::open(isAdapter ? where + "/adapter_model.safetensors" : where));
  LLC_ASSIGN(std::vector<SafeTensors> optimizer, openOptimizer(checkpoint));
  std::set<std::string_view> used;
  for (const TensorState &tensor : into) {
    const TensorView *found = tensor.isWeight ? weights.find(tensor.name) : nullptr;
    for (size_t i = 0; i < optimizer.size() && !tensor.isWeight && !found; ++i) found = optimizer[i].find(tensor.name);
    LLC_TRY(copyTensor(found, tensor, where));
    used.insert(tensor.name);
  }
  // Weights that are not asked for are those that training leaves as they are.
  for (const SafeTensors &file : optimizer)
    for (const TensorView &tensor : file.tensors())
      if (!used.contains(tensor.name))
        return otherModel(where, "holds '" + tensor.name + "', which this training does not have");
  return success();
}

Status loadWeights(const std::string &place, std::span<const TensorState> into) {
  LLC_ASSIGN(SafeTensors weights, SafeTensors::open(place));
  for (const TensorState &tensor : into)
    if (tensor.isWeight) LLC_TRY(convertTensor(weights.find(tensor.name), tensor, place));
  return success();
}

}  // namespace llc::train
