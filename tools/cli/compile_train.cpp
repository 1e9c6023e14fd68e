// compile-train: from a configuration to an executable that trains, with no compiler.
#include <fmt/format.h>
#include <sys/stat.h>

#include <filesystem>

#include "compiler/aot/artifact.h"
#include "compiler/targets/target.h"
#include "runtime/base/convert.h"
#include "runtime/base/memory.h"
#include "runtime/base/temporary_folder.h"
#include "runtime/formats/safetensors.h"
#include "runtime/train/compiled_step.h"
#include "runtime/train/run_start.h"
#include "runtime/train/training_memory.h"
#include "tools/cli/command.h"
#include "tools/cli/gradient_checkpointing.h"
#include "tools/cli/targets.h"
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
                 "What it does: pretrain a new model, train or finetune that of --model-path (default: pretrain, with "
                 "--model-path train)")
      ->check(CLI::IsMember({"pretrain", "train", "finetune"}));
  app.add_option("--model-path", o.train.model, "Directory of the model to go on from, or a built-in one");
  app.add_option("--data-path", o.train.data, train::dataPathHelp)->expected(1)->take_all();
  declareKeyFlags(app, o.train, pretrainVerb);
  addTargetFlag(app, o.targets);
  app.add_flag("--json", o.json, "One JSON object about the result");
}

Result<const TrainVerb *> verbOf(const CompileTrainFlags &o) {
  bool hasModel = !o.train.model.empty();
  std::string name = !o.verb.empty() ? o.verb : hasModel ? "train" : "pretrain";
  const TrainVerb &verb = name == "pretrain" ? pretrainVerb : name == "train" ? trainVerb : finetuneVerb;
  if (verb.makesModel && hasModel)
    return diagnose(ErrorKind::invalidInput, "--model-path")
        .says("is for training a model that exists, and pretrain makes a new one")
        .toFix("leave it out, or choose --verb train or finetune");
  if (!verb.makesModel && !hasModel)
    return diagnose(ErrorKind::invalidInput, "--model-path")
        .says("is missing: " + name + " goes on from a model")
        .toFix("name its directory");
  if (verb.makesModel && o.train.config.empty())
    return diagnose(ErrorKind::invalidInput, "CONFIG")
        .says("is missing: nothing describes the model")
        .toFix("make one with llc-model create-config");
  return &verb;
}

// What a trainer can't do, or can't know before it runs.
Status checkTrainerConfig(const TrainConfig &config, const train::TrainerTraits &traits) {
  if (config.given("training.sample_prompt"))
    return diagnose(ErrorKind::unsupported, "training.sample_prompt")
        .says("a trainer holds no program that generates text")
        .toFix("leave it out, and run its checkpoints with llc-model run");
  auto refuse = [](const char *key, const char *why) {
    return diagnose(ErrorKind::unsupported, key).says(why).toFix("leave it out, or train without compiling ahead");
  };
  if (config.number("training.ema_decay") > 0)
    return refuse("training.ema_decay", "a trainer can't begin averages of the weights yet");
  if (config.text("training.weight_dtype") != "f32")
    return refuse("training.weight_dtype", "a trainer begins with weights in f32 only");
  bool packed = traits.examples == train::Examples::text ||
                (traits.examples == train::Examples::completions && config.flag("data.packing"));
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

// The weights that training begins with, as its checkpoints hold them: those that it changes in the program's type, the
// others as they are.
Status writeStartWeights(const std::string &path, const std::string &model, const Manifest &manifest,
                         const std::map<std::string, std::string> &names) {
  std::map<std::string_view, DType> types;
  for (const ParameterSpec &parameter : manifest.parameters) {
    if (!parameter.updated || train::isOptimizerState(parameter.name)) continue;
    auto stored = names.find(parameter.name);
    types[stored == names.end() ? parameter.name : stored->second] = parameter.type;
  }
  LLC_ASSIGN(SafeTensors weights, SafeTensors::open(model));
  SafeTensorsWriter writer(path);
  auto typeOf = [&](const TensorView &tensor) {
    auto found = types.find(tensor.name);
    return found == types.end() ? tensor.type : found->second;
  };
  for (const TensorView &tensor : weights.tensors()) LLC_TRY(writer.declare(tensor.name, typeOf(tensor), tensor.shape));
  std::vector<std::byte> converted;
  for (const TensorView &tensor : weights.tensors()) {
    if (typeOf(tensor) == tensor.type) {
      LLC_TRY(writer.write(tensor.bytes));
      continue;
    }
    converted.resize(tensor.elements() * byteSize(typeOf(tensor)));
    convertElements(tensor.bytes.data(), tensor.type, converted.data(), typeOf(tensor), tensor.elements());
    LLC_TRY(writer.write(converted));
  }
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
    LLC_TRY(checkTrainerConfig(*config_, plan_.trainer));
    LLC_TRY(checkArchitecture(targetsOrAll(o_.targets, FactorTypes())));
    LLC_ASSIGN(start_, findRunStart(*config_, o_.train, verb_, progress_));
    LLC_TRY(compile());
    LLC_TRY(makePlan());
    LLC_TRY(write());
    progress_.finish();
    if (o_.json || !context_.quiet) report();
    return success();
  }

 private:
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
    plan_.keys = trainerKeys(*config_, verb_);
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
    if (!verb_.makesModel) {
      std::string weights = folder_.path() + "/model.safetensors";
      LLC_TRY(writeStartWeights(weights, start_->model, module_->manifest, plan_.names));
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
