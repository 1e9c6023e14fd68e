#include "tools/cli/eval_hidden.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "compiler/pipelines/pipeline.h"
#include "frontends/dsl/sugar.h"
#include "models/objectives/sequences.h"
#include "runtime/base/clock.h"
#include "runtime/data/stream.h"
#include "runtime/train/masking.h"
#include "tools/cli/eval_documents.h"
#include "tools/cli/forward_program.h"

namespace llc::cli {

namespace {
constexpr int64_t rowsTogether = 16;

// Of each token [N], one after the other: the loss, and whether the label is the first choice; 0 without a label.
dsl::Tensor lossesAndHits(const dsl::LossInput &in) {
  models::HiddenTokens tokens = models::hiddenTokens(in);
  return dsl::concat({tokens.losses, tokens.hits}, 0);
}

// Texts as rows of tokens with the special ones around them.
struct HiddenRows {
  std::vector<std::vector<int32_t>> rows;
  int64_t documents = 0;

  // What stands around a text stands around each of its rows, of at most `context` tokens.
  void add(std::span<const int32_t> ids, const Tokenizer &tokenizer, int64_t context) {
    ++documents;
    bool opens = !ids.empty() && tokenizer.isSpecial(ids.front());
    bool closes = ids.size() > 1 && tokenizer.isSpecial(ids.back());
    auto body = ids.subspan(opens, ids.size() - size_t(opens) - size_t(closes));
    auto room = size_t(std::max<int64_t>(1, context - int64_t(opens) - int64_t(closes)));
    for (size_t first = 0; first < body.size(); first += room) {
      auto part = body.subspan(first, std::min(room, body.size() - first));
      std::vector<int32_t> row;
      if (opens) row.push_back(ids.front());
      row.insert(row.end(), part.begin(), part.end());
      if (closes) row.push_back(ids.back());
      rows.push_back(std::move(row));
    }
  }
};

struct HiddenTally {
  double loss = 0, hits = 0;
  int64_t tokens = 0;
};

class HiddenEvaluation {
 public:
  HiddenEvaluation(data::Masking masking, size_t width) : masking_(std::move(masking)) {
    batch_.rows = rowsTogether, batch_.width = int64_t(width);
    clear();
  }
  const TrainingBatch &shape() const { return batch_; }

  void all(ForwardProgram &program, const std::vector<std::vector<int32_t>> &rows, HiddenTally &tally,
           Progress &progress) {
    progress.step("filling in", int64_t(rows.size()));
    for (size_t i = 0; i < rows.size(); ++i, progress.advance())
      masking_.probability > 0 ? hideSome(program, rows[i], i, tally) : hideEach(program, rows[i], tally);
    flush(program, tally);
  }

 private:
  void clear() {
    size_t size = size_t(batch_.rows * batch_.width);
    batch_.ids.assign(size, 0), batch_.mask.assign(size, 0), batch_.labels.assign(size, ignoredLabel);
    filled_ = 0, targets_ = 0;
  }
  // Places of the next row; the batch is computed when it is full.
  size_t nextRow(ForwardProgram &program, const std::vector<int32_t> &row, HiddenTally &tally) {
    if (filled_ == batch_.rows) flush(program, tally);
    auto first = size_t(filled_++ * batch_.width);
    std::ranges::copy(row, batch_.ids.begin() + std::ptrdiff_t(first));
    std::fill_n(batch_.mask.begin() + std::ptrdiff_t(first), row.size(), 1);
    return first;
  }
  void hideEach(ForwardProgram &program, const std::vector<int32_t> &row, HiddenTally &tally) {
    for (size_t place = 0; place < row.size(); ++place) {
      if (size_t(row[place]) < masking_.special.size() && masking_.special[size_t(row[place])]) continue;
      size_t first = nextRow(program, row, tally);
      batch_.labels[first + place] = row[place];
      batch_.ids[first + place] = masking_.mask;
      ++targets_;
    }
  }
  void hideSome(ForwardProgram &program, const std::vector<int32_t> &row, size_t number, HiddenTally &tally) {
    data::Batch hidden;
    hidden.ids = row;
    hidden.labels.assign(row.size(), ignoredLabel), hidden.segments.assign(row.size(), 1);
    masking_.hide(number, hidden);
    size_t first = nextRow(program, hidden.ids, tally);
    std::ranges::copy(hidden.labels, batch_.labels.begin() + std::ptrdiff_t(first));
    targets_ += hidden.targets;
  }
  void flush(ForwardProgram &program, HiddenTally &tally) {
    if (targets_) {
      std::vector<float> results = program.run(batch_);
      size_t tokens = results.size() / 2;
      for (size_t i = 0; i < tokens; ++i) tally.loss += double(results[i]), tally.hits += double(results[tokens + i]);
      tally.tokens += targets_;
    }
    clear();
  }

