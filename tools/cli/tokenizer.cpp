// tokenizer train: a vocabulary made from texts.
#include <filesystem>

#include "runtime/base/output_file.h"
#include "runtime/corpus/byte_level_bpe.h"
#include "runtime/corpus/sentencepiece_train.h"
#include "runtime/serve/options.h"
#include "runtime/threads/limits.h"
#include "tools/cli/corpus_flags.h"

namespace llc::cli {

namespace {
struct TokenizerFlags {
  CorpusFlags corpus;
  std::string type = "bpe", output, normalization, pattern = "gpt2";
  int64_t vocabularySize = 32000, minFrequency = 2, maxTokenLength = 0, maxSentenceLength = 4096, inputSentences = 0,
          limit = 0, threads = 0;
  uint64_t seed = 42;
  double coverage = 1.0;
  bool splitDigits = true, splitByWhitespace = true, dummyPrefix = false, extraWhitespace = true, shuffle = true,
       byteFallback = true;
  bool code = false, json = false;
};

void declareSentencePiece(CLI::App &app, TokenizerFlags &o) {
  constexpr const char *group = "SentencePiece";
  app.add_option("--character-coverage", o.coverage, "Share of the text's characters that get a piece of their own")
      ->capture_default_str()
      ->check(CLI::Range(0.5, 1.0))
      ->group(group);
  app.add_option("--max-sentence-length", o.maxSentenceLength, "Bytes; longer lines are cut at blanks")
      ->capture_default_str()
      ->check(CLI::Range(16, 1 << 20))
      ->group(group);
  app.add_option("--input-sentence-size", o.inputSentences, "Trains on so many lines drawn at random; 0 or -1: on all")
      ->capture_default_str()
      ->group(group);
  app.add_flag("--shuffle,!--no-shuffle", o.shuffle, "Shuffles lines before training (default)")->group(group);
  app.add_flag("--split-by-whitespace,!--no-split-by-whitespace", o.splitByWhitespace,
               "No piece goes across blanks (default)")
      ->group(group);
  app.add_flag("--add-dummy-prefix", o.dummyPrefix, "Puts a blank before every text")->group(group);
  app.add_flag("--remove-extra-whitespaces,!--no-remove-extra-whitespaces", o.extraWhitespace,
               "Several blanks become one (default)")
      ->group(group);
  app.add_flag("--byte-fallback,!--no-byte-fallback", o.byteFallback,
               "Characters without a piece become bytes, not <unk> (default)")
      ->group(group);
  app.add_flag("--code", o.code, "Keeps text exactly: no normalization, blanks kept, pieces of several blanks")
      ->group(group);
}

void declareByteLevel(CLI::App &app, TokenizerFlags &o) {
  constexpr const char *group = "Byte-level BPE";
  app.add_option("--pattern", o.pattern,
                 "How text is cut into words that merges don't cross: gpt2, llama3, or a regular expression")
      ->capture_default_str()
      ->group(group);
  app.add_option("--min-frequency", o.minFrequency, "Pairs that are rarer are not merged")
      ->capture_default_str()
      ->check(wholeNumber())
      ->group(group);
  app.add_option("--max-token-length", o.maxTokenLength, "Bytes of the longest token; 0: no limit")
      ->capture_default_str()
      ->check(wholeNumber())
      ->group(group);
}

void declareTokenizer(CLI::App &app, TokenizerFlags &o) {
  addCorpusFlags(app, o.corpus);
  app.add_option("--type", o.type, "bpe, unigram, word, char: SentencePiece; byte-bpe: bytes, as GPT-2 and Llama 3")
      ->capture_default_str()
      ->check(CLI::IsMember({"bpe", "unigram", "word", "char", "byte-bpe"}));
  app.add_option("-o,--output", o.output,
                 "tokenizer.model (with tokenizer.vocab) or tokenizer.json (with tokenizer_config.json), or a "
                 "directory for them; default: weights/");
  app.add_option("--vocab-size", o.vocabularySize, "Tokens, with <pad> 0, <s> 1, </s> 2, <unk> 3 and <mask> 4")
      ->capture_default_str()
      ->check(CLI::Range(1, 1 << 24));
  app.add_option(
      "--normalization", o.normalization,
      "SentencePiece: nmt_nfkc (default), nfkc, nmt_nfkc_cf, nfkc_cf, identity; bytes: identity (default), nfc, nfkc");
  app.add_flag("--split-digits,!--no-split-digits", o.splitDigits, "Each digit is a token of its own (default)");
  app.add_option("--limit", o.limit, "Reads at most so many documents; 0: all")
      ->capture_default_str()
      ->check(wholeNumber());
  app.add_option("--seed", o.seed, "Of the choice of lines")->capture_default_str()->check(wholeNumber());
  app.add_option("-t,--threads", o.threads, "0: what affinity and CPU quota allow")
      ->capture_default_str()
      ->check(CLI::Range(0, 256));
  app.add_flag("--json", o.json, "One JSON object about the result on the standard output");
  declareSentencePiece(app, o);
  declareByteLevel(app, o);
}

// Flags of one kind of tokenizer mean nothing for the other: they are refused rather than ignored.
Status checkKind(const CLI::App &app, const TokenizerFlags &o) {
  std::string_view foreign = o.type == "byte-bpe" ? "SentencePiece" : "Byte-level BPE";
  for (const CLI::Option *option : app.get_options())
    if (option->get_group() == foreign && option->count() > 0)
      return diagnose(ErrorKind::invalidInput, option->get_name())
          .says("has no meaning for --type " + o.type)
          .toFix("leave it out, or choose another --type");
  return success();
}

// The file of the tokenizer, with its folder made.
Result<std::filesystem::path> outputPath(const TokenizerFlags &o) {
  namespace fs = std::filesystem;
  std::string ending = o.type == "byte-bpe" ? ".json" : ".model";
  fs::path path = o.output.empty() ? fs::path("weights") : fs::path(o.output);
  if (path.extension() != ending) path /= "tokenizer" + ending;
  std::error_code error;
  if (path.has_parent_path()) fs::create_directories(path.parent_path(), error);
  if (error)
    return diagnose(ErrorKind::invalidInput, "--output")
        .says("can't make the directory " + path.parent_path().string() + ": " + error.message())
        .toFix("choose a directory that you may write to");
  return path;
}

struct Trained {
  std::string model, sidePath, side;  // the tokenizer's file and the one beside it
  int64_t tokens = 0;
};

// Shows how far reading is, in thousandths.
class ReadingBar {
 public:
  ReadingBar(Progress &progress, const corpus::Corpus &texts)
      : progress_(progress), texts_(texts), total_(texts.totalBytes()) {
    progress.step("reading", 1000);
  }
  void update() {
    for (int64_t now = total_ ? int64_t(texts_.bytesRead() * 1000 / total_) : 0; shown_ < std::min<int64_t>(now, 1000);
         ++shown_)
      progress_.advance();
  }

