#include "tools/cli/corpus_flags.h"

#include "runtime/corpus/prepared_data.h"
#include "runtime/serve/options.h"

namespace llc::cli {

void addCorpusFlags(CLI::App &app, CorpusFlags &flags) {
  constexpr const char *group = "Texts";
  app.add_option("-i,--input,--dataset", flags.inputs,
                 "File, directory or pattern of texts: .txt, .md, .jsonl, .csv, .tsv, also with .gz or .zst; "
                 ".parquet; may be given more than once")
      ->required()
      ->expected(1)
      ->take_all()
      ->group(group);
  app.add_option("--format", flags.format, "What the files hold, whatever their names: text, jsonl, csv, tsv, parquet")
      ->check(CLI::IsMember({"text", "jsonl", "csv", "tsv", "parquet"}))
      ->group(group);
  app.add_option("--field", flags.fields,
                 "Fields whose text counts: a,b. Default: conversations or messages, content, text, prompt with "
                 "response, or all strings")
      ->delimiter(',')
      ->group(group);
  app.add_option("--document-separator", flags.separator,
                 "What ends a document in text files: line (each line is one), blank (an empty line), file, or a line "
                 "of this text")
      ->capture_default_str()
      ->group(group);
  app.add_option("--on-bad-record", flags.onBadRecord, "Records that are broken: refuse, or skip with a warning")
      ->capture_default_str()
      ->check(CLI::IsMember({"refuse", "skip"}))
      ->group(group);
  app.add_option("--skip-bad", flags.skipBad, "Skips at most so many broken records")
      ->check(wholeNumber())
      ->group(group);
}

Result<std::vector<corpus::Input>> findInputs(const CorpusFlags &flags) {
  std::optional<corpus::Format> format;
  if (!flags.format.empty()) {
    LLC_ASSIGN(format, corpus::formatNamed(flags.format));
  }
  return corpus::findInputs(flags.inputs, format);
}

corpus::CorpusOptions corpusOptions(const CorpusFlags &flags, Progress &progress) {
  corpus::CorpusOptions options;
  options.records.fields = flags.fields;
  options.records.separator = flags.separator;
  options.skipBroken = flags.onBadRecord == "skip" || flags.skipBad >= 0;
  options.maxBroken = flags.skipBad;
  options.onBroken = corpus::brokenRecordWarnings(progress);
  return options;
}

}  // namespace llc::cli
