// Trains SentencePiece models with the sentencepiece library: BPE, unigram, word and character models.
#pragma once
#include "runtime/corpus/corpus.h"

namespace llc::corpus {

struct SentencePieceOptions {
  std::string type = "bpe";  // bpe, unigram, word, char
  int64_t vocabularySize = 32000;
  double characterCoverage = 1.0;
  int64_t maxSentenceLength = 4096;  // bytes; longer lines are cut, at blanks where there are any
  int64_t inputSentences = 0;        // at most so many, drawn at random; 0: all
  bool shuffle = true;
  bool splitDigits = true, splitByWhitespace = true, addDummyPrefix = false, removeExtraWhitespace = true,
       byteFallback = true;
  bool whitespacePieces = false;           // pieces of blanks only: for code
  std::string normalization = "nmt_nfkc";  // nfkc, nmt_nfkc_cf, nfkc_cf, identity
  std::vector<std::string> special = {"<pad>", "<s>", "</s>", "<unk>", "<mask>"};  // ids 0 to 4
  int64_t documents = 0;                                                           // reads at most so many; 0: all
  int threads = 1;
  uint64_t seed = 42;
};

// The bytes of tokenizer.model. Every line of a document is a sentence. Errors: those of the corpus; invalidInput (what
// the trainer says: a vocabulary that the text can't fill, or too small for the bytes). `onSentence` is called for each
// line that is read, `onRead` when all are.
Result<std::string> trainSentencePiece(Corpus &corpus, const SentencePieceOptions &options,
                                       const std::function<void()> &onSentence = nullptr,
                                       const std::function<void()> &onRead = nullptr);

// tokenizer.vocab: a line "piece <tab> score" for each id, as spm_train writes it.
Result<std::string> vocabularyText(std::string_view model);

}  // namespace llc::corpus
