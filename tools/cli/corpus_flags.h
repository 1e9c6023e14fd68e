// The flags of everything that reads texts.
#pragma once
#include "runtime/corpus/corpus.h"
#include "tools/cli/command.h"
#include "runtime/base/progress.h"

namespace llc::cli {

struct CorpusFlags {
  std::vector<std::string> inputs;
  std::string format, separator = "line", onBadRecord = "refuse";
  std::vector<std::string> fields;
  int64_t skipBad = -1;
};
void addCorpusFlags(CLI::App &app, CorpusFlags &flags);

Result<std::vector<corpus::Input>> findInputs(const CorpusFlags &flags);
// Broken records that are skipped are shown (the first ten) by `progress`, which must outlive what is made with the
// options.
corpus::CorpusOptions corpusOptions(const CorpusFlags &flags, Progress &progress);

}  // namespace llc::cli
