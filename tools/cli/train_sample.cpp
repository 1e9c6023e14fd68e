#include "tools/cli/train_sample.h"

#include <filesystem>

#include "runtime/base/output_file.h"
#include "runtime/formats/safetensors.h"
#include "tools/cli/adapters.h"
#include "tools/cli/open.h"

namespace llc::cli {

namespace {
// Removed with everything in it; one that a killed process leaves is removed by the store of checkpoints.
class Folder {
 public:
  explicit Folder(const std::string &directory) : path(directory + "/.tmp-sample") {
    std::error_code error;
    std::filesystem::create_directories(path, error);
  }
  ~Folder() {
    std::error_code error;
    std::filesystem::remove_all(path, error);
  }
  const std::string path;
};

Status writeModel(const std::string &path, const char *weightsFile, const train::SampleRequest &request) {
  for (const auto &[name, bytes] : request.files) LLC_TRY(writeFile(path + "/" + name, bytes));
  SafeTensorsWriter writer(path + "/" + weightsFile);
  std::vector<const train::TensorState *> weights;
  for (auto tensors : {request.program.state(), request.frozen})
    for (const train::TensorState &tensor : tensors)
      if (tensor.isWeight) weights.push_back(&tensor);
  for (const auto *tensor : weights) LLC_TRY(writer.declare(tensor->name, tensor->type, tensor->shape));
  for (const auto *tensor : weights) LLC_TRY(writer.write(tensor->data));
  return writer.finish();
}
}  // namespace

Result<std::string> sampleText(const train::SampleRequest &request, int64_t threads) {
  Folder folder(request.directory);
  const char *weightsFile = request.base.empty() ? "model.safetensors" : huggingface::adapterWeightsFile;
  LLC_TRY(writeModel(folder.path, weightsFile, request));
  OpenOptions options;
  options.weightCache = "none";
  options.session.threads = threads;
  if (!request.base.empty()) options.adapters = {folder.path + ":1"};
  Progress silent(true);
  const std::string &place = request.base.empty() ? folder.path : request.base;
  LLC_ASSIGN(OpenedModel opened, openModel({ModelKind::directory, place, "sample"}, options, silent));
  LLC_ASSIGN(std::vector<int32_t> ids, idsOf({request.prompt, {}, false}, opened.tokenizer.get()));
  GenerateOptions generation = generateOptions(opened.program->manifest().generation);
  generation.maxTokens = 50;
  generation.sampling.temperature = 0.8;
  generation.sampling.seed = 42;  // texts of different steps differ by the model alone
  TokenizerStream text(*opened.tokenizer);
  LLC_ASSIGN(GenerateResult result, generate(*opened.session, ids, generation, &text));
  return request.prompt + result.text;
}

}  // namespace llc::cli
