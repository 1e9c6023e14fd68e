// llc-model: the one program for users.
#include <algorithm>
#include <cstring>
#include <iostream>
#include <new>

#include "runtime/serve/commands.h"
#include "runtime/serve/usage_error.h"
#include "tools/cli/command.h"

namespace llc::cli {
namespace {

void declare(Context &context) {
  CLI::App &app = context.app;
  app.require_subcommand(0, 1);
  app.get_formatter()->column_width(34);
  auto *version =
      app.add_flag("--version")->description("Prints the version; with --json also the libraries that are linked in");
  app.add_flag("--json")->description("With --version: one JSON object")->needs(version);
  app.footer(
      "MODEL is a Hugging Face directory, a compiled artifact, or the name of a built-in model.\n"
      "More about a command: llc-model COMMAND --help");
  for (auto add :
       {addRun,          addGenerate, addScore,    addEval,       addCreateConfig, addPretrain, addTrain,   addFinetune,
        addLoraFinetune, addMerge,    addTrainers, addCompile,    addCompileTrain, addBench,    addProfile, addTokenize,
        addTokenizer,    addData,     addLogits,   addClassify,   addFillMask,     addGrad,     addInspect, addVerify,
        addTune,         addCache,    addDoctor,   addCompletion, addManual})
    add(context);
}

// An option of this name ("--top-k", "-n") in any command; null: there is none.
const CLI::Option *findOption(const CLI::App &app, std::string_view name) {
  for (const CLI::Option *option : app.get_options()) {
    for (const std::string &known : option->get_lnames())
      if (name == "--" + known) return option;
    for (const std::string &known : option->get_snames())
      if (name == "-" + known) return option;
  }
  for (const CLI::App *command : app.get_subcommands(nullptr))
    if (const CLI::Option *found = findOption(*command, name)) return found;
  return nullptr;
}

// --num_workers means --num-workers, unless it is the value of the option before it.
void replaceUnderscores(const CLI::App &app, int argc, char **argv) {
  for (int i = 1; i < argc && std::string_view(argv[i]) != "--"; ++i) {
    std::string name(argv[i], std::strcspn(argv[i], "="));
    if (!name.starts_with("--") || name.find('_') == std::string::npos) continue;
    const CLI::Option *before = findOption(app, argv[i - 1]);
    std::replace(name.begin(), name.end(), '_', '-');
    bool isValue = before && before->get_type_size() != 0;
    if (!isValue && findOption(app, name)) std::copy(name.begin(), name.end(), argv[i]);
  }
}

int run(int argc, char **argv) {
  Context context;
  declare(context);
  replaceUnderscores(context.app, argc, argv);
  try {
    context.app.parse(argc, argv);
  } catch (const CLI::ParseError &error) {
    if (error.get_exit_code() == 0) return context.app.exit(error);  // --help
    return report(usageError(context.app, error));
  }
  if (context.app.count("--version")) {
    std::cout << versionText(context.app.count("--json") > 0) << std::flush;
    return 0;
  }
  if (!context.action) {
    std::cerr << context.app.help() << std::flush;
    return 2;
  }
  Status status = context.action();
  if (status) status = finishOutput();
  return status ? 0 : report(status.error());
}

}  // namespace
}  // namespace llc::cli

int main(int argc, char **argv) {
  return llc::reportingExceptions([&] { return llc::cli::run(argc, argv); },
                                  "lower --max-context, choose a smaller --dtype, or close other programs",
                                  "report this, with the command that you gave and the output of llc-model doctor");
}
