// run --prompts: several prompts, each with the adapters that it chooses.
#pragma once
#include "tools/cli/open.h"

namespace llc::cli {

struct PromptRecord {
  TextOrIds prompt;
  std::optional<std::map<std::string, double>> adapters;  // share by name; those that are not named add nothing
};

// JSON objects, one a line, with "prompt" or "ids", and "adapters" if wanted: a name, a list of names, or shares by
// name; `path` may be - for the standard input. Errors name the line.
Result<std::vector<PromptRecord>> readPrompts(const std::string &path);
bool chooseAdapters(const std::vector<PromptRecord> &prompts);  // whether any of them does

// `adapters`: as given on the command line, in the order of `opened.adapterShares`; a prompt that chooses none gets
// them as they were given. Errors: an unknown name.
Status runPrompts(OpenedModel &opened, const std::vector<PromptRecord> &prompts,
                  const std::vector<std::string> &adapters, const RunOptions &options);

}  // namespace llc::cli
