// bench: speed, and what share of the machine that is.
#include "tools/cli/bench.h"

#include "tools/cli/open.h"

namespace llc::cli {

namespace {
struct BenchFlags {
  OpenOptions open;
  BenchOptions bench;
  bool json = false;
};

void declareBench(CLI::App &app, BenchFlags &options) {
  addOpenFlags(app, options.open);
  addBenchFlags(app, options.bench);
  app.add_flag("--json", options.json, "One JSON object instead of lines for people");
}

Status runBench(Context &context, CLI::App &app, BenchFlags &options) {
  LLC_ASSIGN(ModelPlace place, findModel(options.open.model));
  Progress progress(context.quiet);
  options.open.session.sequences = options.bench.sequences;
  LLC_ASSIGN(OpenedModel opened, openModel(place, options.open, progress));
  fitLengths(app, opened.session->limits().maxContext, options.bench);
  options.bench.compileSeconds = opened.compileSeconds;
  options.bench.startSeconds = context.secondsSinceStart();
  progress.step("measuring");
  return benchCommand(*opened.session, options.bench, options.json);
}
}  // namespace

void fitLengths(const CLI::App &app, int64_t context, BenchOptions &bench) {
  if (app.count("--gen-tokens") == 0) bench.genTokens = std::min(bench.genTokens, std::max<int64_t>(1, context / 4));
  if (app.count("--prompt-tokens") == 0) bench.promptTokens = std::clamp<int64_t>(context - bench.genTokens, 1, bench.promptTokens);
}

void addBench(Context &context) {
  CLI::App *bench = addCommand<BenchFlags>(context, "bench", "Measures speed, and what the machine could give",
                                           declareBench, runBench);
  addBenchTrain(context, *bench);
}

}  // namespace llc::cli
