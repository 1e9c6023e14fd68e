// score: how likely a model finds a given text, token by token.
#include "runtime/serve/options.h"
#include "tools/cli/open.h"

namespace llc::cli {

namespace {
struct Options {
  OpenOptions open;
  ScoreOptions score;
};

void declare(CLI::App &app, Options &options) {
  addOpenFlags(app, options.open);
  addScoreFlags(app, options.score);
}

Status run(Context &context, CLI::App &, Options &options) {
  LLC_ASSIGN(ModelPlace place, findModel(options.open.model));
  Progress progress(context.quiet);
  LLC_ASSIGN(OpenedModel opened, openModel(place, options.open, progress));
  return scoreCommand(*opened.session, opened.tokenizer.get(), options.score);
}
}  // namespace

void addScore(Context &context) {
  addCommand<Options>(context, "score", "Log-probabilities and perplexity of a given text", declare, run);
}

}  // namespace llc::cli