  data::Masking masking_;
  TrainingBatch batch_;
  int64_t filled_ = 0, targets_ = 0;  // rows and labels of the batch
};

void print(const HiddenTally &tally, const HiddenEvalOptions &o, int64_t documents, size_t rows, size_t width,
           double seconds) {
  double loss = tally.loss / double(tally.tokens), accuracy = tally.hits / double(tally.tokens);
  nlohmann::ordered_json json = {{o.share > 0 ? "perplexity_of_hidden" : "pseudo_perplexity", std::exp(loss)},
                                 {"avg_loss", loss},
                                 {"accuracy", accuracy},
                                 {"total_tokens_evaluated", tally.tokens},
                                 {"documents", documents},
                                 {"rows", rows},
                                 {"context", width},
                                 {"seconds", seconds},
                                 {"tokens_per_second", double(tally.tokens) / seconds}};
  if (o.json) return fmt::print("{}\n", json.dump());
  fmt::print("{} {:.4f}, loss {:.4f} nats a token, accuracy {:.4f}; {} tokens of {} documents, {:.0f} tok/s\n",
             o.share > 0 ? "perplexity of hidden tokens" : "pseudo-perplexity", std::exp(loss), loss, accuracy,
             tally.tokens, documents, double(tally.tokens) / seconds);
}

Result<data::Masking> maskingOf(const HiddenEvalOptions &options, const Tokenizer &tokenizer) {
  train::MaskingShares shares;
  shares.probability = options.share;
  return train::maskingFor(shares, tokenizer, options.seed);
}
}  // namespace

Status evaluateHidden(const ModelPlace &place, const HiddenEvalOptions &options, Progress &progress) {
  LLC_ASSIGN(TracedModel traced, openDirectory(place, options.dtype, progress, options.adapters));
  const dsl::Model &model = traced.source->model;
  LLC_ASSIGN(auto tokenizer, tokenizerIn(place.path, model.vocabulary));
  if (!tokenizer)
    return diagnose(ErrorKind::notFound, place.path)
        .says("has no tokenizer, which tells what stands for a hidden token")
        .toFix("copy the model's tokenizer into it");
  LLC_ASSIGN(data::Masking masking, maskingOf(options, *tokenizer));
  int64_t context = options.context ? options.context : model.maxPositions;
  if (context < 3 || context > model.maxPositions)
    return diagnose(ErrorKind::invalidInput, "--context")
        .says(fmt::format("{} tokens, the model takes 3 to {}", context, model.maxPositions))
        .toFix("choose a number in this range");
  HiddenRows texts;
  EvalDocuments documents{
      .texts = options.texts, .tokenizer = tokenizer.get(), .vocabulary = model.vocabulary, .limit = options.limit};
  LLC_TRY(forEachDocument(documents, progress, [&](std::span<const int32_t> ids, uint64_t) {
    return texts.add(ids, *tokenizer, context), success();
  }));
  size_t width = 2;
  for (const auto &row : texts.rows) width = std::max(width, row.size());
  HiddenEvaluation evaluation(std::move(masking), width);
  progress.step("compiling " + traced.name);
  LLC_ASSIGN(traced.module, huggingface::traceForward(*traced.source, *traced.context, lossesAndHits,
                                                      forwardOptions(traced, evaluation.shape())));
  LLC_TRY(roundAsAsked(traced, options.activations));
  LLC_ASSIGN(compiler::CompiledModule compiled, compiler::compile(*traced.module, {}));
  LLC_ASSIGN(ForwardProgram program, ForwardProgram::load(traced, compiled, huggingface::forwardEntry,
                                                          size_t(rowsTogether) * width * 2, options.threads, progress));
  auto begin = Clock::now();
  HiddenTally tally;
  evaluation.all(program, texts.rows, tally, progress);
  progress.finish();
  if (!tally.tokens)
    return diagnose(ErrorKind::invalidInput, "--perplexity")
        .says("no token was hidden, so that none was filled in")
        .toFix(options.share > 0 ? "give longer texts, or a larger share" : "give texts with some words");
  print(tally, options, texts.documents, texts.rows.size(), width, secondsSince(begin));
  return success();
}

}  // namespace llc::cli
