// From texts to a prepared dataset: encoded, with beginning and end tokens, cut into sequences, mixed by weight.
#pragma once
#include "runtime/corpus/corpus.h"
#include "runtime/data/dataset_writer.h"
#include "runtime/text/tokenizer.h"

namespace llc::corpus {

// What a document becomes.
struct Encoded {
  std::vector<std::vector<int32_t>> sequences;  // none: it is left out
  float number = 0;                             // that belongs to each of them
};

struct PrepareOptions {
  CorpusOptions corpus;
  int64_t maxLength = 2048;  // tokens of a sequence, longer documents are cut; 0: never
  // When given, it makes the sequences of a document itself, with its own ends and lengths.
  std::function<Result<Encoded>(const std::string &document)> encode = nullptr;
  bool marked = false, paired = false;  // what `encode` makes, see DatasetHeader
  bool addBos = true, addEos = true;    // around each document, where the tokenizer has such tokens
  int64_t limit = 0;                    // documents of each input; 0: all
  int threads = 1;
};

struct SourceReport {
  std::string name;
  std::optional<double> weight;
  CorpusCounts counts;
  int64_t sequences = 0, tokens = 0;
  int64_t leftOut = 0;         // documents that gave no sequence
  bool finished = false;       // all of it was used
  std::vector<float> numbers;  // Encoded::number of each sequence, with PrepareOptions::encode
};

// Without weights: one input after the other. With weights (1 where none is given): always from the input that is
// furthest behind its share of the tokens, until one has no more, so that the shares hold. `onDocument` gets the bytes
// read and those there are, now and then. Errors: those of the corpus, of the tokenizer (named with the input) and of
// the writer.
Result<std::vector<SourceReport>> prepare(const std::vector<Input> &inputs, const Tokenizer &tokenizer,
                                          const PrepareOptions &options, data::DatasetWriter &writer,
                                          const std::function<void(uint64_t, uint64_t)> &onProgress = nullptr);

}  // namespace llc::corpus
