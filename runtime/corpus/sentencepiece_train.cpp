#include "runtime/corpus/sentencepiece_train.h"

#include <sentencepiece_trainer.h>

#include "runtime/text/sentencepiece.h"
#include "runtime/text/utf8.h"

namespace llc::corpus {

namespace {
using LibraryStatus = sentencepiece::util::Status;
using LibraryCode = sentencepiece::util::StatusCode;

// The lines of all documents, long ones in parts.
class Sentences final : public sentencepiece::SentenceIterator {
 public:
  Sentences(Corpus &corpus, const SentencePieceOptions &options, const std::function<void()> &onSentence,
            const std::function<void()> &onRead)
      : corpus_(corpus),
        limit_(size_t(std::max<int64_t>(16, options.maxSentenceLength))),
        documents_(options.documents),
        onSentence_(onSentence),
        onRead_(onRead) {
    Next();
  }
  bool done() const override { return done_; }
  const std::string &value() const override { return sentence_; }
  LibraryStatus status() const override {
    return error_ ? LibraryStatus(LibraryCode::kDataLoss, error_->text()) : LibraryStatus();
  }
  const std::optional<Error> &error() const { return error_; }

  void Next() override {
    do {
      if (rest_.empty() && !nextDocument()) return;
      cutSentence();
    } while (sentence_.find_first_not_of(" \t\r") == std::string::npos);
    if (onSentence_) onSentence_();
  }

 private:
  bool nextDocument() {
    done_ = documents_ && corpus_.counts().documents >= documents_;
    if (!done_) {
      auto more = corpus_.next(rest_);
      if (!more) error_ = more.error();
      done_ = !more || !*more;
    }
    if (done_ && onRead_) onRead_();
    return !done_;
  }
  void cutSentence() {
    size_t newline = rest_.find('\n');
    std::string_view line = rest_.substr(0, newline);
    size_t used = newline == rest_.npos ? line.size() : newline + 1;
    if (line.size() > limit_) {
      size_t end = line.rfind(' ', limit_);
      if (end == line.npos || end == 0) end = text::previousCharacter(line, limit_ + 1);
      if (end == 0) end = text::characterLength(line[0]);
      line = line.substr(0, end);
      used = end;
    }
    sentence_ = line;
    rest_.remove_prefix(used);
  }
  Corpus &corpus_;
  size_t limit_;
  int64_t documents_;
  const std::function<void()> &onSentence_, &onRead_;
  std::string sentence_;
  std::string_view rest_;  // of the document, owned by the corpus
  std::optional<Error> error_;
  bool done_ = false;
};

std::unordered_map<std::string, std::string> arguments(const SentencePieceOptions &o) {
  auto flag = [](bool value) { return std::string(value ? "true" : "false"); };
  return {{"model_type", o.type},
          {"vocab_size", std::to_string(o.vocabularySize)},
          {"character_coverage", fmt::format("{}", o.characterCoverage)},
          {"max_sentence_length", std::to_string(o.maxSentenceLength)},
          {"input_sentence_size", std::to_string(std::max<int64_t>(0, o.inputSentences))},
          {"shuffle_input_sentence", flag(o.shuffle)},
          {"split_digits", flag(o.splitDigits)},
          {"split_by_whitespace", flag(o.splitByWhitespace)},
          {"add_dummy_prefix", flag(o.addDummyPrefix)},
          {"remove_extra_whitespaces", flag(o.removeExtraWhitespace)},
          {"allow_whitespace_only_pieces", flag(o.whitespacePieces)},
          {"byte_fallback", flag(o.byteFallback)},
          {"normalization_rule_name", o.normalization},
          {"num_threads", std::to_string(o.threads)},
          {"pad_id", "0"},
          {"bos_id", "1"},
          {"eos_id", "2"},
          {"unk_id", "3"},
          {"pad_piece", o.special[0]},
          {"bos_piece", o.special[1]},
          {"eos_piece", o.special[2]},
          {"unk_piece", o.special[3]},
          {"control_symbols", o.special[4]},
          {"minloglevel", "3"}};
}

// The library speaks of its source lines: "INTERNAL: src/trainer_interface.cc(582) [...] Vocabulary size too high
// (...)".
std::string plainMessage(std::string text) {
  size_t bracket = text.rfind("] ");
  return bracket == std::string::npos ? text : text.substr(bracket + 2);
}
}  // namespace

Result<std::string> trainSentencePiece(Corpus &corpus, const SentencePieceOptions &options,
                                       const std::function<void()> &onSentence, const std::function<void()> &onRead) {
  int64_t least = 5 + (options.byteFallback ? 256 : 0);
  if (options.vocabularySize <= least)
    return diagnose(ErrorKind::invalidInput, "--vocab-size")
        .says(fmt::format("{} tokens leave no room beside {} for special tokens and bytes", options.vocabularySize,
                          least))
        .toFix(fmt::format("ask for more than {}, or give up on bytes: --no-byte-fallback", least));
  Sentences sentences(corpus, options, onSentence, onRead);
  if (sentences.error()) return *sentences.error();
  if (sentences.done())
    return diagnose(ErrorKind::invalidInput, "--input")
        .says("there is no text in it")
        .toFix("check the files and --field");
  sentencepiece::SetRandomGeneratorSeed(unsigned(options.seed));
  std::string model;
  LibraryStatus status = sentencepiece::SentencePieceTrainer::Train(arguments(options), &sentences, &model);
  if (sentences.error()) return *sentences.error();
  if (!status.ok())
    return diagnose(ErrorKind::invalidInput, "sentencepiece")
        .says(plainMessage(status.ToString()))
        .toFix("change --vocab-size (smaller for little text, larger for many different characters) or give more text");
  return model;
}

Result<std::string> vocabularyText(std::string_view model) {
  LLC_ASSIGN(text::SentencePieceModel parsed, text::readSentencePiece(model, "tokenizer.model"));
  std::string out;
  for (const auto &piece : parsed.pieces) out += fmt::format("{}\t{:g}\n", piece.text, piece.score);
  return out;
}

}  // namespace llc::corpus
