// data: prepared datasets, made, looked at, checked, rewritten.
#include <filesystem>

#include "runtime/base/memory.h"
#include "runtime/data/manifest.h"
#include "runtime/serve/options.h"
#include "runtime/threads/limits.h"
#include "tools/cli/corpus_flags.h"
#include "runtime/corpus/prepared_data.h"

namespace llc::cli {

namespace {
// ---- prepare
// -----------------------------------------------------------------------------------------------------------
struct DataPrepareFlags {
  CorpusFlags corpus;
  std::string tokenizer, output;
  std::vector<std::string> mix;
  int64_t maxLength = 2048, limit = 0, threads = 0;
  bool bos = true, eos = true, verify = false, json = false;
};

void declareDataPrepare(CLI::App &app, DataPrepareFlags &o) {
  addCorpusFlags(app, o.corpus);
  app.get_option("--input")->description(
      "File, directory or pattern of texts, or one of these and :WEIGHT; may be given more than once");
  app.add_option("--tokenizer-path", o.tokenizer, "tokenizer.model, tokenizer.json, or a directory with a tokenizer")
      ->required();
  app.add_option("-o,--output", o.output, "NAME.bin; NAME.index and NAME.manifest.json are written beside it")
      ->required();
  app.add_option("--mix", o.mix,
                 "Shares of tokens: wiki:0.7,code:0.3, for the inputs whose paths or names (without endings) these are")
      ->delimiter(',');
  app.add_option("--max-length", o.maxLength, "Tokens of a sequence; longer documents are cut. 0: never")
      ->capture_default_str()
      ->check(wholeNumber());
  app.add_option("--limit", o.limit, "At most so many documents of each input; 0: all")
      ->capture_default_str()
      ->check(wholeNumber());
  app.add_flag("--bos,!--no-bos", o.bos,
               "Beginning-of-text token before each document, if the tokenizer has one (default)");
  app.add_flag("--eos,!--no-eos", o.eos, "End-of-text token behind each document, if the tokenizer has one (default)");
  app.add_flag("--verify", o.verify, "Reads all of it again and checks it");
  app.add_option("-t,--threads", o.threads, "0: what affinity and CPU quota allow")
      ->capture_default_str()
      ->check(CLI::Range(0, 256));
  app.add_flag("--json", o.json, "One JSON object about the result");
}

// "wiki" for "texts/wiki.jsonl.gz"
std::string plainName(const std::string &path) {
  std::string name = std::filesystem::path(path).filename().string();
  return name.substr(0, name.find('.', 1));
}

Status applyMix(const std::vector<std::string> &mix, std::vector<corpus::Input> &inputs) {
  for (const std::string &entry : mix) {
    size_t colon = entry.rfind(':');
    std::string name = entry.substr(0, colon);
    double share = colon == std::string::npos ? 0 : std::strtod(entry.c_str() + colon + 1, nullptr);
    if (!(share > 0))
      return diagnose(ErrorKind::invalidInput, "--mix " + entry)
          .says("expected NAME:SHARE with a share above 0")
          .toFix("write wiki:0.7,code:0.3");
    bool found = false;
    std::vector<std::string> names;
    for (corpus::Input &input : inputs) {
      names.push_back(plainName(input.name));
      if (input.name != name && names.back() != name) continue;
      input.weight = share;
      found = true;
    }
    if (found) continue;
    std::string near = nearestNames(name, names);
    return diagnose(ErrorKind::invalidInput, "--mix " + entry)
        .says("no input has this name")
        .toFix(near.empty() ? "name the inputs as --input does" : "did you mean " + near + "?");
  }
  return success();
}

void printReports(const corpus::PreparedDataset &made) {
  const data::DatasetHeader &header = made.header;
  fmt::print("{}: {} sequences, {} tokens\n", made.paths.bin, header.sequences, header.tokens);
  for (const auto &report : made.reports)
    fmt::print("  {}: {} documents, {} broken, {} tokens ({:.1f} %), {:.2f} bytes a token{}\n", report.name,
               report.counts.documents, report.counts.broken, report.tokens,
               100 * double(report.tokens) / double(std::max<uint64_t>(1, header.tokens)),
               double(report.counts.textBytes) / double(std::max<int64_t>(1, report.tokens)),
               report.finished ? "" : "; not all of it was used");
}

Status runDataPrepare(Context &context, CLI::App &, DataPrepareFlags &o) {
  Progress progress(context.quiet);
  LLC_ASSIGN(auto inputs, findInputs(o.corpus));
  LLC_TRY(applyMix(o.mix, inputs));
  LLC_ASSIGN(corpus::TokenizerWithHash tokenizer, corpus::loadTokenizer(o.tokenizer));
  corpus::PrepareOptions options;
  options.corpus = corpusOptions(o.corpus, progress);
  options.maxLength = o.maxLength;
  options.addBos = o.bos;
  options.addEos = o.eos;
  options.limit = o.limit;
  options.threads = int(o.threads ? o.threads : threadLimits().threads);
  LLC_ASSIGN(corpus::PreparedDataset made, corpus::prepareDataset(inputs, tokenizer, options, o.output, progress));
  if (o.verify) {
    progress.step("verifying");
    LLC_ASSIGN(data::Dataset dataset, data::Dataset::open(made.paths.bin));
    LLC_TRY(dataset.verify());
  }
  progress.finish();
  made.about["output"] = made.paths.bin;
  made.about["seconds"] = context.secondsSinceStart();
  if (o.json)
    fmt::print("{}\n", made.about.dump());
  else
    printReports(made);
  return success();
}

// ---- inspect
// -----------------------------------------------------------------------------------------------------------
struct DataInspectFlags {
  std::string path, tokenizer;
  int64_t show = 0, from = 0;
  bool json = false;
};

void declareDataInspect(CLI::App &app, DataInspectFlags &o) {
  app.add_option("DATASET", o.path, "NAME.bin, NAME.index, or NAME")->required();
  app.add_option("--show", o.show, "Prints so many sequences")->capture_default_str()->check(wholeNumber());
  app.add_option("--from", o.from, "The first of them")->capture_default_str()->check(wholeNumber());
  app.add_option("--tokenizer-path", o.tokenizer,
                 "Prints them as text; must be the tokenizer that the dataset was made with");
  app.add_flag("--json", o.json, "One JSON object");
}

struct Lengths {
  uint64_t least = UINT64_MAX, most = 0;
};

// "labels": the ids that are to be learned, -100 elsewhere.
Status addLabels(const data::Dataset &dataset, uint64_t sequence, nlohmann::json &entry) {
  std::vector<int32_t> stored(entry["ids"].size());
  LLC_TRY(dataset.readMarked(sequence, 0, stored));
  for (int32_t &id : stored) id = id < 0 ? -100 : id;
  entry["labels"] = stored;
  return success();
}

Status runDataInspect(Context &, CLI::App &, DataInspectFlags &o) {
  LLC_ASSIGN(data::Dataset dataset, data::Dataset::open(o.path));
  corpus::TokenizerWithHash tokenizer;
  if (!o.tokenizer.empty()) {
    LLC_ASSIGN(tokenizer, corpus::loadTokenizer(o.tokenizer));
    LLC_TRY(corpus::checkTokenizer(dataset, tokenizer, o.tokenizer));
  }
  Lengths lengths;
  for (uint64_t i = 0; i < dataset.sequences(); ++i) {
    LLC_ASSIGN(uint64_t length, dataset.length(i));
    lengths.least = std::min(lengths.least, length);
    lengths.most = std::max(lengths.most, length);
  }
  nlohmann::json json = corpus::toJson(dataset.header());
  json["path"] = dataset.path();
  json["shortest"] = dataset.sequences() ? lengths.least : 0;
  json["longest"] = lengths.most;
  if (!o.json)
    fmt::print(
        "{}: {} sequences of {} to {} tokens, {} tokens, vocabulary {}, ids of {} bytes, {}\ntokenizer SHA-256 {}\n",
        dataset.path(), dataset.sequences(), json["shortest"].get<uint64_t>(), lengths.most, dataset.tokens(),
        dataset.header().vocabulary, dataset.header().idBytes,
        dataset.header().hasEnds ? "with beginning and end tokens" : "without beginning and end tokens",
        corpus::hexOf(dataset.header().tokenizer));
  json["shown"] = nlohmann::json::array();
  for (uint64_t i = uint64_t(o.from); i < dataset.sequences() && i - uint64_t(o.from) < uint64_t(o.show); ++i) {
    LLC_ASSIGN(uint64_t length, dataset.length(i));
    std::vector<int32_t> ids(length);
    LLC_TRY(dataset.read(i, 0, ids));
    nlohmann::json entry = {{"sequence", i}, {"ids", ids}};
    if (dataset.header().marked) LLC_TRY(addLabels(dataset, i, entry));
    if (tokenizer.tokenizer) entry["text"] = tokenizer.tokenizer->decode(ids);
    if (!o.json && tokenizer.tokenizer)
      fmt::print("{}: {}\n", i, entry["text"].get<std::string>());
    else if (!o.json)
      fmt::print("{}: {}\n", i, fmt::join(ids, " "));
    json["shown"].push_back(std::move(entry));
  }
  if (o.json) fmt::print("{}\n", json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  return success();
}

// ---- verify, convert
// ---------------------------------------------------------------------------------------------------
struct DataVerifyFlags {
  std::string path, tokenizer;
};

Status runDataVerify(Context &context, CLI::App &, DataVerifyFlags &o) {
  Progress progress(context.quiet);
  LLC_ASSIGN(data::Dataset dataset, data::Dataset::open(o.path));
  if (!o.tokenizer.empty()) {
    LLC_ASSIGN(corpus::TokenizerWithHash tokenizer, corpus::loadTokenizer(o.tokenizer));
    LLC_TRY(corpus::checkTokenizer(dataset, tokenizer, o.tokenizer));
  }
  progress.step("verifying " + dataset.path());
  LLC_TRY(dataset.verify());
  bool checked = false;
  LLC_TRY(data::verifyManifest(data::datasetPaths(o.path), &checked));
  progress.finish();
  fmt::print("{}: {} sequences, {} tokens: good{}\n", dataset.path(), dataset.sequences(), dataset.tokens(),
             checked ? ", checksums too" : "; no manifest to compare checksums with");
  return success();
}

struct DataConvertFlags {
  std::string input, output, tokenizer;
};

Status runDataConvert(Context &context, CLI::App &, DataConvertFlags &o) {
  Progress progress(context.quiet);
  LLC_ASSIGN(data::Dataset dataset, data::Dataset::open(o.input));
  data::DatasetHeader header = dataset.header();
  if (!o.tokenizer.empty()) {
    LLC_ASSIGN(corpus::TokenizerWithHash tokenizer, corpus::loadTokenizer(o.tokenizer));
    LLC_TRY(corpus::checkTokenizer(dataset, tokenizer, o.tokenizer));
    header.tokenizer = corpus::digestOf(tokenizer.hash);
    header.vocabulary = uint32_t(tokenizer.tokenizer->vocabularySize());
  }
  LLC_ASSIGN(auto writer, data::DatasetWriter::create(o.output, header));
  progress.step("converting " + dataset.path());
  std::vector<int32_t> ids;
  for (uint64_t i = 0; i < dataset.sequences(); ++i) {
    LLC_ASSIGN(uint64_t length, dataset.length(i));
    ids.resize(length);
    LLC_TRY(dataset.readMarked(i, 0, ids));
    LLC_TRY(writer.add(ids));
  }
  LLC_TRY(writer.commit());
  nlohmann::json about = corpus::toJson(writer.header());
  about["converted_from"] = dataset.path();
  LLC_TRY(data::writeManifest(writer.paths(), about));
  progress.finish();
  fmt::print("{}: {} sequences, {} tokens\n", writer.paths().bin, writer.header().sequences, writer.header().tokens);
  return success();
}
}  // namespace

void addData(Context &context) {
  CLI::App &group = addGroup(context, "data", "Prepared datasets: texts as token ids, for training");
  addCommand<DataPrepareFlags>(context, group, "prepare", "Encodes texts into a dataset", declareDataPrepare,
                               runDataPrepare);
  addCommand<DataInspectFlags>(context, group, "inspect", "What a dataset holds", declareDataInspect, runDataInspect);
  addCommand<DataVerifyFlags>(
      context, group, "verify", "Reads all of a dataset and checks it",
      [](CLI::App &app, DataVerifyFlags &o) {
        app.add_option("DATASET", o.path, "NAME.bin, NAME.index, or NAME")->required();
        app.add_option("--tokenizer-path", o.tokenizer, "Also checks that the dataset was made with this tokenizer");
      },
      runDataVerify);
  addCommand<DataConvertFlags>(
      context, group, "convert", "Rewrites a dataset of another layout (ids of 8 bytes, no index) into the current one",
      [](CLI::App &app, DataConvertFlags &o) {
        app.add_option("IN", o.input, "Dataset to read")->required();
        app.add_option("OUT", o.output, "Dataset to write")->required();
        app.add_option("--tokenizer-path", o.tokenizer, "Tokenizer that it was made with, to be noted in the new one");
      },
      runDataConvert);
}

}  // namespace llc::cli