 private:
  Progress &progress_;
  const corpus::Corpus &texts_;
  uint64_t total_;
  int64_t shown_ = 0;
};

Result<Trained> trainByteLevel(corpus::Corpus &texts, const TokenizerFlags &o, int threads, Progress &progress) {
  corpus::ByteLevelOptions options;
  options.vocabularySize = o.vocabularySize;
  options.minFrequency = o.minFrequency;
  options.maxTokenLength = o.maxTokenLength;
  options.pattern = o.pattern;
  options.splitDigits = o.splitDigits;
  if (!o.normalization.empty()) options.normalization = o.normalization;
  LLC_ASSIGN(corpus::WordCounts counts, corpus::WordCounts::create(options, threads));
  ReadingBar bar(progress, texts);
  for (;;) {
    size_t room = o.limit ? size_t(o.limit - texts.counts().documents) : SIZE_MAX;
    LLC_ASSIGN(auto batch, texts.batch(std::min<size_t>(room, 4096)));
    if (batch.empty()) break;
    LLC_TRY(counts.add(batch));
    bar.update();
  }
  progress.step("merging", o.vocabularySize);
  int64_t shown = 0;
  LLC_ASSIGN(corpus::BpeVocabulary vocabulary, corpus::trainBpe(counts.take(), options, [&](int64_t tokens) {
               for (; shown < tokens; ++shown) progress.advance();
             }));
  if (int64_t(vocabulary.tokens.size()) < o.vocabularySize)
    progress.note(fmt::format(
        "warning: the text has pairs for {} tokens only, not {}; more text or a lower --min-frequency give more",
        vocabulary.tokens.size(), o.vocabularySize));
  return Trained{corpus::tokenizerJson(vocabulary, options), "tokenizer_config.json",
                 corpus::tokenizerConfigJson(options.special), int64_t(vocabulary.tokens.size())};
}

Result<Trained> trainPieces(corpus::Corpus &texts, const TokenizerFlags &o, int threads, Progress &progress) {
  corpus::SentencePieceOptions options;
  options.type = o.type;
  options.vocabularySize = o.vocabularySize;
  options.characterCoverage = o.coverage;
  options.maxSentenceLength = o.maxSentenceLength;
  options.inputSentences = o.inputSentences;
  options.shuffle = o.shuffle;
  options.splitDigits = o.splitDigits;
  options.splitByWhitespace = o.splitByWhitespace;
  options.addDummyPrefix = o.dummyPrefix;
  options.removeExtraWhitespace = o.extraWhitespace && !o.code;
  options.whitespacePieces = o.code;
  options.byteFallback = o.byteFallback;
  options.normalization = !o.normalization.empty() ? o.normalization : o.code ? "identity" : "nmt_nfkc";
  options.documents = o.limit;
  options.threads = threads;
  options.seed = o.seed;
  ReadingBar bar(progress, texts);
  auto onSentence = [&] { bar.update(); };
  auto onRead = [&] { progress.step("training"); };
  Trained trained;
  LLC_ASSIGN(trained.model, corpus::trainSentencePiece(texts, options, onSentence, onRead));
  LLC_ASSIGN(trained.side, corpus::vocabularyText(trained.model));
  trained.tokens = std::count(trained.side.begin(), trained.side.end(), '\n');
  return trained;
}

Status runTokenizer(Context &context, CLI::App &app, TokenizerFlags &o) {
  LLC_TRY(checkKind(app, o));
  Progress progress(context.quiet);
  LLC_ASSIGN(auto inputs, findInputs(o.corpus));
  LLC_ASSIGN(auto path, outputPath(o));
  corpus::Corpus texts(corpus::filesOf(inputs), corpusOptions(o.corpus, progress));
  int threads = int(o.threads ? o.threads : threadLimits().threads);
  bool bytes = o.type == "byte-bpe";
  LLC_ASSIGN(Trained trained,
             bytes ? trainByteLevel(texts, o, threads, progress) : trainPieces(texts, o, threads, progress));
  progress.finish();
  auto side = path;
  if (bytes)
    side.replace_filename(trained.sidePath);
  else
    side.replace_extension(".vocab");
  LLC_TRY(writeFile(path.string(), trained.model));
  LLC_TRY(writeFile(side.string(), trained.side));
  const corpus::CorpusCounts &counts = texts.counts();
  nlohmann::json result = {{"output", path.string()},       {"tokens", trained.tokens},
                           {"documents", counts.documents}, {"text_bytes", counts.textBytes},
                           {"bad_records", counts.broken},  {"seconds", context.secondsSinceStart()}};
  if (o.json)
    fmt::print("{}\n", result.dump());
  else
    fmt::print("{}: {} tokens from {} documents ({} bytes of text, {} broken records)\n", path.string(), trained.tokens,
               counts.documents, counts.textBytes, counts.broken);
  return success();
}
}  // namespace

void addTokenizer(Context &context) {
  CLI::App &group = addGroup(context, "tokenizer", "Tokenizers: train one on texts");
  addCommand<TokenizerFlags>(context, group, "train", "Makes a tokenizer of texts: SentencePiece or byte-level BPE",
                             declareTokenizer, runTokenizer);
}

}  // namespace llc::cli
