// score: how likely a model finds a given text, token by token.
#include "runtime/serve/options.h"
#include "tools/cli/open.h"

namespace llc::cli {

namespace {
struct ScoreFlags {
  OpenOptions open;
  ScoreOptions score;
};

void declareScore(CLI::App &app, ScoreFlags &options) {
  addOpenFlags(app, options.open);
  addScoreFlags(app, options.score);
}

Status runScore(Context &context, CLI::App &, ScoreFlags &options) {
  LLC_ASSIGN(ModelPlace place, findModel(options.open.model));
  Progress progress(context.quiet);
  LLC_ASSIGN(OpenedModel opened, openModel(place, options.open, progress));
  return scoreCommand(*opened.session, opened.tokenizer.get(), options.score);
}
}  // namespace

void addScore(Context &context) {
  addCommand<ScoreFlags>(context, "score", "Log-probabilities and perplexity of a given text", declareScore, runScore);
}

}  // namespace llc::cli
