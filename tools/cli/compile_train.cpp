// compile-train: from a configuration to an executable that trains, with no compiler.
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <numeric>

#include "compiler/aot/artifact.h"
#include "compiler/targets/target.h"
#include "runtime/base/memory.h"
#include "runtime/base/temporary_folder.h"
#include "runtime/formats/safetensors.h"
#include "runtime/train/run_start.h"
#include "runtime/train/training_memory.h"
#include "tools/cli/command.h"
#include "tools/cli/gradient_checkpointing.h"
#include "tools/cli/resize_vocabulary.h"
#include "tools/cli/score_head.h"
#include "tools/cli/targets.h"
#include "tools/cli/train_adapter.h"
#include "tools/cli/train_start.h"
#include "tools/cli/trainer_keys.h"

namespace llc::cli {

namespace {
namespace fs = std::filesystem;

struct CompileTrainFlags {
  TrainFlags train;
  std::string output, verb;
  std::vector<std::string> targets;
  bool json = false;
};

void declareCompileTrain(CLI::App &app, CompileTrainFlags &o) {
  app.add_option("CONFIG", o.train.config, "Configuration of the model and its training, of create-config");
  app.add_option("-o,--output", o.output, "Executable to write")->required();
  app.add_option("--verb", o.verb,
                 "What it does: pretrain a new model, train or finetune that of --model-path, lora-finetune an adapter "
                 "of it (default: pretrain, with --model-path train)")
      ->check(CLI::IsMember({"pretrain", "train", "finetune", "lora-finetune"}));
  app.add_option("--model-path", o.train.model, "Directory of the model to go on from, or a built-in one");
  app.add_option("--data-path", o.train.data, train::dataPathHelp)->expected(1)->take_all();
  declareKeyFlags(app, o.train, pretrainVerb);
  declareAdapterFlags(app, o.train, loraFinetuneVerb);
  addTargetFlag(app, o.targets);
  app.add_flag("--json", o.json, "One JSON object about the result");
}

constexpr const TrainVerb *verbs[] = {&pretrainVerb, &trainVerb, &finetuneVerb, &loraFinetuneVerb};

Result<const TrainVerb *> verbOf(const CompileTrainFlags &o) {
  bool hasModel = !o.train.model.empty();
  std::string name = !o.verb.empty() ? o.verb : hasModel ? "train" : "pretrain";
  const TrainVerb &verb = **std::ranges::find(verbs, name, [](const TrainVerb *one) { return std::string(one->name); });
  if (verb.makesModel && hasModel)
    return diagnose(ErrorKind::invalidInput, "--model-path")
        .says("is for training a model that exists, and pretrain makes a new one")
        .toFix("leave it out, or choose --verb train, finetune or lora-finetune");
  if (!verb.makesModel && !hasModel)
    return diagnose(ErrorKind::invalidInput, "--model-path")
        .says("is missing: " + name + " goes on from a model")
        .toFix("name its directory");
  if (verb.makesModel && o.train.config.empty())
    return diagnose(ErrorKind::invalidInput, "CONFIG")
        .says("is missing: nothing describes the model")
        .toFix("make one with llc-model create-config");
  if (!verb.makesAdapter && !o.train.adapter.empty())
    return diagnose(ErrorKind::invalidInput, "--adapter")
        .says("is what lora-finetune goes on from, and this trains weights of the model")
        .toFix("leave it out, or choose --verb lora-finetune");
  return &verb;
}

// What a trainer can't do, or can't know before it runs.
Status checkTrainerConfig(const TrainConfig &config, const train::TrainerTraits &traits, bool hasVirtualTokens) {
  if (config.flag("lora.merge"))
    return diagnose(ErrorKind::unsupported, "lora.merge")
        .says("a trainer holds the model's weights as its program reads them")
        .toFix("leave it out, and merge a checkpoint with llc-model merge MODEL --adapter CHECKPOINT -o DIR");
  bool packed = traits.examples == train::Examples::text ||
                (traits.examples == train::Examples::completions && config.flag("data.packing") && !hasVirtualTokens);
  if (packed || config.given("data.block_size"))
    return checkGradientCheckpointing(gradientCheckpointingOf(config), true);
  return diagnose(ErrorKind::invalidInput, "--block-size")
      .says(
          "is missing: without it rows get as short as the data allows, and a trainer is compiled before it sees data")
      .toFix("give the tokens of the longest row");
}

Status checkArchitecture(const std::vector<std::string> &targets) {
  LLC_ASSIGN(std::vector<Target> found, findTargets(targets));
  for (const Target &target : found)
    if (architectureOf(target.level) != hostArchitecture)
      return diagnose(ErrorKind::unsupported, "--target-cpu " + target.name)
          .says("trainers are made for this machine's architecture only")
          .toFix("compile on a machine of that architecture");
  return success();
}

// Shapes count, values don't: the trainer draws them when it starts.
Status writeShapes(const std::string &directory, train::InitialModel initial) {
  for (InitialTensor &tensor : initial.tensors) tensor.deviation = 0;
  return train::writeInitialModel(directory, initial, 0);
}

// The weights that training begins with, in one file: those in `place`, a directory or a file, and zeros for what the
// first step derives from others and is not there yet.
Status writeStartWeights(const std::string &path, const std::string &place,
                         const std::map<std::string, std::string> &metadata,
                         const std::vector<dsl::DerivedParameter> &derived) {
  LLC_ASSIGN(SafeTensors weights, SafeTensors::open(place));
  SafeTensorsWriter writer(path);
  for (const auto &[key, value] : metadata) writer.setMetadata(key, value);
  for (const TensorView &tensor : weights.tensors()) LLC_TRY(writer.declare(tensor.name, tensor.type, tensor.shape));
  std::vector<std::vector<float>> zeros;
  for (const dsl::DerivedParameter &one : derived) {
    if (weights.find(one.name)) continue;
    LLC_TRY(writer.declare(one.name, DType::f32, one.shape));
    zeros.emplace_back(size_t(std::accumulate(one.shape.begin(), one.shape.end(), int64_t(1), std::multiplies<>())));
  }
  for (const TensorView &tensor : weights.tensors()) {
    LLC_TRY(writer.write(tensor.bytes));
    weights.release(tensor);
  }
  for (const std::vector<float> &values : zeros) LLC_TRY(writer.write(values.data(), values.size() * sizeof(float)));
  return writer.finish();
}

class TrainerCompilation {
 public:
  TrainerCompilation(Context &context, CompileTrainFlags &o, const TrainVerb &verb, TemporaryFolder folder)
      : context_(context), o_(o), verb_(verb), progress_(context.quiet), folder_(std::move(folder)) {}

