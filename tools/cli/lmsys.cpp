#include "tools/cli/lmsys.h"

#include <filesystem>

#include "runtime/base/output_file.h"
#include "runtime/corpus/prepared_data.h"
#include "runtime/corpus/sentencepiece_train.h"
#include "runtime/threads/limits.h"

namespace llc::cli {

namespace {
namespace fs = std::filesystem;
constexpr const char *name = "ytz20/LMSYS-Chat-GPT-5-Chat-Response";

bool isThere(const std::string &path) {
  std::error_code error;
  return fs::exists(path, error);
}

Status makeFolderOf(const std::string &path) {
  std::error_code error;
  fs::path folder = fs::path(path).parent_path();
  if (!folder.empty()) fs::create_directories(folder, error);
  if (!error) return success();
  return diagnose(ErrorKind::invalidInput, folder.string())
      .says("can't be made: " + error.message())
      .toFix("run it where you may write, or prepare the data with llc-model data prepare -o FILE");
}

Result<std::vector<corpus::Input>> copyOf(const TrainFlags &flags, const std::string &missing) {
  if (!flags.data.empty()) return corpus::findInputs(flags.data);
  return diagnose(ErrorKind::notFound, "--use-lmsys-dataset")
      .says(missing + " is not there, and nothing is downloaded from here")
      .toFix(fmt::format("get {} from huggingface.co under its licence, as JSONL, and give the folder with --data-path",
                         name));
}

corpus::CorpusOptions corpusOf(Progress &progress) {
  corpus::CorpusOptions options;
  options.skipBroken = true;
  options.onBroken = corpus::brokenRecordWarnings(progress);
  return options;
}

// As tokenizer train does it by default, of at most 50,000 conversations.
Status trainTokenizer(const std::string &path, const std::vector<corpus::Input> &inputs, Progress &progress) {
  LLC_TRY(makeFolderOf(path));
  corpus::Corpus texts(corpus::filesOf(inputs), corpusOf(progress));
  corpus::SentencePieceOptions options;
  options.documents = 50000;
  options.threads = int(threadLimits().threads);
  progress.step("training the tokenizer " + path);
  LLC_ASSIGN(std::string model, corpus::trainSentencePiece(texts, options));
  LLC_ASSIGN(std::string vocabulary, corpus::vocabularyText(model));
  LLC_TRY(writeFile(path, model));
  return writeFile(fs::path(path).replace_extension(".vocab").string(), vocabulary);
}

Status prepare(const std::vector<corpus::Input> &inputs, const std::string &tokenizer, Progress &progress) {
  LLC_TRY(makeFolderOf(lmsysDataset));
  LLC_ASSIGN(corpus::TokenizerWithHash loaded, corpus::loadTokenizer(tokenizer));
  corpus::PrepareOptions options;
  options.corpus = corpusOf(progress);
  options.threads = int(threadLimits().threads);
  LLC_ASSIGN(corpus::PreparedDataset made, corpus::prepareDataset(inputs, loaded, options, lmsysDataset, progress));
  progress.finish();
  progress.say(fmt::format("{}: {} sequences, {} tokens", made.paths.bin, made.header.sequences, made.header.tokens));
  return success();
}
}  // namespace

Status useLmsysDataset(TrainFlags &flags, const TrainVerb &verb, Progress &progress) {
  std::string &tokenizer = flags.keys["data.tokenizer_path"];
  if (tokenizer.empty()) tokenizer = verb.makesModel ? "weights/tokenizer.model" : flags.model;
  if (!isThere(tokenizer) && verb.makesModel) {
    LLC_ASSIGN(std::vector<corpus::Input> inputs, copyOf(flags, tokenizer));
    LLC_TRY(trainTokenizer(tokenizer, inputs, progress));
  }
  if (!isThere(lmsysDataset)) {
    LLC_ASSIGN(std::vector<corpus::Input> inputs, copyOf(flags, lmsysDataset));
    LLC_TRY(prepare(inputs, tokenizer, progress));
  } else if (!flags.data.empty()) {
    progress.note(fmt::format("note: {} is there: --data-path is not read; remove the former to have it made again",
                              lmsysDataset));
  }
  flags.data = {lmsysDataset};
  return success();
}

}  // namespace llc::cli
