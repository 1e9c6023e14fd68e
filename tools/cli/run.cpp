// run and generate: text from a model, streamed for people or as one JSON object for programs.
#include "runtime/serve/options.h"
#include "tools/cli/open.h"
#include "tools/cli/run_prompts.h"

namespace llc::cli {

namespace {
struct RunFlags {
  OpenOptions open;
  RunOptions run;
  std::string prompts;
};

constexpr const char *samplingFlags[] = {"--temp", "--top-k", "--top-p", "--min-p", "--repeat-penalty"};

void declareGenerate(CLI::App &app, RunFlags &options) {
  addOpenFlags(app, options.open);
  addRunFlags(app, options.run);
  app.add_option(
         "--prompts", options.prompts,
         "File (-: standard input) of JSON objects, one a line: prompt or ids, and adapters, which of --adapter "
         "to use: a name, a list of names, or shares by name")
      ->excludes("--prompt")
      ->excludes("--ids");
  for (const char *flag : samplingFlags) app.get_option(flag)->default_str("as the model suggests");
}

void declareRun(CLI::App &app, RunFlags &options) {
  declareGenerate(app, options);
  addChatFlags(app, options.run.chat);
  app.get_option("--chat")->excludes("--prompts");
}

// Flags that were given win over what the model's makers suggest.
void applyDefaults(const CLI::App &app, const Manifest &manifest, GenerateOptions &given) {
  GenerateOptions suggested = generateOptions(manifest.generation);
  SamplingOptions &to = given.sampling;
  const SamplingOptions &from = suggested.sampling;
  auto missing = [&](const char *flag) { return app.get_option(flag)->count() == 0; };
  if (missing("--temp")) to.temperature = from.temperature;
  if (missing("--top-k")) to.topK = from.topK;
  if (missing("--top-p")) to.topP = from.topP;
  if (missing("--min-p")) to.minP = from.minP;
  if (missing("--repeat-penalty")) to.repeatPenalty = from.repeatPenalty;
  given.eos = suggested.eos;
}

Status runRun(Context &context, CLI::App &app, RunFlags &options) {
  LLC_ASSIGN(ModelPlace place, findModel(options.open.model));
  Progress progress(context.quiet);
  std::vector<PromptRecord> prompts;
  if (!options.prompts.empty()) {
    LLC_ASSIGN(prompts, readPrompts(options.prompts));
    options.open.adapterSharesAtRunTime = chooseAdapters(prompts);
  } else {
    LLC_TRY(checkInput(options.run));
  }
  LLC_ASSIGN(OpenedModel opened, openModel(place, options.open, progress));
  applyDefaults(app, opened.program->manifest(), options.run.generate);
  if (!prompts.empty()) return runPrompts(opened, prompts, options.open.adapters, options.run);
  std::map<std::string, std::string> files;
  if (options.run.chat.on && opened.tokenizer) {
    files = filesOf(*opened.program);
    if (place.kind == ModelKind::directory) {
      LLC_ASSIGN(files, Tokenizer::readFiles(place.path));
    }
  }
  return runCommand(*opened.session, opened.tokenizer.get(), options.run, files);
}
}  // namespace

void addRun(Context &context) {
  addCommand<RunFlags>(context, "run", "Generates text, as a stream", declareRun, runRun);
}

void addGenerate(Context &context) {
  addCommand<RunFlags>(context, "generate", "Generates text or ids for programs: the new tokens only", declareGenerate,
                       runRun);
}

}  // namespace llc::cli
