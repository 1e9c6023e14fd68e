#include "runtime/train/training_data.h"

#include <sys/stat.h>

#include <filesystem>

#include "runtime/base/sha256.h"
#include "runtime/corpus/inputs.h"
#include "runtime/train/number_column.h"

namespace llc::train {

namespace {
namespace fs = std::filesystem;

struct DataPath {
  std::string path;
  double weight = 1;
};

// "a.bin:0.3"; a colon counts only if nothing of the whole name exists.
DataPath splitWeight(const std::string &text) {
  std::error_code error;
  size_t colon = text.rfind(':');
  if (colon == std::string::npos || fs::exists(text, error)) return {text};
  char *end = nullptr;
  double weight = std::strtod(text.c_str() + colon + 1, &end);
  if (*end || end == text.c_str() + colon + 1) return {text};
  return {text.substr(0, colon), weight};
}

bool isDataset(const std::string &path) {
  return path.ends_with(".bin") || path.ends_with(".index") || path.ends_with(".idx");
}

// The same for the same files, encoded in the same way.
std::string nameOf(const corpus::Input &input, std::string about) {
  for (const corpus::InputFile &file : input.files) {
    struct stat status = {};
    stat(file.path.c_str(), &status);
    about += fmt::format("\n{} {} {}.{}", file.path, file.bytes, status.st_mtim.tv_sec, status.st_mtim.tv_nsec);
  }
  return sha256OfText(about).substr(0, 16) + ".bin";
}

// Beside a dataset: the margin of each sequence.
std::string marginFile(const std::string &dataset) { return fs::path(dataset).replace_extension(".margin").string(); }

Result<data::Dataset> encode(const std::string &path, const Encoding &encoding,
                             const corpus::TokenizerWithHash &tokenizer, const std::string &folder,
                             Progress &progress) {
  LLC_ASSIGN(auto inputs, corpus::findInputs({path}));
  std::string output = folder + "/" + nameOf(inputs[0], encoding.about);
  std::error_code error;
  bool hasMargins = encoding.examples == Examples::comparisons;
  if (!fs::exists(output, error) || (hasMargins && !fs::exists(marginFile(output), error))) {
    LLC_ASSIGN(corpus::PreparedDataset made,
               corpus::prepareDataset(inputs, tokenizer, encoding.prepare, output, progress));
    if (hasMargins) LLC_TRY(writeColumn(marginFile(output), made.reports[0].numbers));
    progress.finish();
    progress.say(fmt::format("{}: {} sequences, {} tokens of {}", made.paths.bin, made.header.sequences,
                             made.header.tokens, path));
    if (int64_t without = made.reports[0].leftOut)
      progress.note(fmt::format("warning: {}: {} examples have {} within {} tokens, and are left out", path, without,
                                hasMargins ? "two texts that do not differ" : "no token to learn",
                                encoding.options.maxLength));
  }
  return data::Dataset::open(output);
}

// Of a dataset that was made without: zeros.
Status addMargins(data::Source &source) {
  uint64_t sequences = source.dataset.sequences();
  std::string path = marginFile(source.dataset.path());
  std::optional<std::vector<float>> margins = readColumn(path, sequences);
  std::error_code error;
  if (!margins && fs::exists(path, error))
    return diagnose(ErrorKind::invalidInput, path)
        .says(fmt::format("does not hold a number for each of the {} sequences", sequences))
        .toFix("remove it and the dataset, and let both be made again");
  if (!margins) margins.emplace(sequences);
  source.columns.push_back(std::make_shared<const std::vector<float>>(std::move(*margins)));
  return success();
}

Status checkKind(const data::Dataset &dataset, Examples examples) {
  bool pairs = arePairs(examples);
  if (dataset.header().paired == pairs) return success();
  return diagnose(ErrorKind::invalidInput, dataset.path())
      .says(pairs ? "holds no preferences" : "holds preferences, pairs of sequences")
      .toFix(pairs ? "give .jsonl with prompt, chosen and rejected"
                   : "train with a trainer of preferences (--trainer dpo or reward)");
}

Result<data::Dataset> openOne(const std::string &path, const Encoding &encoding, const RunConfig &config,
                              const corpus::TokenizerWithHash &tokenizer, int64_t vocabulary, const std::string &folder,
                              Progress &progress) {
  if (!isDataset(path)) return encode(path, encoding, tokenizer, folder, progress);
  LLC_ASSIGN(data::Dataset dataset, data::Dataset::open(path));
  LLC_TRY(corpus::checkTokenizer(dataset, tokenizer, config.text("data.tokenizer_path")));
  LLC_TRY(checkKind(dataset, encoding.examples));
  if (int64_t(dataset.header().vocabulary) > vocabulary)
    return diagnose(ErrorKind::invalidInput, path)
        .says(fmt::format("was made for a vocabulary of {} tokens, the model has {}", dataset.header().vocabulary,
                          vocabulary))
        .toFix("prepare the data with the model's own tokenizer");
  return dataset;
}

data::Source partOf(const data::Source &source, data::Part part) {
  data::Source chosen = source;
  if (source.split.count(data::Part::validation) > 0) chosen.part = part;
  return chosen;
}

// Of an epoch. Packed, rows are full; as many of whole sequences as packing makes of them.
Result<int64_t> countRows(const TrainingData &data) {
  LLC_ASSIGN(data::TokenStream stream, data.training());
  uint64_t length = uint64_t(data.options.length), rows = 0;
  if (data.options.packing == data::Packing::wrapped) return int64_t(stream.totalTokens() / length);
  if (data.options.packing == data::Packing::bestFit) {
    data::StreamOptions once = data.options;
    once.repeat = false;
    LLC_ASSIGN(stream, data::TokenStream::create(data.parts(data::Part::training), once));
    for (data::Batch batch;; rows += uint64_t(batch.rows)) {
      LLC_ASSIGN(bool more, stream.next(batch));
      if (!more) return int64_t(rows);
    }
  }
  for (const data::Source &part : data.parts(data::Part::training))
    for (uint64_t i = 0; i < part.sequences(); ++i) {
      LLC_ASSIGN(uint64_t tokens, part.dataset.length(part.sequence(i)));
      rows += (tokens + length - 1) / length;
    }
  return int64_t(rows);
}

// Of all sequences, up to a multiple of 8.
Result<int64_t> longestOf(const std::vector<data::Source> &sources) {
  uint64_t longest = 2;
  for (const data::Source &source : sources)
    for (uint64_t i = 0; i < source.dataset.sequences(); ++i) {
      LLC_ASSIGN(uint64_t tokens, source.dataset.length(i));
      longest = std::max(longest, tokens);
    }
  return int64_t((longest + 7) / 8 * 8);
}

data::Packing packingOf(const RunConfig &config, Examples examples) {
  if (arePairs(examples) || !config.flag("data.packing")) return data::Packing::none;
  return examples == Examples::text ? data::Packing::wrapped : data::Packing::bestFit;
}
}  // namespace

std::vector<data::Source> TrainingData::parts(data::Part part) const {
  std::vector<data::Source> chosen;
  for (const data::Source &source : sources)
    if (part == data::Part::training || source.split.count(part) > 0) chosen.push_back(partOf(source, part));
  return chosen;
}

Result<data::TokenStream> TrainingData::training() const {
  return data::TokenStream::create(parts(data::Part::training), options);
}

Result<data::TokenStream> TrainingData::validation() const {
  data::StreamOptions once = options;
  once.repeat = false;
  once.curriculum = {};
  return data::TokenStream::create(parts(data::Part::validation), once);
}

Result<TrainingData> openTrainingData(const RunConfig &config, Examples examples,
                                      const corpus::TokenizerWithHash &tokenizer, int64_t vocabulary, int64_t length,
                                      const std::string &folder, Progress &progress) {
  std::vector<std::string> paths = config.texts("data.path");
  if (paths.empty())
    return diagnose(ErrorKind::invalidInput, "--data-path")
        .says("is missing: there is nothing to learn from")
        .toFix("give texts, or a dataset of llc-model data prepare");
  LLC_ASSIGN(Encoding encoding, encodingOf(config, examples, tokenizer, length, progress));
  TrainingData data;
  data.paired = arePairs(examples);
  uint64_t seed = uint64_t(config.integer("training.seed"));
  for (const std::string &text : paths) {
    DataPath one = splitWeight(text);
    LLC_ASSIGN(data::Dataset dataset, openOne(one.path, encoding, config, tokenizer, vocabulary, folder, progress));
    data::Source source{std::move(dataset), one.weight};
    source.split = data::Split(source.groups(), config.number("training.validation_split"), seed);
    data.hasValidation = data.hasValidation || source.split.count(data::Part::validation) > 0;
    if (examples == Examples::comparisons) LLC_TRY(addMargins(source));
    data.sources.push_back(std::move(source));
  }
  data.options.rows = config.integer("training.batch_size") * (data.paired ? 2 : 1);
  data.options.length = length;
  data.options.packing = packingOf(config, examples);
  if (examples != Examples::text && data.options.packing == data::Packing::none && !config.given("data.block_size")) {
    LLC_ASSIGN(int64_t longest, longestOf(data.sources));
    data.options.length = std::min(length, longest);
  }
  data.options.window = config.flag("data.shuffle") ? data::StreamOptions().window : 0;
  data.options.seed = uint64_t(config.integer("data.shuffle_seed"));
  LLC_ASSIGN(data.rowsPerEpoch, countRows(data));
  return data;
}

}  // namespace llc::train
