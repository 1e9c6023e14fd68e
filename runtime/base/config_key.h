// A key of a configuration: what its values may be. Tables of them check files and command lines alike.
#pragma once
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "runtime/base/status.h"

namespace llc {

enum class KeyType { integer, number, boolean, text, texts, booleanOrText, object, objects };

struct KeySpec {
  std::string path;  // "d_model", "training.lr"
  KeyType type;
  nlohmann::ordered_json initial;    // null: absent unless it is set
  double least, most;                // of numbers
  std::vector<std::string> choices;  // of texts; empty: any
  std::string help;
};

// Error: a value of the wrong type or out of range, at `where`.
Status checkValue(const KeySpec &key, const nlohmann::ordered_json &value, const std::string &where);
// A value written as JSON, or as a plain text. Errors: those of checkValue().
Result<nlohmann::ordered_json> parseValue(const KeySpec &key, const std::string &text, const std::string &where);
// The same of a flag of its own: lists have commas between, texts that may be anything are taken as they are.
Result<nlohmann::ordered_json> parseFlag(const KeySpec &key, const std::string &text, const std::string &where);

// For files in which a table travels.
nlohmann::ordered_json toJson(const KeySpec &key);
Result<KeySpec> parseKeySpec(const nlohmann::ordered_json &json, const std::string &where);

}  // namespace llc
