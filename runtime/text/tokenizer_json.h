// Reads tokenizer.json: the long lists of the model go straight into a vocabulary, the rest becomes a JSON value.
#pragma once
#include <string>
#include <string_view>

#include "runtime/text/model.h"

namespace llc::text {

struct TokenizerJson {
  Json rest;  // everything but model.vocab and model.merges
  ModelData model;
};

Result<TokenizerJson> readTokenizerJson(std::string_view bytes, const std::string &where);
// A whole small JSON file; refuses more than 64 levels.
Result<Json> readJson(std::string_view bytes, const std::string &where);
// vocab.json: {"token": id, …}
Result<Vocabulary> readVocabularyJson(std::string_view bytes, const std::string &where);

}  // namespace llc::text