  Status run() {
    LLC_ASSIGN(config_, TrainConfig::make(o_.train, verb_, [this](const std::string &text) { progress_.note(text); }));
    LLC_ASSIGN(const models::Trainer *trainer, config_->trainer());
    LLC_ASSIGN(models::TrainerSettings settings, config_->trainerSettings());
    plan_.trainer = traitsOf(*trainer, settings);
    LLC_TRY(checkArchitecture(targetsOrAll(o_.targets, FactorTypes())));
    LLC_ASSIGN(start_, findRunStart(*config_, o_.train, verb_, progress_));
    if (verb_.makesAdapter) LLC_TRY(makeAdapter());
    LLC_ASSIGN(std::optional<int64_t> grown, growVocabulary(*config_, verb_, *start_, progress_));
    if (grown) LLC_TRY(addRows());
    LLC_TRY(checkTrainerConfig(*config_, plan_.trainer, plan_.adapter && plan_.adapter->virtualTokens));
    if (trainer->scores) LLC_TRY(addScoreHead());
    LLC_TRY(compile());
    LLC_TRY(makePlan());
    LLC_TRY(write());
    progress_.finish();
    if (o_.json || !context_.quiet) report();
    return success();
  }

 private:
  uint64_t seed() const { return uint64_t(config_->integer("training.seed")); }

