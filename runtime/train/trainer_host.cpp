#include "runtime/train/trainer_host.h"

#include <filesystem>

#include "runtime/base/json_read.h"
#include "runtime/base/mapped_file.h"
#include "runtime/base/output_file.h"
#include "runtime/threads/limits.h"
#include "runtime/train/compiled_step.h"
#include "runtime/train/initial_model.h"
#include "runtime/train/run_start.h"

namespace llc::train {

Result<TrainerPlan> planOf(const Artifact &artifact) {
  auto text = artifact.file(planFile);
  if (text) return parseTrainerPlan(*text, artifact.path + ":" + planFile);
  return diagnose(ErrorKind::invalidInput, artifact.path)
      .says("holds no trainer")
      .toFix("make one with llc-model compile-train");
}

TrainerHost::TrainerHost(const Artifact &artifact, const llc_module *modules, const TrainerPlan &plan, int64_t threads)
    : artifact_(artifact), modules_(modules), plan_(plan), threads_(threads ? threads : threadLimits().threads) {}

Result<std::string_view> TrainerHost::file(const std::string &name) const {
  auto found = artifact_.file(name);
  if (found) return *found;
  return diagnose(ErrorKind::invalidInput, artifact_.path + ":" + name)
      .says("is missing")
      .toFix("compile the trainer again");
}

std::map<std::string, std::string> TrainerHost::tokenizerFiles() const {
  std::map<std::string, std::string> files;
  for (const FilePart &part : artifact_.manifest.files)
    if (part.name.starts_with(tokenizerFolder))
      files[part.name.substr(tokenizerFolder.size())] = std::string(*artifact_.file(part.name));
  return files;
}

Result<RunStart> TrainerHost::start() const {
  RunStart start;
  start.modelName = artifact_.path;
  LLC_ASSIGN(std::string_view config, file(modelConfigFile));
  LLC_TRY(parseJson(config, artifact_.path + ":" + modelConfigFile));
  start.modelConfig = OrderedJson::parse(config);
  LLC_ASSIGN(start.tokenizer, corpus::makeTokenizer(tokenizerFiles()));
  start.adapter = plan_.adapter;
  return start;
}

Status TrainerHost::writeModel(const std::string &directory) {
  LLC_ASSIGN(std::string_view config, file(modelConfigFile));
  if (!plan_.initial.empty())
    return writeInitialModel(directory, {std::string(config), plan_.initial, tokenizerFiles()},
                             uint64_t(plan_.config.integer("training.seed")));
  LLC_ASSIGN(std::string_view weights, file(modelWeightsFile));
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  LLC_TRY(writeFile(directory + "/model.safetensors", weights));
  return writeFile(directory + "/config.json", config);
}

// The first one is written in any case: it is also what some losses compare with.
Result<std::string> TrainerHost::beginAdapter(const std::string &checkpoint, const std::string &directory) {
  LLC_ASSIGN(std::string_view weights, file(adapterWeightsFile));
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  LLC_TRY(writeFile(directory + "/adapter_model.safetensors", weights));
  for (const auto &[name, text] : plan_.adapter->files) LLC_TRY(writeFile(directory + "/" + name, text));
  if (checkpoint.empty()) return directory;
  std::string path = checkpoint + "/adapter_config.json";
  LLC_ASSIGN(std::string found, readTextFile(path, 1 << 24));
  LLC_TRY(compareAdapters(plan_.adapter->files.at("adapter_config.json"), found, path));
  return checkpoint;
}

Result<std::unique_ptr<StepProgram>> TrainerHost::makeProgram(const ProgramRequest &request) {
  LLC_ASSIGN(Program program, Program::self(modules_));
  ModelWeights model = plan_.config.flag("training.ema_model") ? ModelWeights::averages : ModelWeights::latest;
  std::string weights = plan_.adapter ? request.adapter + "/adapter_model.safetensors" : request.model;
  LLC_ASSIGN(std::unique_ptr<StepProgram> step,
             makeStepProgram(std::make_shared<Program>(std::move(program)), threads_, plan_.names, model, weights));
  int64_t length = step->length() + (plan_.adapter ? plan_.adapter->virtualTokens : 0);
  if (step->rows() != request.rows || length != request.length)
    return diagnose(ErrorKind::unsupported, artifact_.path)
        .says(fmt::format("was compiled for batches of {} rows of {} tokens, and the run needs {} of {}", step->rows(),
                          length, request.rows, request.length))
        .toFix("compile it again");
  return step;
}

}  // namespace llc::train
