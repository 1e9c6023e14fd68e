// Scores of texts by a model that judges sequences: what llc-model classify and compiled executables share.
#pragma once
#include <map>

#include "runtime/serve/engine.h"
#include "runtime/serve/options.h"
#include "runtime/text/tokenizer.h"

namespace llc {

struct ClassifyOptions {
  TextOrIds input;
  bool noEnd = false;  // no end token behind the text, which trainers of rewards put there
};
// `required`: there is no other way to say what is scored.
void addClassifyFlags(CLI::App &app, ClassifyOptions &options, bool required);

// As id2label of a config.json names them, in their order; empty: it names none.
Result<std::vector<std::string>> labelNames(const std::map<std::string, std::string> &files, const std::string &where);
// {"tokens": 23, "label": "good", "scores": {"good": 1.4, "bad": -0.2}}; the label where there are several.
std::string scoresLine(size_t tokens, std::span<const float> scores, const std::vector<std::string> &labels);

// One line for the text or the ids. Errors: nothing to score, a text without a tokenizer, those of the engine.
Status classifyCommand(Engine &engine, const Tokenizer *tokenizer, const ClassifyOptions &options,
                       const std::map<std::string, std::string> &files);

}  // namespace llc