  Status makeAdapter() {
    LLC_ASSIGN(AdapterStart adapter,
               planAdapterTraining(*config_, o_.train, start_->model, *start_->tokenizer.tokenizer));
    LLC_ASSIGN(adapter_, beginAdapter(adapter, "", folder_.path() + "/adapter", seed()));
    plan_.adapter = adapterRunOf(adapter);
    plan_.adapter->existing.clear();  // it travels along
    madeBySeed_ = adapter.existing.empty();
    return success();
  }

  Status addScoreHead() {
    LLC_ASSIGN(bool hasHead, hasScoreHead(start_->model));
    if (hasHead) return success();
    std::string directory = folder_.path() + "/scores";
    LLC_TRY(writeWithScoreHead(start_->model, start_->tokenizer.files, seed(), directory));
    start_->model = directory;
    LLC_ASSIGN(start_->modelConfig, train::readOrderedJson(directory + "/config.json"));
    madeBySeed_ = true;
    return success();
  }

  Status addRows() {
    std::string directory = folder_.path() + "/larger";
    LLC_TRY(writeResized(start_->model, start_->modelConfig, start_->tokenizer.files, seed(), directory));
    start_->model = directory;
    madeBySeed_ = true;
    return success();
  }

  // Whether something in the program depends on the seed.
  bool drawsInProgram() const {
    dsl::DropoutRates rates = dropoutOf(*config_);
    bool drops = rates.embeddings > 0 || rates.sublayers > 0 || rates.attention > 0 ||
                 (verb_.makesAdapter && traced_->source->model.drops);
    return drops || (config_->text("training.weight_dtype") != "f32" && config_->flag("training.stochastic_rounding"));
  }

  Result<std::string> modelToTrace() {
    if (!verb_.makesModel) return start_->model;
    train::InitialModel initial = initialModelOf(*config_, *start_);
    LLC_TRY(writeShapes(folder_.path() + "/model", initial));
    plan_.initial = std::move(initial.tensors);
    return folder_.path() + "/model";
  }

  Status compile() {
    LLC_ASSIGN(std::string model, modelToTrace());
    LLC_ASSIGN(train::ModelSizes sizes, train::readModelSizes(model));
    LLC_ASSIGN(StepOptions step, stepOptionsOf(*config_, o_.train));
    LLC_ASSIGN(step.length, train::chooseLength(*config_, sizes, *start_->tokenizer.tokenizer));
    length_ = step.length;
    step.rows = config_->integer("training.batch_size");
    if (arePairs(plan_.trainer.examples)) step.rows *= 2;
    step.adapter = adapter_;
    LLC_ASSIGN(traced_, traceTrainingStep(model, step, progress_));
    compiler::CompileOptions options{.targets = targetsOrAll(o_.targets, {step.precision, step.precision}),
                                     .startAt = compiler::Phase::differentiated};
    LLC_ASSIGN(bool here, runsHere(options.targets));
    if (!here) {
      mlir::OwningOpRef<mlir::ModuleOp> copy = traced_->module.get().clone();
      LLC_ASSIGN(preparer_, compiler::compile(*copy, {.startAt = compiler::Phase::differentiated}));
    }
    progress_.step("compiling the training step of " + name());
    LLC_ASSIGN(module_, compiler::compile(*traced_->module, options));
    completeManifest(module_->manifest, *traced_, start_->tokenizer.tokenizer.get());
    module_->manifest.name = name();
    return checkFrozen();
  }

  // What stays as it is travels along; of a new model it is not there before the trainer draws it.
  Status checkFrozen() const {
    for (const ParameterSpec &parameter : module_->manifest.parameters)
      if (verb_.makesModel && !parameter.updated && !parameter.name.starts_with(huggingface::teacherPrefix))
        return diagnose(ErrorKind::unsupported, "training.freeze")
            .says("keeps " + parameter.name + " as it is, and pretrain draws it by a seed when the trainer starts")
            .toFix("leave it out, or compile with --verb train for a model that exists");
    return success();
  }

