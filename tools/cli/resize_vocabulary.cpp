#include "tools/cli/resize_vocabulary.h"

#include "compiler/pipelines/pipeline.h"
#include "frontends/huggingface/import.h"
#include "mlir/IR/MLIRContext.h"
#include "models/registry.h"
#include "runtime/base/output_file.h"
#include "runtime/sampling/normal.h"
#include "runtime/train/initial_model.h"
#include "tools/cli/score_head.h"

namespace llc::cli {

namespace {
using train::OrderedJson;

class Resizing {
 public:
  Resizing(const huggingface::ModelSource &from, SafeTensorsWriter &to, double deviation, uint64_t seed)
      : from_(from), to_(to), deviation_(deviation), normal_(seed) {}

  // What both models read has the shape of the larger one, and the type and name that it has in the file.
  Status declare(const std::vector<dsl::NamedShape> &parameters) {
    for (const dsl::NamedShape &parameter : parameters) {
      LLC_ASSIGN(const TensorView *tensor, from_.weight(parameter.name));
      LLC_TRY(checkShape(*tensor, parameter.shape));
      LLC_TRY(to_.declare(tensor->name, tensor->type, parameter.shape));
      tensors_.emplace_back(tensor, parameter.shape);
    }
    return success();
  }
  Status write() {
    for (const auto &[tensor, shape] : tensors_) {
      LLC_TRY(to_.write(tensor->bytes));
      LLC_TRY(writeNewRows(*tensor, shape));
      from_.checkpoint.release(*tensor);
    }
    return success();
  }

 private:
  static Status checkShape(const TensorView &tensor, const dsl::Shape &shape) {
    bool grows = tensor.shape.size() == shape.size() && !shape.empty() && shape[0] >= tensor.shape[0] &&
                 std::equal(shape.begin() + 1, shape.end(), tensor.shape.begin() + 1);
    if (grows) return success();
    return diagnose(ErrorKind::unsupported, tensor.name)
        .says("can't get more tokens by more rows")
        .toFix("use the tokenizer that the model was trained with");
  }

  Status writeNewRows(const TensorView &tensor, const dsl::Shape &shape) {
    int64_t columns = 1;
    for (size_t i = 1; i < shape.size(); ++i) columns *= shape[i];
    std::vector<float> row(size_t(columns), 0.0f);
    std::vector<std::byte> stored(row.size() * byteSize(tensor.type));
    for (int64_t i = tensor.shape[0]; i < shape[0]; ++i) {
      if (shape.size() > 1) normal_.fill(row, deviation_);
      for (size_t k = 0; k < row.size(); ++k) storeElement(stored.data(), tensor.type, k, row[k]);
      LLC_TRY(to_.write(stored));
    }
    return success();
  }

  const huggingface::ModelSource &from_;
  SafeTensorsWriter &to_;
  double deviation_;
  NormalNumbers normal_;
  std::vector<std::pair<const TensorView *, dsl::Shape>> tensors_;
};
}  // namespace

Result<std::optional<int64_t>> growVocabulary(const TrainConfig &config, const TrainVerb &verb, train::RunStart &start,
                                              Progress &progress) {
  std::optional<int64_t> none;
  if (verb.makesModel || verb.makesAdapter || config.text("training.vocab_mismatch") == "error") return none;
  LLC_ASSIGN(const models::Trainer *trainer, config.trainer());
  if (trainer->scores) return none;
  int64_t tokens = int64_t(start.tokenizer.tokenizer->vocabularySize());
  auto rows = start.modelConfig.find("vocab_size");
  if (rows == start.modelConfig.end() || !rows->is_number_integer() || rows->get<int64_t>() >= tokens) return none;
  progress.note(
      fmt::format("note: vocab_size {} becomes {}, the tokenizer's: {} new rows, random by the seed "
                  "(--vocab-mismatch error: refused)",
                  rows->get<int64_t>(), tokens, tokens - rows->get<int64_t>()));
  *rows = tokens;
  return std::optional(tokens);
}

Status writeResized(const std::string &model, const OrderedJson &larger,
                    const std::map<std::string, std::string> &files, uint64_t seed, const std::string &directory) {
  LLC_TRY(train::writeTokenizerFiles(directory, files));
  LLC_TRY(writeFile(directory + "/config.json", larger.dump(2) + "\n"));
  LLC_ASSIGN(huggingface::ModelSource from, huggingface::openHuggingFace(model, models::architectures()));
  LLC_ASSIGN(huggingface::ModelSource to, huggingface::openConfig(directory, models::architectures()));
  auto context = compiler::makeContext();
  LLC_ASSIGN(std::vector<dsl::NamedShape> parameters, huggingface::parametersOf(to.model, *context));
  SafeTensorsWriter writer(directory + "/model.safetensors");
  writer.setMetadata("format", "pt");
  Resizing resizing(from, writer, initializerRange(larger), seed);
  LLC_TRY(resizing.declare(parameters));
  LLC_TRY(resizing.write());
  return writer.finish();
}

}  // namespace llc::cli
