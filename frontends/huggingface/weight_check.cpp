#include "frontends/huggingface/weight_check.h"

#include "frontends/huggingface/adapter.h"

namespace llc::huggingface {
using dsl::Shape;
namespace {
std::string shapeText(const std::vector<int64_t> &shape) {
  std::string text = "[";
  for (int64_t size : shape) text += (text.size() > 1 ? ", " : "") + std::to_string(size);
  return text + "]";
}
}  // namespace

Error WeightCheck::missing(const std::string &name, const Shape &shape) const {
  std::vector<std::string> names;
  for (const TensorView &tensor : source.checkpoint.tensors()) names.push_back(tensor.name);
  std::string near = nearestNames(name, names);
  std::string remedy =
      name.ends_with("bias") ? "if the model has no such bias, correct the *_bias keys of config.json"
      : name.find("lm_head") != name.npos || name.find("embed_out") != name.npos
          ? "if the model shares the embedding with the head, set \"tie_word_embeddings\": true in config.json"
          : "download the missing file, or compare num_hidden_layers and the like in config.json with the checkpoint";
  return diagnose(ErrorKind::invalidInput, source.checkpoint.path())
      .says("tensor '" + name + "' " + shapeText(shape) + " is missing" +
            (near.empty() ? "" : ", the nearest names are " + near))
      .toFix(remedy);
}

Error WeightCheck::mismatch(const TensorView &tensor, const Shape &shape) const {
  if (tensor.name.starts_with(adapterPrefix))
    return diagnose(ErrorKind::invalidInput, tensor.file + ": " + tensor.name)
        .says("the file has shape " + shapeText(tensor.shape))
        .says("the model needs " + shapeText(shape))
        .toFix("use the adapter with the model that it was trained on");
  std::string origins;
  for (size_t i = 0; i < shape.size(); ++i) {
    if (i < tensor.shape.size() && tensor.shape[i] == shape[i]) continue;
    std::string origin = source.config->originOf(shape[i]);
    if (!origin.empty()) origins += (origins.empty() ? "" : ", ") + std::to_string(shape[i]) + " is " + origin;
  }
  return diagnose(ErrorKind::invalidInput, tensor.file + ": " + tensor.name)
      .says("the file has shape " + shapeText(tensor.shape))
      .says("config.json needs " + shapeText(shape) + (origins.empty() ? "" : " (" + origins + ")"))
      .toFix(std::string("use the config.json that belongs to this checkpoint") +
             (origins.empty() ? "" : ", or correct the key named here"));
}

Result<DType> WeightCheck::operator()(const std::string &name, const Shape &shape) {
  Result<const TensorView *> found = source.weight(name);
  if (!found.ok()) return missing(name, shape);
  const TensorView &tensor = **found;
  if (tensor.shape != shape) return mismatch(tensor, shape);
  if (tensor.type != DType::f32 && tensor.type != DType::f16 && tensor.type != DType::bf16 && tensor.type != DType::f64)
    return diagnose(ErrorKind::unsupported, tensor.file + ": " + tensor.name)
        .says("weights of type " + std::string(dtypeName(tensor.type)) + " are not supported")
        .toFix("use a checkpoint in f32, f16 or bf16");
  used.insert(&tensor);
  used.insert(source.ownWeight(name));  // which an adapter may have replaced
  // Vectors (norms, biases) cost nothing and lose nothing as f32.
  if (shape.size() < 2) return DType::f32;
  return wanted.value_or(tensor.type == DType::f64 ? DType::f32 : tensor.type);
}

Status WeightCheck::nothingLeft() const {
  for (const auto &adapter : source.adapters)
    for (const auto &[name, tensor] : adapter->parameters)
      if (!used.contains(tensor) && !adapter->adapter.spare.contains(name))
        return diagnose(ErrorKind::invalidInput, tensor->file + ": " + tensor->name)
            .says("the model has no such linear layer")
            .toFix(
                "use the adapter with the model that it was trained on; adapters of embeddings and of the head are "
                "not supported");
  std::vector<std::string> left;
  for (const TensorView &tensor : source.checkpoint.tensors()) {
    bool needed = !used.contains(&tensor);
    for (const std::string &pattern : source.model.unneededTensors)
      needed = needed && !dsl::matchesPattern(pattern, tensor.name);
    if (needed) left.push_back("'" + tensor.name + "' " + tensor.describe());
  }
  if (left.empty()) return success();
  std::string names;
  for (size_t i = 0; i < left.size() && i < 3; ++i) names += (i ? ", " : "") + left[i];
  return diagnose(ErrorKind::invalidInput, source.checkpoint.path())
      .says("the checkpoint holds " + std::to_string(left.size()) +
            " tensors that config.json gives no use for: " + names + (left.size() > 3 ? ", ..." : ""))
      .toFix(
          "use the config.json that belongs to this checkpoint (biases? number of layers? another head?); tensors "
          "that are harmless "
          "are listed as unneededTensors in models/architectures/" +
          source.model.name + ".cpp");
}

Status checkPositions(const ModelSource &source, int64_t longest, const std::string &remedy) {
  if (!source.model.positionsAreLearned || longest <= source.model.maxPositions) return success();
  return diagnose(ErrorKind::invalidInput, source.config->where("n_positions"))
      .says("a context of " + std::to_string(longest) + " tokens, but the model has learned positions for " +
            std::to_string(source.model.maxPositions) + " only")
      .toFix(remedy);
}

}  // namespace llc::huggingface
