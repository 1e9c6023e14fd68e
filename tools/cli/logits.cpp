// logits: what the model gives for every token of a batch, as a file. Padding (attention_mask 0, left or right) is not
// fed to the model, or not seen by it: positions count real tokens, and the rows of padding are zero in the result.
#include <fmt/format.h>

#include "runtime/formats/safetensors.h"
#include "tools/cli/integer_matrix.h"
#include "tools/cli/open.h"
#include "tools/cli/reference_engine.h"
#include "tools/cli/training_logits.h"

namespace llc::cli {

namespace {
struct LogitsFlags {
  OpenOptions open;
  std::string input, output, engine = "jit", program = "serving";
};

void declareLogits(CLI::App &app, LogitsFlags &o) {
  addOpenFlags(app, o.open);
  app.add_option("--input", o.input,
                 "safetensors with input_ids [B,S] and, if there is padding, attention_mask [B,S] (i64); of models "
                 "with types of tokens also token_type_ids [B,S]")
      ->required();
  app.add_option("--output", o.output, "safetensors to write: logits F32 [B,S,V]")->required();
  app.add_option("--engine", o.engine, "jit: compiled code; reference: the interpreter, slow and plain")
      ->capture_default_str()
      ->check(CLI::IsMember({"jit", "reference"}));
  app.add_option("--program", o.program,
                 "serving: what run and artifacts execute; training: the forward of a training step, in f32, to see "
                 "that what is "
                 "served is what was trained")
      ->capture_default_str()
      ->check(CLI::IsMember({"serving", "training"}));
}

// The batch: ids of real tokens and where they stand.
struct Batch {
  int64_t sequences = 0, width = 0;
  std::vector<std::vector<int32_t>> ids;     // per sequence, real tokens only
  std::vector<std::vector<int64_t>> places;  // their columns
};

Result<Batch> readBatch(const std::string &path) {
  LLC_ASSIGN(SafeTensors file, SafeTensors::open(path));
  LLC_ASSIGN(const TensorView *ids, integerMatrix(file, "input_ids"));
  const TensorView *mask = nullptr;
  if (file.find("attention_mask")) {
    LLC_ASSIGN(mask, integerMatrixLike(file, "attention_mask", *ids));
  }
  Batch batch{ids->shape[0], ids->shape[1], {}, {}};
  batch.ids.resize(size_t(batch.sequences)), batch.places.resize(size_t(batch.sequences));
  for (int64_t i = 0; i < ids->elements(); ++i) {
    double real = mask ? loadElement(mask->bytes.data(), mask->type, size_t(i)) : 1;
    double id = loadElement(ids->bytes.data(), ids->type, size_t(i));
    std::string where = fmt::format("{}: row {}, column {}", path, i / batch.width, i % batch.width);
    if (real != 0 && real != 1)
      return diagnose(ErrorKind::invalidInput, where)
          .says(fmt::format("attention_mask is {}", real))
          .toFix("use 1 for tokens, 0 for padding");
    if (real == 0) continue;
    if (id < 0 || id > INT32_MAX)
      return diagnose(ErrorKind::invalidInput, where)
          .says(fmt::format("input_ids is {}", id))
          .toFix("use ids of the vocabulary, or mask it");
    batch.ids[size_t(i / batch.width)].push_back(int32_t(id));
    batch.places[size_t(i / batch.width)].push_back(i % batch.width);
  }
  return batch;
}

constexpr size_t tokensAtOnce = 256;  // results of that many rows are in memory at a time

// Logits of one sequence, [width, vocabulary] with zeros at padding.
Status feed(Engine &engine, const std::vector<int32_t> &ids, const std::vector<int64_t> &places,
            std::vector<float> &out) {
  std::fill(out.begin(), out.end(), 0.0f);
  if (ids.empty()) return success();
  LLC_ASSIGN(int64_t sequence, engine.open());
  for (size_t begin = 0; begin < ids.size(); begin += tokensAtOnce) {
    size_t count = std::min(tokensAtOnce, ids.size() - begin);
    SequenceTokens part{sequence, std::span(ids).subspan(begin, count), Wanted::all};
    LLC_ASSIGN(Rows rows, engine.step({&part, 1}));
    for (size_t i = 0; i < count; ++i)
      std::ranges::copy(rows.row(int64_t(i)), out.begin() + places[begin + i] * rows.columns);
  }
  engine.close(sequence);
  return success();
}

Status writeLogits(Engine &engine, const Batch &batch, const std::string &path, Progress &progress) {
  int64_t vocabulary = engine.limits().vocabulary;
  SafeTensorsWriter writer(path);
  LLC_TRY(writer.declare("logits", DType::f32, {batch.sequences, batch.width, vocabulary}));
  std::vector<float> logits(size_t(batch.width * vocabulary));
  progress.step("computing logits", batch.sequences);
  for (int64_t i = 0; i < batch.sequences; ++i) {
    LLC_TRY(feed(engine, batch.ids[size_t(i)], batch.places[size_t(i)], logits));
    LLC_TRY(writer.write(logits.data(), logits.size() * sizeof(float)));
    progress.advance();
  }
  return writer.finish();
}

// The longest sequence decides what to compile for, unless --context does.
int64_t longest(const Batch &batch) {
  size_t most = 0;
  for (const auto &ids : batch.ids) most = std::max(most, ids.size());
  return int64_t(most);
}

Status writeWholeLogits(const LogitsFlags &o, Progress &progress) {
  LLC_ASSIGN(ModelPlace place, findModelDirectory(o.open.model, "training"));
  bool training = o.program == "training";
  LLC_ASSIGN(TracedModel traced, openDirectory(place, training ? "f32" : o.open.dtype, progress));
  LLC_ASSIGN(TrainingBatch batch, readTrainingBatch(o.input, traced.source->model));
  int64_t threads = o.open.session.threads;
  LLC_ASSIGN(std::vector<float> logits,
             training ? trainingLogits(traced, batch, threads, progress)
                      : wholeLogits(traced, batch, o.open.activations, o.engine == "reference", threads, progress));
  SafeTensorsWriter writer(o.output);
  LLC_TRY(writer.declare("logits", DType::f32, {batch.rows, batch.width, traced.source->model.vocabulary}));
  LLC_TRY(writer.write(logits.data(), logits.size() * sizeof(float)));
  return writer.finish();
}

Status refuseFlags(const CLI::App &app, std::initializer_list<const char *> flags, const char *why,
                   const char *remedy) {
  for (const char *flag : flags)
    if (const CLI::Option *option = app.get_option_no_throw(flag); option && option->count() > 0)
      return diagnose(ErrorKind::invalidInput, flag).says(why).toFix(remedy);
  return success();
}

Status runLogits(Context &context, CLI::App &app, LogitsFlags &o) {
  Progress progress(context.quiet);
  if (o.program == "training") {
    // The program that trains has no caches, no adapters beside it and no choice of types.
    LLC_TRY(refuseFlags(app, {"--engine", "--dtype", "--cache-dtype", "--activations", "--adapter", "--context", "--preload"},
                        "is for the program that serves", "leave it out, or --program training"));
    return writeWholeLogits(o, progress);
  }
  LLC_ASSIGN(ModelPlace place, findModel(o.open.model));
  LLC_ASSIGN(bool whole, isBidirectional(place));
  if (whole) {
    LLC_TRY(refuseFlags(
        app,
        {"--cache-dtype", "--adapter", "--context", "--preload", "--code-cache", "--weight-cache", "--tuning-cache"},
        "is for models with a cache", "leave it out"));
    return writeWholeLogits(o, progress);
  }
  LLC_ASSIGN(Batch batch, readBatch(o.input));
  if (o.engine == "reference") {
    LLC_ASSIGN(place, findModelDirectory(o.open.model, "the reference interpreter"));
    LLC_ASSIGN(auto engine, makeReferenceEngine(place, traceOptionsOf(o.open), progress));
    return writeLogits(*engine, batch, o.output, progress);
  }
  if (o.open.session.context == 0 && longest(batch) > 4096) o.open.session.context = longest(batch);
  LLC_ASSIGN(OpenedModel opened, openModel(place, o.open, progress));
  return writeLogits(*opened.session, batch, o.output, progress);
}
}  // namespace

void addLogits(Context &context) {
  addCommand<LogitsFlags>(context, "logits", "Logits of every token of a batch, from file to file", declareLogits,
                          runLogits);
}

}  // namespace llc::cli
