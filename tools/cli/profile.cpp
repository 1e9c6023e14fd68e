// profile: where the time goes, by kernel and by place of the model.
#include "runtime/serve/profile.h"

#include "runtime/base/output_file.h"
#include "tools/cli/bench.h"
#include "tools/cli/open.h"
#include "tools/cli/profile_page.h"

namespace llc::cli {

namespace {
struct ProfileFlags {
  OpenOptions open;
  BenchOptions bench;
  std::string trace, html;
  bool json = false, all = false;
};

void declareProfile(CLI::App &app, ProfileFlags &options) {
  addOpenFlags(app, options.open);
  app.get_option("MODEL")->description("Directory or name of a built-in model");
  // Artifacts hold no profiling code, and code for profiling is not kept.
  for (const char *flag : {"--preload", "--code-cache"}) app.remove_option(app.get_option(flag));
  addBenchFlags(app, options.bench);
  app.remove_option(app.get_option("--sequences"));
  app.get_option("--repeats")->description("Prompts measured, with the tokens after them; all count");
  app.add_flag("--all", options.all, "Every row of the tables, also those below half a percent")->group("Output");
  app.add_flag("--json", options.json, "One JSON object instead of tables")->group("Output")->excludes("--all");
  app.add_option("--trace", options.trace,
                 "File for a trace of the last repeat: ui.perfetto.dev and chrome://tracing open it")
      ->group("Output");
  app.add_option("--html", options.html, "File for a page with a flame graph and a roofline plot")->group("Output");
}

using Output = std::optional<OutputFile>;
// Made before anything is measured: a path that can't be written is known at once.
Result<Output> outputAt(const std::string &path) {
  if (path.empty()) return Output();
  LLC_ASSIGN(OutputFile file, OutputFile::create(path));
  return Output(std::move(file));
}
Status writeAll(OutputFile &file, const std::string &text) {
  LLC_TRY(file.write(text));
  return file.commit();
}

Status runProfile(Context &context, CLI::App &app, ProfileFlags &options) {
  LLC_ASSIGN(ModelPlace place, findModelDirectory(options.open.model, "profiling"));
  if (!options.html.empty() && options.html == options.trace)
    return diagnose(ErrorKind::invalidInput, "--html").says("is the file of --trace as well").toFix("name two files");
  LLC_ASSIGN(Output trace, outputAt(options.trace));
  LLC_ASSIGN(Output html, outputAt(options.html));
  Progress progress(context.quiet);
  options.open.profile = true;
  LLC_ASSIGN(OpenedModel opened, openModel(place, options.open, progress));
  fitLengths(app, opened.session->limits().maxContext, options.bench);
  progress.step("measuring");
  LLC_ASSIGN(Profile profile, llc::profile(*opened.session, std::move(opened.stages), options.bench));
  progress.finish();
  if (trace) {
    LLC_TRY(writeAll(*trace, chromeTrace(profile)));
    if (profile.droppedEvents)
      fmt::print(stderr, "warning: {}: the last {} events are left out; to fix: ask for fewer tokens\n", options.trace,
                 profile.droppedEvents);
  }
  nlohmann::json json = toJson(profile);
  if (html) LLC_TRY(writeAll(*html, profilePage(json)));
  std::string text = options.json ? json.dump() + "\n" : describe(profile, options.all);
  std::fwrite(text.data(), 1, text.size(), stdout);
  return success();
}
}  // namespace

void addProfile(Context &context) {
  addCommand<ProfileFlags>(context, "profile", "Shows where the time goes: by kernel, by place of the model, by thread",
                           declareProfile, runProfile);
}

}  // namespace llc::cli
