// The command line of a compiled trainer: its main calls llc_trainer_main.
#include <CLI/CLI.hpp>

#include "runtime/base/memory.h"
#include "runtime/serve/commands.h"
#include "runtime/serve/usage_error.h"
#include "runtime/threads/limits.h"
#include "runtime/train/run_settings.h"
#include "runtime/train/trainer_host.h"
#include "runtime/train/training_memory.h"

namespace llc::train {

namespace {
struct Arguments {
  RunOptions run;
  std::vector<std::string> data, set;
  std::vector<std::pair<std::string, std::string>> keys;  // path and text, as given
  bool quiet = false, json = false, check = false;
};

Error compiledIn(const std::string &name) {
  return diagnose(ErrorKind::invalidInput, name)
      .says("can't be changed here: it is part of the program that was compiled")
      .toFix("compile again with it: llc-model compile-train CONFIG " + name + " ... -o FILE");
}

const TrainerPlan::Key *keyNamed(const TrainerPlan &plan, const std::string &path) {
  for (const TrainerPlan::Key &key : plan.keys)
    if (key.spec.path == path) return &key;
  return nullptr;
}

std::string textOf(const OrderedJson *value) {
  if (!value || value->is_array()) return "";
  return value->is_string() ? value->get<std::string>() : value->dump();
}

// Flags of fixed keys are there to say what to do about them.
void declareKey(CLI::App &app, const TrainerPlan &plan, const TrainerPlan::Key &key, Arguments &arguments) {
  std::string path = key.spec.path;
  if (!key.flagText.empty()) {
    auto *flag = app.add_flag_callback(
        key.flag, [&arguments, path, text = key.flagText] { arguments.keys.emplace_back(path, text); }, key.spec.help);
    if (key.fixed) flag->group("");
    return;
  }
  auto *option = app.add_option_function<std::string>(
      key.flag, [&arguments, path](const std::string &text) { arguments.keys.emplace_back(path, text); },
      key.spec.help);
  std::string now = textOf(plan.config.find(path));
  bool computed = path == "training.total_steps" && !plan.config.given(path);
  if (!now.empty() && !computed) option->default_str(now);
  if (key.fixed) option->group("");
}

void declare(CLI::App &app, const TrainerPlan &plan, Arguments &arguments) {
  app.add_option("--data-path", arguments.data, dataPathHelp)->expected(1)->take_all();
  app.add_option("--output-dir,--output", arguments.run.outputDirectory, outputHelp)->capture_default_str();
  app.add_option("--run-name", arguments.run.runName,
                 fmt::format("That folder (default: {}, {}-2 ...)", plan.verb, plan.verb));
  app.add_option("--resume-from-checkpoint,--resume", arguments.run.resume, resumeHelp)->capture_default_str();
  for (const TrainerPlan::Key &key : plan.keys)
    if (!key.flag.empty()) declareKey(app, plan, key, arguments);
  app.add_option("--set", arguments.set, "KEY=VALUE of another key; info lists them")->expected(1)->take_all();
  app.add_option("-t,--threads", arguments.run.threads, "0: what affinity and CPU quota allow")
      ->capture_default_str()
      ->check(CLI::Range(0, LLC_MAX_THREADS));
  app.add_flag("--json", arguments.run.json, "One JSON object about the result");
  app.add_flag("-q,--quiet", arguments.quiet, "No progress, only results, warnings and errors");
  auto *info = app.add_subcommand("info", "Says what this program trains, what it takes, and what may be changed");
  info->add_flag("--json", arguments.json, "The whole manifest");
  info->add_flag("--check", arguments.check, "Compares all that travels along with its hash first");
}

// ---- what is given, over what was compiled
Status apply(TrainerPlan &plan, const std::string &path, const std::string &name, const std::string &text, bool isFlag,
             OrderedJson &given, OrderedJson &effective) {
  const TrainerPlan::Key *key = keyNamed(plan, path);
  if (!key) {
    std::vector<std::string> names;
    for (const TrainerPlan::Key &known : plan.keys) names.push_back(known.spec.path);
    std::string near = nearestNames(path, names);
    return diagnose(ErrorKind::invalidInput, name)
        .says("no key has this name")
        .toFix(near.empty() ? "see the trainer's info" : "did you mean " + near + "?");
  }
  if (key->fixed) return compiledIn(name);
  LLC_ASSIGN(OrderedJson value, isFlag ? parseFlag(key->spec, text, name) : parseValue(key->spec, text, name));
  keyAt(given, path) = value;
  keyAt(effective, path) = std::move(value);
  return success();
}

Status override(TrainerPlan &plan, const Arguments &arguments) {
  OrderedJson given = plan.config.allGiven(), effective = plan.config.all();
  bool stepsCount = false;
  for (const auto &[path, text] : arguments.keys) {
    std::string flag = keyNamed(plan, path)->flag;
    LLC_TRY(apply(plan, path, flag.substr(0, flag.find(',')), text, /*isFlag=*/true, given, effective));
    stepsCount |= path == "training.total_steps";
  }
  if (stepsCount) keyAt(given, "training.epochs") = nullptr;
  for (const std::string &assignment : arguments.set) {
    size_t equals = assignment.find('=');
    if (equals == assignment.npos || equals == 0)
      return diagnose(ErrorKind::invalidInput, "--set " + assignment)
          .says("expected KEY=VALUE")
          .toFix("write for instance training.decay_share=0.2");
    std::string path = assignment.substr(0, equals);
    LLC_TRY(apply(plan, path, "--set " + path, assignment.substr(equals + 1), /*isFlag=*/false, given, effective));
  }
  if (!arguments.data.empty()) keyAt(given, "data.path") = keyAt(effective, "data.path") = arguments.data;
  plan.config = RunConfig(std::move(given), std::move(effective), plan.config.where());
  return refuseUnavailable(plan.config);
}

// ---- info
void printInfo(const Manifest &m, const TrainerPlan &plan, int64_t threads) {
  const EntrySpec *loss = m.entry("loss");
  fmt::print("trainer     {}: {} of {} ({}), optimizer {}\n", m.name, plan.verb, plan.config.text("training.trainer"),
             m.model, plan.config.text("training.optimizer"));
  if (loss && !loss->inputs.empty() && loss->inputs[0].shape.size() == 2)
    fmt::print("step        micro-batches of {} rows of {} tokens, {} a step\n", loss->inputs[0].shape[0],
               loss->inputs[0].shape[1], plan.config.integer("training.gradient_accumulation_steps"));
  if (movesEarly(m)) fmt::print("            each weight moves as soon as its gradient is complete\n");
  fmt::print("code        levels {}; entries", fmt::join(m.levels, ", "));
  for (const EntrySpec &entry : m.entries) fmt::print(" {}", entry.name);
  fmt::print("\nmemory      with {} threads:\n", threads);
  OrderedJson memory = trainingMemory(m, threads);
  for (const auto &[name, bytes] : memory.items())
    fmt::print("            {:16} {:>10}\n", name, humanBytes(bytes.get<uint64_t>()));
  for (bool fixed : {true, false}) {
    fmt::print("{}",
               fixed ? "compiled in, compile again to change:\n" : "may be changed, with a flag or --set KEY=VALUE:\n");
    for (const TrainerPlan::Key &key : plan.keys)
      if (const OrderedJson *value = plan.config.find(key.spec.path); key.fixed == fixed && (value || !fixed))
        fmt::print("  {:36} {}\n", key.spec.path, value ? value->dump() : "-");
  }
  for (auto &[name, version] : m.versions) fmt::print("made with   {} {}\n", name, version);
}

Status info(const Artifact &artifact, const TrainerPlan &plan, const Arguments &arguments) {
  if (arguments.check) LLC_TRY(artifact.verify());
  if (arguments.json)
    fmt::print("{}", toJson(artifact.manifest));
  else
    printInfo(artifact.manifest, plan, threadLimits().threads);
  return success();
}

Status execute(const CLI::App &app, const Artifact &artifact, const llc_module *modules, TrainerPlan &plan,
               const Arguments &arguments) {
  if (app.got_subcommand("info")) return info(artifact, plan, arguments);
  LLC_TRY(override(plan, arguments));
  Progress progress(arguments.quiet);
  TrainerHost host(artifact, modules, plan, arguments.run.threads);
  LLC_ASSIGN(RunStart start, host.start());
  return runTraining(host, plan.config, plan.trainer, std::move(start), arguments.run, progress);
}

int trainerMain(int argc, char **argv, const llc_module *modules) {
  auto artifact = openArtifact("/proc/self/exe");
  if (artifact) artifact->path = argv[0];
  auto plan = artifact ? planOf(*artifact) : Result<TrainerPlan>(artifact.error());
  if (!plan) {
    plan.error().where = argv[0];
    return report(plan.error());
  }
  Arguments arguments;
  arguments.run.verb = plan->verb;
  if (plan->config.find("checkpoint.dir")) arguments.run.outputDirectory = plan->config.text("checkpoint.dir");
  CLI::App app(fmt::format("{}: a {} compiled to one program that trains it, by llc-model", artifact->manifest.name,
                           artifact->manifest.model));
  declare(app, *plan, arguments);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError &error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // --help
    return report(usageError(app, error));
  }
  Status status = execute(app, *artifact, modules, *plan, arguments);
  if (status) status = finishOutput();
  return status ? 0 : report(status.error());
}
}  // namespace

}  // namespace llc::train

extern "C" int llc_trainer_main(int argc, char **argv, const llc_module *modules) {
  return llc::reportingExceptions([&] { return llc::train::trainerMain(argc, argv, modules); },
                                  "use fewer threads, close other programs, or compile for smaller batches",
                                  "report this, with the command that you gave");
}
