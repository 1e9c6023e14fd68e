#include "runtime/train/initial_model.h"

#include <filesystem>

#include "runtime/base/convert.h"
#include "runtime/base/output_file.h"
#include "runtime/formats/safetensors.h"
#include "runtime/sampling/normal.h"

namespace llc::train {

Status writeWeights(const std::string &path, const std::vector<InitialTensor> &tensors, uint64_t seed, DType type) {
  SafeTensorsWriter writer(path);
  writer.setMetadata("format", "pt");
  for (const auto &tensor : tensors) LLC_TRY(writer.declare(tensor.name, type, tensor.shape));
  std::vector<float> piece;
  std::vector<std::byte> stored;
  for (size_t i = 0; i < tensors.size(); ++i) {
    NormalNumbers normal(seed, i);
    uint64_t left = 1;
    for (int64_t extent : tensors[i].shape) left *= uint64_t(extent);
    while (left) {
      piece.assign(std::min<uint64_t>(left, 1 << 20), tensors[i].constant);
      if (tensors[i].deviation > 0) normal.fill(piece, tensors[i].deviation);
      stored.resize(piece.size() * byteSize(type));
      convertElements(piece.data(), DType::f32, stored.data(), type, piece.size());
      LLC_TRY(writer.write(stored));
      left -= piece.size();
    }
  }
  return writer.finish();
}

Status writeTokenizerFiles(const std::string &directory, const std::map<std::string, std::string> &files) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  for (const auto &[name, bytes] : files)
    if (name != "config.json") LLC_TRY(writeFile(directory + "/" + name, bytes));
  return success();
}

Status writeInitialModel(const std::string &directory, const InitialModel &model, uint64_t seed) {
  std::map<std::string, std::string> files = model.files;
  files.erase("generation_config.json");  // of another model
  LLC_TRY(writeTokenizerFiles(directory, files));
  LLC_TRY(writeWeights(directory + "/model.safetensors", model.tensors, seed));
  return writeFile(directory + "/config.json", model.config);
}

}  // namespace llc::train
