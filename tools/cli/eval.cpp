// eval: how well a model predicts a text of any length, or fills in what is hidden of it.
#include <algorithm>

#include "runtime/eval/perplexity.h"
#include "runtime/serve/options.h"
#include "tools/cli/eval_documents.h"
#include "tools/cli/eval_hidden.h"
#include "tools/cli/open.h"

namespace llc::cli {

namespace {
struct EvalFlags {
  OpenOptions open;
  CorpusFlags texts;
  int64_t stride = 0, limit = 0;
  double share = 0;
  uint64_t seed = 0;
  bool json = false;
};

void declareEval(CLI::App &app, EvalFlags &o) {
  addOpenFlags(app, o.open);
  app.add_option("--perplexity", o.texts.inputs, "Text, JSONL or CSV (also .gz, .zst), or a prepared dataset (.bin)")
      ->required()
      ->expected(1)
      ->take_all();
  app.add_option("--stride", o.stride,
                 "Tokens from window to window; each token is scored once, in the first window that reaches it. 0: "
                 "half of a window, which has --context tokens (default: as many as the model was made for)")
      ->capture_default_str()
      ->check(wholeNumber());
  app.add_option("--document-separator", o.texts.separator,
                 "What ends a document in text files: file, line, blank, or a line of this text")
      ->default_val("file");
  app.add_option("--field", o.texts.fields, "JSONL and CSV: fields whose text counts: a,b")->delimiter(',');
  app.add_option("--limit", o.limit, "At most so many documents; 0: all")->capture_default_str()->check(wholeNumber());
  app.add_option("--mlm-probability", o.share,
                 "Bidirectional models: hides this share of the tokens at once, as training does, by --seed; 0: each "
                 "token alone, for the pseudo-perplexity")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 1.0));
  app.add_option("--seed", o.seed, "What --mlm-probability hides")->capture_default_str()->check(wholeNumber());
  app.add_flag("--json", o.json, "One JSON object instead of a line");
}

// What a model that fills in has no use for; nothing of it is dropped in silence.
Status evalHidden(const CLI::App &app, const ModelPlace &place, const EvalFlags &o, Progress &progress) {
  for (const char *flag : {"--stride", "--cache-dtype", "--deterministic", "--preload", "--code-cache",
                           "--weight-cache", "--tuning-cache"})
    if (app.count(flag))
      return diagnose(ErrorKind::invalidInput, flag)
          .says("is for models that generate, and " + o.open.model + " fills in what is hidden")
          .toFix("leave it out");
  return evaluateHidden(place,
                        {.dtype = o.open.dtype,
                         .activations = o.open.activations,
                         .adapters = o.open.adapters,
                         .texts = o.texts,
                         .context = o.open.session.context,
                         .limit = o.limit,
                         .threads = o.open.session.threads,
                         .share = o.share,
                         .seed = o.seed,
                         .json = o.json},
                        progress);
}

struct Tally {
  PerplexityResult result;
  int64_t documents = 0;
  std::optional<uint64_t> bytes = 0;  // of the texts; unknown for datasets
};

class Evaluation {
 public:
  Evaluation(OpenedModel &opened, const EvalFlags &options, int64_t context, Progress &progress)
      : opened_(opened), options_(options), context_(context), progress_(progress) {}

  Status all(Tally &tally) {
    if (std::ranges::any_of(options_.texts.inputs, isDataset)) tally.bytes.reset();
    EvalDocuments documents{.texts = options_.texts,
                            .tokenizer = opened_.tokenizer.get(),
                            .vocabulary = opened_.session->limits().vocabulary,
                            .limit = options_.limit};
    LLC_TRY(forEachDocument(documents, progress_, [&](std::span<const int32_t> ids, uint64_t bytes) {
      if (tally.bytes) *tally.bytes += bytes;
      return document(ids, tally);
    }));
    if (tally.result.tokens) return success();
    return diagnose(ErrorKind::invalidInput, "--perplexity")
        .says("nothing could be scored: the first token of a text is predicted by none")
        .toFix("give texts of at least two tokens");
  }

