#include "tools/cli/score_head.h"

#include "compiler/pipelines/pipeline.h"
#include "frontends/huggingface/classifier.h"
#include "mlir/IR/MLIRContext.h"
#include "models/registry.h"
#include "runtime/base/json_read.h"
#include "runtime/base/output_file.h"
#include "runtime/sampling/normal.h"
#include "runtime/train/initial_model.h"

namespace llc::cli {

namespace {
using OrderedJson = nlohmann::ordered_json;

Result<OrderedJson> readConfig(const huggingface::ModelSource &model) {
  LLC_ASSIGN(Json json, readJsonFile((model.directory / "config.json").string()));
  return OrderedJson(json);
}

Result<OrderedJson> classifierConfig(const huggingface::ModelSource &model, int64_t labels) {
  LLC_ASSIGN(OrderedJson config, readConfig(model));
  config["architectures"] = {huggingface::classifierClass(model.className)};
  config["num_labels"] = labels;
  OrderedJson names = OrderedJson::object(), numbers = OrderedJson::object();
  for (int64_t i = 0; i < labels; ++i) {
    std::string name = "LABEL_" + std::to_string(i);
    names[std::to_string(i)] = name, numbers[name] = i;
  }
  config["id2label"] = names, config["label2id"] = numbers;
  return config;
}

// Of the file, those that the hidden states need.
Result<std::vector<const TensorView *>> sharedTensors(const huggingface::ModelSource &model) {
  dsl::Model states = model.model;
  states.logProbabilities = states.embeddings;
  auto context = compiler::makeContext();
  LLC_ASSIGN(std::vector<dsl::NamedShape> parameters, huggingface::parametersOf(states, *context));
  std::vector<const TensorView *> tensors;
  for (const dsl::NamedShape &parameter : parameters) {
    LLC_ASSIGN(const TensorView *tensor, model.weight(parameter.name));
    tensors.push_back(tensor);
  }
  return tensors;
}
}  // namespace

double initializerRange(const OrderedJson &config) {
  auto range = config.find("initializer_range");
  return range != config.end() && range->is_number() ? range->get<double>() : 0.02;
}

Result<std::vector<float>> newScoreHead(const huggingface::ModelSource &model, uint64_t seed) {
  LLC_ASSIGN(OrderedJson config, readConfig(model));
  std::vector<float> head(size_t(model.model.hidden));
  NormalNumbers(seed).fill(head, initializerRange(config));
  return head;
}

Status writeClassifier(const huggingface::ModelSource &model, const std::vector<float> &head,
                       const std::map<std::string, std::string> &files, const std::string &directory) {
  int64_t labels = int64_t(head.size()) / model.model.hidden;
  LLC_ASSIGN(OrderedJson config, classifierConfig(model, labels));
  LLC_ASSIGN(std::vector<const TensorView *> tensors, sharedTensors(model));
  LLC_TRY(train::writeTokenizerFiles(directory, files));
  SafeTensorsWriter writer(directory + "/model.safetensors");
  writer.setMetadata("format", "pt");
  for (const TensorView *tensor : tensors) LLC_TRY(writer.declare(tensor->name, tensor->type, tensor->shape));
  LLC_TRY(writer.declare(huggingface::scoreWeight, DType::f32, {labels, model.model.hidden}));
  for (const TensorView *tensor : tensors) {
    LLC_TRY(writer.write(tensor->bytes));
    model.checkpoint.release(*tensor);
  }
  LLC_TRY(writer.write(head.data(), head.size() * sizeof(float)));
  LLC_TRY(writer.finish());
  return writeFile(directory + "/config.json", config.dump(2) + "\n");
}

Result<bool> hasScoreHead(const std::string &model) {
  LLC_ASSIGN(huggingface::ModelSource source, huggingface::openConfig(model, models::architectures()));
  if (source.model.bidirectional)
    return diagnose(ErrorKind::unsupported, model)
        .says("sees whole texts at once; heads for scores are for models that generate")
        .toFix("take a model that generates, or --trainer mlm");
  return source.model.labels > 0;
}

Status writeWithScoreHead(const std::string &model, const std::map<std::string, std::string> &files, uint64_t seed,
                          const std::string &directory) {
  LLC_ASSIGN(huggingface::ModelSource source, huggingface::openHuggingFace(model, models::architectures()));
  LLC_ASSIGN(std::vector<float> head, newScoreHead(source, seed));
  return writeClassifier(source, head, files, directory);
}

}  // namespace llc::cli
