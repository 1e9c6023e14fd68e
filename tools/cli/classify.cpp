// classify: the scores that a classification or reward model gives to texts, one JSON object a line.
#include "runtime/serve/classify.h"

#include <fmt/format.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "runtime/base/json_read.h"
#include "runtime/corpus/templated.h"
#include "runtime/serve/options.h"
#include "tools/cli/corpus_flags.h"
#include "tools/cli/open.h"
#include "tools/cli/reference_engine.h"
#include "tools/cli/tracing.h"

namespace llc::cli {

namespace {
struct ClassifyFlags {
  OpenOptions open;
  ClassifyOptions classify;
  std::string input, chatFormat, engine = "jit";
};

void declareClassify(CLI::App &app, ClassifyFlags &o) {
  addOpenFlags(app, o.open);
  addClassifyFlags(app, o.classify, /*required=*/false);
  app.add_option(
         "--input", o.input,
         "JSONL or CSV (also .gz, .zst) with text, prompt and completion, or messages: a result for each record")
      ->excludes("--prompt")
      ->excludes("--ids");
  app.add_option("--chat-format", o.chatFormat,
                 "How messages become text: template (the model's own: the default if it has one), chatml, roles")
      ->check(CLI::IsMember({"template", "chatml", "roles"}));
  app.add_option("--engine", o.engine, "jit: compiled code; reference: the interpreter, slow and plain")
      ->capture_default_str()
      ->check(CLI::IsMember({"jit", "reference"}));
}

// What texts are scored with.
struct Classifier {
  std::unique_ptr<Engine> engine;
  std::unique_ptr<Tokenizer> tokenizer;  // null when the model has none
  std::vector<std::string> labels;
  std::map<std::string, std::string> files;  // by name: a chat template may be among them
};

Result<Classifier> openClassifier(const ModelPlace &place, const ClassifyFlags &o, Progress &progress) {
  Classifier made;
  std::map<std::string, std::string> files;
  if (o.engine == "reference") {
    LLC_ASSIGN(ModelPlace directory, findModelDirectory(o.open.model, "the reference interpreter"));
    LLC_ASSIGN(made.engine, makeReferenceEngine(directory, traceOptionsOf(o.open), progress));
    LLC_ASSIGN(made.tokenizer, tokenizerIn(directory.path, made.engine->limits().vocabulary));
  } else {
    LLC_ASSIGN(OpenedModel opened, openModel(place, o.open, progress));
    for (const FilePart &part : opened.program->manifest().files)
      if (auto content = opened.program->file(part.name)) files[part.name] = *content;
    made.engine = std::move(opened.session);
    made.tokenizer = std::move(opened.tokenizer);
  }
  std::string directory;
  if (place.kind == ModelKind::directory) {
    directory = place.path;
    LLC_ASSIGN(files["config.json"], readTextFile(directory + "/config.json", 16 << 20));
    for (const char *name : {"tokenizer_config.json", "chat_template.jinja"})
      if (auto text = readTextFile(directory + "/" + name, 64 << 20)) files[name] = *text;
  }
  LLC_ASSIGN(made.labels, labelNames(files, place.path));
  made.files = std::move(files);
  return made;
}

class Scoring {
 public:
  Scoring(const Classifier &classifier, const ClassifyFlags &options) : classifier_(classifier), options_(options) {
    examples_.completionOnly = false;
    examples_.maxLength = classifier.engine->limits().maxContext;
  }
  Status chooseFormat() { return corpus::chooseChatFormat(options_.chatFormat, classifier_.files, examples_); }
  const corpus::ExampleOptions &examples() const { return examples_; }
  int64_t cut() const { return cut_; }

  Status example(const corpus::Example &example) {
    if (!classifier_.tokenizer)
      return diagnose(ErrorKind::invalidInput, options_.open.model)
          .says("has no tokenizer, which texts need")
          .toFix("give token ids with --ids 1,2,3");
    const Tokenizer &tokenizer = *classifier_.tokenizer;
    corpus::ExampleOptions whole = examples_;
    ++whole.maxLength;  // tells whether something is cut
    LLC_ASSIGN(auto sequences, corpus::encodeExample(example, tokenizer, whole));
    if (sequences.empty()) return nothing();
    std::vector<int32_t> ids = std::move(sequences.front());
    if (options_.classify.noEnd && ids.size() > 1 && tokenizer.eosId() && ids.back() == *tokenizer.eosId())
      ids.pop_back();
    cut_ += int64_t(ids.size()) > examples_.maxLength;
    if (int64_t(ids.size()) > examples_.maxLength) ids.resize(size_t(examples_.maxLength));
    return this->ids(ids);
  }

  Status ids(std::span<const int32_t> ids) {
    if (ids.empty()) return nothing();
    LLC_ASSIGN(Rows rows, classifier_.engine->classify(ids));
    fmt::print("{}\n", scoresLine(ids.size(), rows.row(0), classifier_.labels));
    return success();
  }

 private:
  static Error nothing() {
    return diagnose(ErrorKind::invalidInput, "classify")
        .says("a text has no tokens to score")
        .toFix("give longer ones");
  }
  const Classifier &classifier_;
  const ClassifyFlags &options_;
  corpus::ExampleOptions examples_;
  int64_t cut_ = 0;
};

Status scoreRecords(Scoring &scoring, const std::string &path, Progress &progress) {
  CorpusFlags flags;
  flags.inputs = {path};
  LLC_ASSIGN(auto inputs, findInputs(flags));
  corpus::CorpusOptions options = corpusOptions(flags, progress);
  options.records.accepts = [&](const nlohmann::json &object) -> Status {
    auto example = corpus::readExample(object, scoring.examples());
    return example ? success() : Status(std::move(example.error()));
  };
  corpus::Corpus corpus(corpus::filesOf(inputs), options);
  for (std::string_view text;;) {
    LLC_ASSIGN(bool more, corpus.next(text));
    if (!more) return success();
    LLC_ASSIGN(Json json, parseJson(text, path));
    LLC_ASSIGN(corpus::Example example, corpus::readExample(json, scoring.examples()));
    LLC_TRY(scoring.example(example));
  }
}

Status runClassify(Context &context, CLI::App &app, ClassifyFlags &o) {
  bool hasText = app.count("--prompt") > 0;
  if (o.input.empty() && !hasText && !o.classify.input.hasIds)
    return diagnose(ErrorKind::invalidInput, "classify")
        .says("there is nothing to score")
        .toFix("give --input FILE, -p TEXT, or --ids");
  LLC_ASSIGN(ModelPlace place, findModel(o.open.model));
  Progress progress(context.quiet);
  LLC_ASSIGN(Classifier classifier, openClassifier(place, o, progress));
  progress.finish();
  Scoring scoring(classifier, o);
  LLC_TRY(scoring.chooseFormat());
  if (o.classify.input.hasIds) return scoring.ids(o.classify.input.ids);
  if (hasText) {
    LLC_TRY(scoring.example({.parts = {{o.classify.input.text, true}}}));
  } else {
    LLC_TRY(scoreRecords(scoring, o.input, progress));
  }
  if (scoring.cut())
    progress.note(fmt::format("warning: {} texts were cut after {} tokens (--context)", scoring.cut(),
                              classifier.engine->limits().maxContext));
  return success();
}
}  // namespace

void addClassify(Context &context) {
  addCommand<ClassifyFlags>(context, "classify", "Scores of texts by a classification or reward model", declareClassify,
                            runClassify);
}

}  // namespace llc::cli