 private:
  Status document(std::span<const int32_t> ids, Tally &tally) {
    ++tally.documents;
    progress_.step(fmt::format("document {}", tally.documents), int64_t(ids.size()));
    PerplexityOptions windows{context_, options_.stride};
    int64_t shown = 0;
    return addPerplexity(*opened_.session, ids, windows, tally.result, [&](int64_t scored) {
      for (; shown < scored; ++shown) progress_.advance();
    });
  }
  OpenedModel &opened_;
  const EvalFlags &options_;
  const int64_t context_;
  Progress &progress_;
};

void print(const Tally &tally, const EvalFlags &o, int64_t context, double seconds) {
  const PerplexityResult &result = tally.result;
  std::optional<double> bitsPerByte;
  if (tally.bytes && *tally.bytes) bitsPerByte = -result.sum / std::log(2.0) / double(*tally.bytes);
  nlohmann::json json = {{"perplexity", result.perplexity()},
                         {"avg_loss", result.meanLoss()},
                         {"total_tokens_evaluated", result.tokens},
                         {"unscored_tokens", result.unscored},
                         {"documents", tally.documents},
                         {"windows", result.windows},
                         {"context", context},
                         {"stride", o.stride ? o.stride : std::max<int64_t>(1, context / 2)},
                         {"bits_per_byte", bitsPerByte ? nlohmann::json(*bitsPerByte) : nlohmann::json()},
                         {"seconds", seconds},
                         {"tokens_per_second", double(result.tokens) / seconds}};
  if (o.json) return fmt::print("{}\n", json.dump());
  fmt::print(
      "perplexity {:.4f}, loss {:.4f} nats a token{}; {} tokens in {} documents, {} windows of {} tokens, {:.0f} "
      "tok/s\n",
      result.perplexity(), result.meanLoss(), bitsPerByte ? fmt::format(", {:.4f} bits a byte", *bitsPerByte) : "",
      result.tokens, tally.documents, result.windows, context, double(result.tokens) / seconds);
}

// Rotations allow longer windows than the model was made for, and it is worse in them than it is.
int64_t windowOf(const CLI::App &app, const OpenedModel &opened) {
  int64_t most = opened.session->limits().maxContext, made = opened.program->manifest().trainedLength;
  return made > 0 && !app.count("--context") ? std::min(made, most) : most;
}

Status runEval(Context &context, CLI::App &app, EvalFlags &o) {
  LLC_ASSIGN(ModelPlace place, findModel(o.open.model));
  Progress progress(context.quiet);
  LLC_ASSIGN(bool fillsIn, isBidirectional(place));
  if (fillsIn) return evalHidden(app, place, o, progress);
  for (const char *flag : {"--mlm-probability", "--seed"})
    if (app.count(flag))
      return diagnose(ErrorKind::invalidInput, flag)
          .says("is for models that fill in hidden tokens, and " + o.open.model + " generates")
          .toFix("leave it out");
  LLC_ASSIGN(OpenedModel opened, openModel(place, o.open, progress));
  auto start = std::chrono::steady_clock::now();
  Tally tally;
  int64_t window = windowOf(app, opened);
  LLC_TRY(Evaluation(opened, o, window, progress).all(tally));
  progress.finish();
  if (!app.count("--document-separator") && tally.bytes && tally.result.windows > tally.documents)
    progress.note(
        "note: a text file counts as one text; data prepare and training read each line as one: "
        "--document-separator line");
  print(tally, o, window, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  return success();
}
}  // namespace

void addEval(Context &context) {
  addCommand<EvalFlags>(
      context, "eval", "Perplexity of texts of any length; of a bidirectional model its pseudo-perplexity and accuracy",
      declareEval, runEval);
}

}  // namespace llc::cli
