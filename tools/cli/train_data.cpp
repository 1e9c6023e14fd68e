#include "tools/cli/train_data.h"

#include <sys/stat.h>

#include <filesystem>

#include "runtime/base/sha256.h"
#include "runtime/corpus/inputs.h"
#include "runtime/threads/limits.h"

namespace llc::cli {

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

// The same for the same files, tokenizer and length.
std::string nameOf(const corpus::Input &input, const TokenizerWithHash &tokenizer, int64_t maxLength) {
  std::string about = fmt::format("{} {}", tokenizer.hash, maxLength);
  for (const corpus::InputFile &file : input.files) {
    struct stat status = {};
    stat(file.path.c_str(), &status);
    about += fmt::format("\n{} {} {}.{}", file.path, file.bytes, status.st_mtim.tv_sec, status.st_mtim.tv_nsec);
  }
  return sha256OfText(about).substr(0, 16) + ".bin";
}

Result<data::Dataset> encode(const std::string &path, const TrainConfig &config, const TokenizerWithHash &tokenizer,
                             const std::string &folder, Progress &progress) {
  LLC_ASSIGN(auto inputs, corpus::findInputs({path}));
  corpus::PrepareOptions options;
  options.threads = int(std::max<int64_t>(1, config.integer("data.num_workers")));
  std::string output = folder + "/" + nameOf(inputs[0], tokenizer, options.maxLength);
  std::error_code error;
  if (!fs::exists(output, error)) {
    LLC_ASSIGN(PreparedDataset made, prepareDataset(inputs, tokenizer, options, output, progress));
    progress.finish();
    progress.say(fmt::format("{}: {} sequences, {} tokens of {}", made.paths.bin, made.header.sequences,
                             made.header.tokens, path));
  }
  return data::Dataset::open(output);
}

Result<data::Dataset> openOne(const std::string &path, const TrainConfig &config, const TokenizerWithHash &tokenizer,
                              int64_t vocabulary, const std::string &folder, Progress &progress) {
  if (!isDataset(path)) return encode(path, config, tokenizer, folder, progress);
  LLC_ASSIGN(data::Dataset dataset, data::Dataset::open(path));
  LLC_TRY(checkTokenizer(dataset, tokenizer, config.text("data.tokenizer_path")));
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

// Without packing a sequence begins a row of its own; packed, rows are full.
Result<int64_t> countRows(const TrainingData &data) {
  LLC_ASSIGN(data::TokenStream stream, data.training());
  uint64_t length = uint64_t(data.options.length), rows = 0;
  if (data.options.packing == data::Packing::wrapped) return int64_t(stream.totalTokens() / length);
  for (const data::Source &source : data.sources) {
    data::Source part = partOf(source, data::Part::training);
    for (uint64_t i = 0; i < part.sequences(); ++i) {
      LLC_ASSIGN(uint64_t tokens, part.dataset.length(part.sequence(i)));
      rows += (tokens + length - 1) / length;
    }
  }
  return int64_t(rows);
}
}  // namespace

Result<data::TokenStream> TrainingData::training() const {
  std::vector<data::Source> parts;
  for (const data::Source &source : sources) parts.push_back(partOf(source, data::Part::training));
  return data::TokenStream::create(std::move(parts), options);
}

Result<data::TokenStream> TrainingData::validation() const {
  std::vector<data::Source> parts;
  for (const data::Source &source : sources)
    if (source.split.count(data::Part::validation) > 0) parts.push_back(partOf(source, data::Part::validation));
  data::StreamOptions once = options;
  once.repeat = false;
  return data::TokenStream::create(std::move(parts), once);
}

Result<TrainingData> openTrainingData(const TrainConfig &config, const TokenizerWithHash &tokenizer, int64_t vocabulary,
                                      int64_t length, const std::string &folder, Progress &progress) {
  std::vector<std::string> paths = config.texts("data.path");
  if (paths.empty())
    return diagnose(ErrorKind::invalidInput, "--data-path")
        .says("is missing: there is nothing to learn from")
        .toFix("give texts, or a dataset of llc-model data prepare");
  TrainingData data;
  uint64_t seed = uint64_t(config.integer("training.seed"));
  for (const std::string &text : paths) {
    DataPath one = splitWeight(text);
    LLC_ASSIGN(data::Dataset dataset, openOne(one.path, config, tokenizer, vocabulary, folder, progress));
    data::Split split(dataset.sequences(), config.number("training.validation_split"), seed);
    data.hasValidation = data.hasValidation || split.count(data::Part::validation) > 0;
    data.sources.push_back({std::move(dataset), one.weight, data::Part::all, split});
  }
  data.options.rows = config.integer("training.batch_size");
  data.options.length = length;
  data.options.packing = config.flag("data.packing") ? data::Packing::wrapped : data::Packing::none;
  data.options.window = config.flag("data.shuffle") ? data::StreamOptions().window : 0;
  data.options.seed = uint64_t(config.integer("data.shuffle_seed"));
  LLC_ASSIGN(data.rowsPerEpoch, countRows(data));
  return data;
}

}  // namespace llc::cli
