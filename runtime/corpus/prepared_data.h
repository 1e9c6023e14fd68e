// Tokenizers and prepared datasets that belong together.
#pragma once
#include "runtime/base/progress.h"
#include "runtime/corpus/prepare.h"
#include "runtime/data/dataset.h"

namespace llc::corpus {

struct TokenizerWithHash {
  std::unique_ptr<Tokenizer> tokenizer;
  std::map<std::string, std::string> files;  // by name: what a model's directory holds
  std::string hash;                          // SHA-256 of the vocabulary's file
};
Result<TokenizerWithHash> loadTokenizer(const std::string &path);
// Of what loadTokenizer() found in `files`.
Result<TokenizerWithHash> makeTokenizer(std::map<std::string, std::string> files);

data::Sha256Digest digestOf(const std::string &hex);
std::string hexOf(const data::Sha256Digest &digest);
// What of a header is said to people and programs.
nlohmann::json toJson(const data::DatasetHeader &header);

// Error: the dataset was made with another tokenizer than that of `path`. One that does not say is believed.
Status checkTokenizer(const data::Dataset &dataset, const TokenizerWithHash &tokenizer, const std::string &path);

// For CorpusOptions::onBroken: shows the first ten broken records that are skipped. `progress` must outlive it.
std::function<void(const std::string &)> brokenRecordWarnings(Progress &progress);

// A bar of a thousand parts for how much of the texts has been read.
std::function<void(uint64_t, uint64_t)> readingBar(Progress &progress);

struct PreparedDataset {
  data::DatasetPaths paths;
  data::DatasetHeader header;
  std::vector<SourceReport> reports;
  nlohmann::json about;  // what is in its manifest
};
// Encodes texts into the dataset `output` (folders are made) with its manifest. Error: no text at all.
Result<PreparedDataset> prepareDataset(const std::vector<Input> &inputs, const TokenizerWithHash &tokenizer,
                                       const PrepareOptions &options, const std::string &output, Progress &progress);

}  // namespace llc::corpus
