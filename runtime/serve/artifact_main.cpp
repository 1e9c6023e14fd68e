// The command line of a compiled executable: its generated main calls llc_artifact_main.
#include "runtime/base/clock.h"
#include "runtime/serve/classify.h"
#include "runtime/serve/commands.h"
#include "runtime/serve/options.h"
#include "runtime/serve/usage_error.h"

namespace llc {

namespace {

struct Arguments {
  SessionOptions session;
  LoadOptions load;
  RunOptions run;
  ScoreOptions score;
  ClassifyOptions classify;
  BenchOptions bench;
  bool json = false, check = false;
};

// What the subcommands need to begin: the program with its weights, a session, and the tokenizer if there is one.
struct Loaded {
  std::shared_ptr<const Program> program;
  std::unique_ptr<Session> session;
  std::unique_ptr<Tokenizer> tokenizer;
};

Result<Loaded> load(const llc_module *modules, const Arguments &arguments) {
  Loaded loaded;
  LLC_ASSIGN(Program program, Program::self(modules, arguments.load));
  loaded.program = std::make_shared<Program>(std::move(program));
  LLC_ASSIGN(loaded.session, Session::create(loaded.program, arguments.session));
  if (loaded.program->manifest().files.empty()) return loaded;
  LLC_ASSIGN(loaded.tokenizer, tokenizerOf(*loaded.program));
  return loaded;
}

void addCommand(CLI::App *command, Arguments &arguments) {
  addSessionFlags(*command, arguments.session);
  command->add_flag("--preload", arguments.load.preload,
                    "Copies the weights into huge pages at start: faster steps, slower start");
}

void declare(CLI::App &app, Arguments &arguments) {
  app.require_subcommand(1);
  auto *run = app.add_subcommand("run", "Generates text");
  addRunFlags(*run, arguments.run);
  addChatFlags(*run, arguments.run.chat);
  addCommand(run, arguments);
  auto *score = app.add_subcommand("score", "Log-probabilities and perplexity of a given text");
  addScoreFlags(*score, arguments.score);
  addCommand(score, arguments);
  auto *classify = app.add_subcommand("classify", "Scores of a text by a classification or reward model");
  addClassifyFlags(*classify, arguments.classify, /*required=*/true);
  addCommand(classify, arguments);
  auto *bench = app.add_subcommand("bench", "Measures speed, and what the machine could give");
  addBenchFlags(*bench, arguments.bench);
  bench->add_flag("--json", arguments.json, "One JSON object instead of lines for people");
  addCommand(bench, arguments);
  auto *info = app.add_subcommand("info", "Says what this program is");
  info->add_flag("--json", arguments.json, "The whole manifest");
  info->add_flag("--check", arguments.check, "Reads all weights and compares them with their hash first");
}

Status execute(const CLI::App &app, const llc_module *modules, Arguments &arguments, Clock::time_point begin) {
  if (app.got_subcommand("info")) {
    LLC_ASSIGN(Artifact artifact, openArtifact("/proc/self/exe"));
    if (arguments.check) LLC_TRY(artifact.verify());
    infoCommand(artifact.manifest, arguments.json);
    return success();
  }
  if (app.got_subcommand("run")) LLC_TRY(checkInput(arguments.run));
  arguments.session.sequences = arguments.bench.sequences;  // 1 unless `bench` was asked for more
  LLC_ASSIGN(Loaded loaded, load(modules, arguments));
  if (arguments.run.stats || app.got_subcommand("bench"))
    fmt::print(stderr, "{}\n",
               threadsAndReason(loaded.program->manifest(), arguments.session.threads, loaded.session->threads()));
  if (app.got_subcommand("run")) {
    std::map<std::string, std::string> files;
    if (arguments.run.chat.on) files = filesOf(*loaded.program);
    return runCommand(*loaded.session, loaded.tokenizer.get(), arguments.run, files);
  }
  if (app.got_subcommand("classify"))
    return classifyCommand(*loaded.session, loaded.tokenizer.get(), arguments.classify, filesOf(*loaded.program));
  if (app.got_subcommand("score")) return scoreCommand(*loaded.session, loaded.tokenizer.get(), arguments.score);
  arguments.bench.startSeconds = secondsSince(begin);
  return benchCommand(*loaded.session, arguments.bench, arguments.json);
}

int artifactMain(int argc, char **argv, const llc_module *modules) {
  auto begin = Clock::now();
  auto artifact = openArtifact("/proc/self/exe");
  if (!artifact) {
    artifact.error().where = argv[0];
    return report(artifact.error());
  }
  Arguments arguments;
  arguments.run.generate = generateOptions(artifact->manifest.generation);
  CLI::App app(fmt::format("{}: a {} model compiled to one program by llc-model", artifact->manifest.name,
                           artifact->manifest.model));
  declare(app, arguments);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError &error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // --help
    return report(usageError(app, error));
  }
  Status status = execute(app, modules, arguments, begin);
  if (status) status = finishOutput();
  return status ? 0 : report(status.error());
}
}  // namespace

}  // namespace llc

extern "C" int llc_artifact_main(int argc, char **argv, const llc_module *modules) {
  return llc::reportingExceptions([&] { return llc::artifactMain(argc, argv, modules); },
                                  "lower --context or close other programs",
                                  "report this, with the command that you gave");
}