  // Of what is trained: the model's, or that of the file that describes it.
  std::string name() const { return verb_.makesModel ? fs::path(o_.train.config).stem().string() : traced_->name; }

  Status makePlan() {
    plan_.verb = verb_.name;
    train::OrderedJson given = config_->allGiven(), effective = config_->all();
    train::keyAt(given, "data.block_size") = train::keyAt(effective, "data.block_size") = length_;
    plan_.config = train::RunConfig(std::move(given), std::move(effective), config_->where());
    plan_.names = checkpointNames(*traced_, module_->manifest);
    plan_.keys = trainerKeys(*config_, verb_, madeBySeed_ || drawsInProgram());
    return success();
  }

  Status write() {
    compiler::ArtifactOptions artifact;
    artifact.path = o_.output;
    artifact.program = compiler::ProgramKind::training;
    if (preparer_) artifact.preparer = &*preparer_;
    artifact.files = {{train::planFile, toJson(plan_)}, {train::modelConfigFile, start_->modelConfig.dump(2) + "\n"}};
    for (const auto &[file, text] : start_->tokenizer.files)
      artifact.files.emplace_back(std::string(train::tokenizerFolder) + file, text);
    std::string weights = folder_.path() + "/start.safetensors";
    if (verb_.makesAdapter) {
      LLC_TRY(writeStartWeights(weights, adapter_ + "/" + huggingface::adapterWeightsFile, plan_.adapter->metadata,
                                traced_->source->model.derived));
      artifact.largeFiles = {{train::adapterWeightsFile, weights}};
    } else if (!verb_.makesModel) {
      LLC_TRY(writeStartWeights(weights, start_->model, {{"format", "pt"}}, {}));
      artifact.largeFiles = {{train::modelWeightsFile, weights}};
    }
    progress_.step("writing " + o_.output);
    return compiler::writeArtifact(*module_, trainingTensors(*traced_, module_->manifest, progress_), artifact);
  }

  void report() const {
    struct stat status = {};
    stat(o_.output.c_str(), &status);
    train::OrderedJson memory = train::trainingMemory(module_->manifest, 1);
    if (o_.json) {
      train::OrderedJson json = {{"output", o_.output},
                                 {"bytes", int64_t(status.st_size)},
                                 {"seconds", context_.secondsSinceStart()},
                                 {"levels", module_->manifest.levels},
                                 {"memory", memory}};
      fmt::print("{}\n", json.dump());
    } else {
      fmt::print(stderr, "{}: {}, {}; a step takes {} ({:.1f} s)\n", o_.output, humanBytes(uint64_t(status.st_size)),
                 fmt::join(module_->manifest.levels, ", "), humanBytes(memory["total"].get<uint64_t>()),
                 context_.secondsSinceStart());
    }
  }

  Context &context_;
  CompileTrainFlags &o_;
  const TrainVerb &verb_;
  Progress progress_;
  TemporaryFolder folder_;
  std::optional<TrainConfig> config_;
  std::optional<train::RunStart> start_;
  std::string adapter_;      // directory of the one that is trained
  bool madeBySeed_ = false;  // something that travels along
  int64_t length_ = 0;
  train::TrainerPlan plan_;
  std::optional<TracedModel> traced_;
  std::optional<compiler::CompiledModule> module_, preparer_;
};

Status runCompileTrain(Context &context, CLI::App &, CompileTrainFlags &o) {
  LLC_ASSIGN(const TrainVerb *verb, verbOf(o));
  LLC_ASSIGN(TemporaryFolder folder, TemporaryFolder::make("room for the weights"));
  return TrainerCompilation(context, o, *verb, std::move(folder)).run();
}
}  // namespace

void addCompileTrain(Context &context) {
  addCommand<CompileTrainFlags>(context, "compile-train",
                                "Makes a native program that trains a model, with no compiler", declareCompileTrain,
                                runCompileTrain);
}

}  // namespace llc::cli
