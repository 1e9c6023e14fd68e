// data: prepared datasets, made, looked at, checked, rewritten.
#include <filesystem>

#include "runtime/base/memory.h"
#include "runtime/corpus/prepare.h"
#include "runtime/data/manifest.h"
#include "runtime/serve/options.h"
#include "runtime/text/tokenizer_files.h"
#include "runtime/threads/limits.h"
#include "tools/cli/corpus_flags.h"

namespace llc::cli {

namespace {
struct TokenizerWithHash {
  std::unique_ptr<Tokenizer> tokenizer;
  std::string hash;
};

Result<TokenizerWithHash> loadTokenizer(const std::string &path) {
  LLC_ASSIGN(auto files, readTokenizerFiles(path));
  TokenizerWithHash result;
  LLC_ASSIGN(result.tokenizer, Tokenizer::fromFiles(files));
  result.hash = tokenizerHash(files);
  return result;
}

std::string hexOf(const data::Sha256Digest &digest) {
  std::string text;
  for (uint8_t byte : digest) text += fmt::format("{:02x}", byte);
  return text;
}

data::Sha256Digest digestOf(const std::string &hex) {
  data::Sha256Digest digest = {};
  for (size_t i = 0; i < digest.size(); ++i) digest[i] = uint8_t(std::stoul(hex.substr(2 * i, 2), nullptr, 16));
  return digest;
}

nlohmann::json toJson(const data::DatasetHeader &header) {
  return {{"sequences", header.sequences}, {"tokens", header.tokens},    {"vocabulary", header.vocabulary},
          {"id_bytes", header.idBytes},    {"has_ends", header.hasEnds}, {"tokenizer_sha256", hexOf(header.tokenizer)}};
}

// ---- prepare
// -----------------------------------------------------------------------------------------------------------
struct PrepareFlags {
  CorpusFlags corpus;
  std::string tokenizer, output;
  std::vector<std::string> mix;
  int64_t maxLength = 2048, limit = 0, threads = 0;
  bool bos = true, eos = true, verify = false, json = false;
};

void declarePrepare(CLI::App &app, PrepareFlags &o) {
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

void printReports(const std::vector<corpus::SourceReport> &reports, const data::DatasetWriter &writer) {
  const data::DatasetHeader &header = writer.header();
  fmt::print("{}: {} sequences, {} tokens\n", writer.paths().bin, header.sequences, header.tokens);
  for (const auto &report : reports)
    fmt::print("  {}: {} documents, {} broken, {} tokens ({:.1f} %), {:.2f} bytes a token{}\n", report.name,
               report.counts.documents, report.counts.broken, report.tokens,
               100 * double(report.tokens) / double(std::max<uint64_t>(1, header.tokens)),
               double(report.counts.textBytes) / double(std::max<int64_t>(1, report.tokens)),
               report.finished ? "" : "; not all of it was used");
}

nlohmann::json toJson(const std::vector<corpus::SourceReport> &reports) {
  nlohmann::json list = nlohmann::json::array();
  for (const auto &report : reports)
    list.push_back({{"name", report.name},
                    {"weight", report.weight ? nlohmann::json(*report.weight) : nlohmann::json()},
                    {"documents", report.counts.documents},
                    {"bad_records", report.counts.broken},
                    {"text_bytes", report.counts.textBytes},
                    {"sequences", report.sequences},
                    {"tokens", report.tokens},
                    {"finished", report.finished}});
  return list;
}

// A bar of a thousand parts for how much of the files has been read.
std::function<void(uint64_t, uint64_t)> readingBar(Progress &progress) {
  progress.step("encoding", 1000);
  return [&progress, shown = uint64_t(0)](uint64_t read, uint64_t total) mutable {
    for (uint64_t now = total ? std::min<uint64_t>(1000, read * 1000 / total) : 0; shown < now; ++shown)
      progress.advance();
  };
}

Status runPrepare(Context &context, CLI::App &, PrepareFlags &o) {
  Progress progress(context.quiet);
  LLC_ASSIGN(auto inputs, findInputs(o.corpus));
  LLC_TRY(applyMix(o.mix, inputs));
  LLC_ASSIGN(TokenizerWithHash tokenizer, loadTokenizer(o.tokenizer));
  corpus::PrepareOptions options;
  options.corpus = corpusOptions(o.corpus, progress);
  options.maxLength = o.maxLength;
  options.addBos = o.bos;
  options.addEos = o.eos;
  options.limit = o.limit;
  options.threads = int(o.threads ? o.threads : threadLimits().threads);
  data::DatasetHeader header;
  header.vocabulary = uint32_t(tokenizer.tokenizer->vocabularySize());
  header.hasEnds = (o.bos && tokenizer.tokenizer->bosId()) || (o.eos && tokenizer.tokenizer->eosId());
  header.tokenizer = digestOf(tokenizer.hash);
  if (auto folder = std::filesystem::path(o.output).parent_path(); !folder.empty()) {
    std::error_code error;
    std::filesystem::create_directories(folder, error);
  }
  LLC_ASSIGN(auto writer, data::DatasetWriter::create(o.output, header));
  LLC_ASSIGN(auto reports, corpus::prepare(inputs, *tokenizer.tokenizer, options, writer, readingBar(progress)));
  if (writer.header().tokens == 0)
    return diagnose(ErrorKind::invalidInput, "--input")
        .says("there is no text in it; nothing was written")
        .toFix("check the files and --field");
  LLC_TRY(writer.commit());
  nlohmann::json about = toJson(writer.header());
  about["sources"] = toJson(reports);
  about["tokenizer_kind"] = tokenizer.tokenizer->kind();
  about["max_length"] = o.maxLength;
  LLC_TRY(data::writeManifest(writer.paths(), about));
  if (o.verify) {
    progress.step("verifying");
    LLC_ASSIGN(data::Dataset dataset, data::Dataset::open(writer.paths().bin));
    LLC_TRY(dataset.verify());
  }
  progress.finish();
  about["output"] = writer.paths().bin;
  about["seconds"] = context.secondsSinceStart();
  if (o.json)
    fmt::print("{}\n", about.dump());
  else
    printReports(reports, writer);
  return success();
}

// ---- inspect
// -----------------------------------------------------------------------------------------------------------
struct InspectFlags {
  std::string path, tokenizer;
  int64_t show = 0, from = 0;
  bool json = false;
};

void declareInspect(CLI::App &app, InspectFlags &o) {
  app.add_option("DATASET", o.path, "NAME.bin, NAME.index, or NAME")->required();
  app.add_option("--show", o.show, "Prints so many sequences")->capture_default_str()->check(wholeNumber());
  app.add_option("--from", o.from, "The first of them")->capture_default_str()->check(wholeNumber());
  app.add_option("--tokenizer-path", o.tokenizer,
                 "Prints them as text; must be the tokenizer that the dataset was made with");
  app.add_flag("--json", o.json, "One JSON object");
}

Status checkTokenizer(const data::Dataset &dataset, const TokenizerWithHash &tokenizer, const std::string &path) {
  const data::Sha256Digest &known = dataset.header().tokenizer;
  if (known == data::Sha256Digest{} || hexOf(known) == tokenizer.hash) return success();
  return diagnose(ErrorKind::invalidInput, path)
      .says("is another tokenizer than the one that " + dataset.path() + " was made with (SHA-256 " + hexOf(known) +
            ")")
      .toFix("give that one, or prepare the data again with this one");
}

struct Lengths {
  uint64_t least = UINT64_MAX, most = 0;
};

Status runInspect(Context &, CLI::App &, InspectFlags &o) {
  LLC_ASSIGN(data::Dataset dataset, data::Dataset::open(o.path));
  TokenizerWithHash tokenizer;
  if (!o.tokenizer.empty()) {
    LLC_ASSIGN(tokenizer, loadTokenizer(o.tokenizer));
    LLC_TRY(checkTokenizer(dataset, tokenizer, o.tokenizer));
  }
  Lengths lengths;
  for (uint64_t i = 0; i < dataset.sequences(); ++i) {
    LLC_ASSIGN(uint64_t length, dataset.length(i));
    lengths.least = std::min(lengths.least, length);
    lengths.most = std::max(lengths.most, length);
  }
  nlohmann::json json = toJson(dataset.header());
  json["path"] = dataset.path();
  json["shortest"] = dataset.sequences() ? lengths.least : 0;
  json["longest"] = lengths.most;
  if (!o.json)
    fmt::print(
        "{}: {} sequences of {} to {} tokens, {} tokens, vocabulary {}, ids of {} bytes, {}\ntokenizer SHA-256 {}\n",
        dataset.path(), dataset.sequences(), json["shortest"].get<uint64_t>(), lengths.most, dataset.tokens(),
        dataset.header().vocabulary, dataset.header().idBytes,
        dataset.header().hasEnds ? "with beginning and end tokens" : "without beginning and end tokens",
        hexOf(dataset.header().tokenizer));
  json["shown"] = nlohmann::json::array();
  for (uint64_t i = uint64_t(o.from); i < dataset.sequences() && i - uint64_t(o.from) < uint64_t(o.show); ++i) {
    LLC_ASSIGN(uint64_t length, dataset.length(i));
    std::vector<int32_t> ids(length);
    LLC_TRY(dataset.read(i, 0, ids));
    nlohmann::json entry = {{"sequence", i}, {"ids", ids}};
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
struct VerifyFlags {
  std::string path, tokenizer;
};

Status runVerify(Context &context, CLI::App &, VerifyFlags &o) {
  Progress progress(context.quiet);
  LLC_ASSIGN(data::Dataset dataset, data::Dataset::open(o.path));
  if (!o.tokenizer.empty()) {
    LLC_ASSIGN(TokenizerWithHash tokenizer, loadTokenizer(o.tokenizer));
    LLC_TRY(checkTokenizer(dataset, tokenizer, o.tokenizer));
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

struct ConvertFlags {
  std::string input, output, tokenizer;
};

Status runConvert(Context &context, CLI::App &, ConvertFlags &o) {
  Progress progress(context.quiet);
  LLC_ASSIGN(data::Dataset dataset, data::Dataset::open(o.input));
  data::DatasetHeader header = dataset.header();
  if (!o.tokenizer.empty()) {
    LLC_ASSIGN(TokenizerWithHash tokenizer, loadTokenizer(o.tokenizer));
    LLC_TRY(checkTokenizer(dataset, tokenizer, o.tokenizer));
    header.tokenizer = digestOf(tokenizer.hash);
    header.vocabulary = uint32_t(tokenizer.tokenizer->vocabularySize());
  }
  LLC_ASSIGN(auto writer, data::DatasetWriter::create(o.output, header));
  progress.step("converting " + dataset.path());
  std::vector<int32_t> ids;
  for (uint64_t i = 0; i < dataset.sequences(); ++i) {
    LLC_ASSIGN(uint64_t length, dataset.length(i));
    ids.resize(length);
    LLC_TRY(dataset.read(i, 0, ids));
    LLC_TRY(writer.add(ids));
  }
  LLC_TRY(writer.commit());
  nlohmann::json about = toJson(writer.header());
  about["converted_from"] = dataset.path();
  LLC_TRY(data::writeManifest(writer.paths(), about));
  progress.finish();
  fmt::print("{}: {} sequences, {} tokens\n", writer.paths().bin, writer.header().sequences, writer.header().tokens);
  return success();
}
}  // namespace

void addData(Context &context) {
  CLI::App &group = addGroup(context, "data", "Prepared datasets: texts as token ids, for training");
  addCommand<PrepareFlags>(context, group, "prepare", "Encodes texts into a dataset", declarePrepare, runPrepare);
  addCommand<InspectFlags>(context, group, "inspect", "What a dataset holds", declareInspect, runInspect);
  addCommand<VerifyFlags>(
      context, group, "verify", "Reads all of a dataset and checks it",
      [](CLI::App &app, VerifyFlags &o) {
        app.add_option("DATASET", o.path, "NAME.bin, NAME.index, or NAME")->required();
        app.add_option("--tokenizer-path", o.tokenizer, "Also checks that the dataset was made with this tokenizer");
      },
      runVerify);
  addCommand<ConvertFlags>(
      context, group, "convert", "Rewrites a dataset of another layout (ids of 8 bytes, no index) into the current one",
      [](CLI::App &app, ConvertFlags &o) {
        app.add_option("IN", o.input, "Dataset to read")->required();
        app.add_option("OUT", o.output, "Dataset to write")->required();
        app.add_option("--tokenizer-path", o.tokenizer, "Tokenizer that it was made with, to be noted in the new one");
      },
      runConvert);
}

}  // namespace llc::cli
