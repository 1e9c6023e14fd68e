// fill-mask: what a bidirectional model expects where a text has its mask token.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "runtime/serve/options.h"
#include "runtime/train/masking.h"
#include "tools/cli/command.h"
#include "tools/cli/training_logits.h"

namespace llc::cli {

namespace {
struct FillFlags {
  std::string model, text, dtype, activations = "auto", engine = "jit";
  int64_t top = 5, threads = 0;
  bool json = false;
};

void declareFill(CLI::App &app, FillFlags &o) {
  app.add_option("MODEL", o.model, "Directory of a bidirectional model (bert, roberta)")->required();
  app.add_option("-p,--prompt", o.text, "Text with the tokenizer's mask token: \"The [MASK] is blue.\"")->required();
  app.add_option("--top-k", o.top, "Candidates for each mask")->capture_default_str()->check(CLI::Range(1, 1000));
  app.add_option("--dtype", o.dtype, "Element type of weight matrices: f32, f16, bf16 (default: as stored)");
  addActivationsFlag(app, o.activations);
  app.add_option("--engine", o.engine, "jit: compiled code; reference: the interpreter, slow and plain")
      ->capture_default_str()
      ->check(CLI::IsMember({"jit", "reference"}));
  app.add_option("-t,--threads", o.threads, "0: what affinity and CPU quota allow")
      ->capture_default_str()
      ->check(CLI::Range(0, LLC_MAX_THREADS));
  app.add_flag("--json", o.json, "One JSON object instead of lines");
}

// One row; a batch has at least two columns, the rest is padding.
Result<TrainingBatch> batchOf(const std::string &text, const Tokenizer &tokenizer) {
  LLC_ASSIGN(TokenId mask, train::maskTokenOf(tokenizer));
  LLC_ASSIGN(std::vector<int32_t> ids, tokenizer.encode(text, {.addSpecial = true, .parseSpecial = true}));
  if (std::ranges::find(ids, mask) == ids.end())
    return diagnose(ErrorKind::invalidInput, "--prompt")
        .says("has nothing to fill in")
        .toFix("write " + tokenizer.tokenOf(mask).value_or("the mask token") + " where a token is missing");
  TrainingBatch batch;
  batch.rows = 1, batch.width = int64_t(std::max<size_t>(ids.size(), 2));
  batch.mask.assign(ids.size(), 1);
  batch.ids = std::move(ids);
  batch.ids.resize(size_t(batch.width));
  batch.mask.resize(size_t(batch.width));
  return batch;
}

struct Candidate {
  int32_t id;
  double probability;
};

std::vector<Candidate> best(std::span<const float> logits, size_t count) {
  double most = *std::ranges::max_element(logits), sum = 0;
  for (float logit : logits) sum += std::exp(double(logit) - most);
  std::vector<Candidate> all;
  for (size_t id = 0; id < logits.size(); ++id) all.push_back({int32_t(id), std::exp(double(logits[id]) - most) / sum});
  count = std::min(count, all.size());
  auto before = [](const Candidate &a, const Candidate &b) {
    return a.probability != b.probability ? a.probability > b.probability : a.id < b.id;
  };
  std::partial_sort(all.begin(), all.begin() + int64_t(count), all.end(), before);
  all.resize(count);
  return all;
}

void print(const TrainingBatch &batch, std::span<const float> logits, const Tokenizer &tokenizer, const FillFlags &o) {
  size_t vocabulary = logits.size() / batch.ids.size();
  nlohmann::ordered_json masks = nlohmann::ordered_json::array();
  for (size_t place = 0; place < batch.ids.size(); ++place) {
    if (!batch.mask[place] || batch.ids[place] != *tokenizer.maskId()) continue;
    nlohmann::ordered_json candidates = nlohmann::ordered_json::array();
    if (!o.json) fmt::print("token {}:\n", place);
    for (const Candidate &one : best(logits.subspan(place * vocabulary, vocabulary), size_t(o.top))) {
      std::string token = tokenizer.tokenOf(one.id).value_or(""), text = tokenizer.decode({one.id});
      candidates.push_back({{"id", one.id}, {"token", token}, {"text", text}, {"probability", one.probability}});
      if (!o.json) fmt::print("{:8.4f}  {}\n", one.probability, token);
    }
    masks.push_back({{"token", place}, {"candidates", candidates}});
  }
  if (o.json)
    fmt::print("{}\n", nlohmann::ordered_json{{"masks", masks}}.dump(-1, ' ', false,
                                                                     nlohmann::ordered_json::error_handler_t::replace));
}

Status runFill(Context &context, CLI::App &, FillFlags &o) {
  Progress progress(context.quiet);
  LLC_ASSIGN(ModelPlace place, findModelDirectory(o.model, "filling in"));
  LLC_ASSIGN(TracedModel traced, openDirectory(place, o.dtype, progress));
  if (!traced.source->model.bidirectional)
    return diagnose(ErrorKind::unsupported, o.model)
        .says("sees only the tokens before a token, it can't fill in one from both sides")
        .toFix("use a bidirectional model (bert, roberta), or llc-model run");
  LLC_ASSIGN(auto tokenizer, tokenizerIn(place.path, traced.source->model.vocabulary));
  if (!tokenizer)
    return diagnose(ErrorKind::notFound, place.path)
        .says("has no tokenizer, which texts need")
        .toFix("copy the model's tokenizer into it, or give ids to llc-model logits");
  LLC_ASSIGN(TrainingBatch batch, batchOf(o.text, *tokenizer));
  LLC_ASSIGN(std::vector<float> logits,
             wholeLogits(traced, batch, o.activations, o.engine == "reference", o.threads, progress));
  progress.finish();
  print(batch, logits, *tokenizer, o);
  return success();
}
}  // namespace

void addFillMask(Context &context) {
  addCommand<FillFlags>(context, "fill-mask", "What a bidirectional model expects in place of mask tokens", declareFill,
                        runFill);
}

}  // namespace llc::cli
