// The commands of llc-model. Each lives in a file of its own name and adds itself to the parser; main() runs the one
// that was chosen. Results go to stdout, everything else (progress, warnings, errors) to stderr.
#pragma once
#include <CLI/CLI.hpp>
#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "runtime/base/status.h"

namespace llc::cli {

struct Context {
  CLI::App app{"llc-model compiles language models to native code, and runs them", "llc-model"};
  std::chrono::steady_clock::time_point start = std::chrono::steady_clock::now();
  bool quiet = false;
  std::function<Status()> action;  // what the chosen command does, set when its arguments have been parsed

  double secondsSinceStart() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }
};

// In the order of --help.
void addRun(Context &context);
void addGenerate(Context &context);
void addScore(Context &context);
void addEval(Context &context);
void addCreateConfig(Context &context);
void addPretrain(Context &context);
void addTrain(Context &context);
void addFinetune(Context &context);
void addLoraFinetune(Context &context);
void addMerge(Context &context);
void addTrainers(Context &context);
void addCompile(Context &context);
void addCompileTrain(Context &context);
void addBench(Context &context);
void addProfile(Context &context);
void addTokenize(Context &context);
void addLogits(Context &context);
void addClassify(Context &context);
void addFillMask(Context &context);
void addGrad(Context &context);
void addInspect(Context &context);
void addVerify(Context &context);
void addTune(Context &context);
void addCache(Context &context);
void addDoctor(Context &context);
// Commands of commands: `llc-model data prepare`.
void addTokenizer(Context &context);
void addData(Context &context);
// Hidden: for packagers.
void addCompletion(Context &context);
void addManual(Context &context);

// A command that only holds others.
inline CLI::App &addGroup(Context &context, const std::string &name, const std::string &description) {
  CLI::App *group = context.app.add_subcommand(name, description);
  group->require_subcommand(1);
  return *group;
}

// Adds a command to `parent` whose action is `action(options)`; `declare` adds its flags to the parser, bound to the
// options.
template <class Options>
CLI::App *addCommand(Context &context, CLI::App &parent, const std::string &name, const std::string &description,
                     const std::function<void(CLI::App &, Options &)> &declare,
                     const std::function<Status(Context &, CLI::App &, Options &)> &action) {
  auto options = std::make_shared<Options>();
  CLI::App *command = parent.add_subcommand(name, description);
  declare(*command, *options);
  command->add_flag("-q,--quiet", context.quiet, "No progress, only results, warnings and errors");
  command->callback([&context, command, options, action] {
    if (!command->get_subcommands().empty()) return;  // that one acts
    context.action = [&context, command, options, action] { return action(context, *command, *options); };
  });
  return command;
}
template <class Options>
CLI::App *addCommand(Context &context, const std::string &name, const std::string &description,
                     const std::function<void(CLI::App &, Options &)> &declare,
                     const std::function<Status(Context &, CLI::App &, Options &)> &action) {
  return addCommand<Options>(context, context.app, name, description, declare, action);
}

// What --version prints: name and version, or with `json` also the versions and licences of everything that is linked
// in.
std::string versionText(bool json);

}  // namespace llc::cli
