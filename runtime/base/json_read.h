// JSON from files that nobody vouches for: syntax errors, wrong types and missing keys become Errors that name the
// file, the key's path (a JSON pointer) and what was expected. Never throws.
#pragma once
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/status.h"

namespace llc {

using Json = nlohmann::json;

// `where` names the file. Duplicate keys of one object are an error (files with them lie to somebody); nesting beyond
// 200 levels is refused.
Result<Json> parseJson(std::string_view text, const std::string &where);
Result<Json> readJsonFile(const std::string &path);

// A typed view of one object. Every getter gives an Error (kind invalidInput) for a wrong type or a number out of
// range.
class JsonObject {
 public:
  // `value` must outlive the view. Error when it is no object.
  static Result<JsonObject> of(const Json &value, std::string where, std::string pointer = "");

  bool has(std::string_view key) const;          // present and not null
  const Json *find(std::string_view key) const;  // null when absent or null
  Result<std::string> text(std::string_view key) const;
  Result<int64_t> integer(std::string_view key, int64_t least, int64_t most) const;
  Result<double> number(std::string_view key) const;
  Result<bool> boolean(std::string_view key) const;
  Result<JsonObject> object(std::string_view key) const;
  Result<const Json *> array(std::string_view key) const;
  Result<std::vector<int64_t>> integers(std::string_view key, int64_t least, int64_t most) const;
  Result<std::vector<std::string>> texts(std::string_view key) const;
  // The same, `otherwise` when the key is absent or null.
  Result<std::string> text(std::string_view key, std::string otherwise) const;
  Result<int64_t> integer(std::string_view key, int64_t least, int64_t most, int64_t otherwise) const;
  Result<double> number(std::string_view key, double otherwise) const;
  Result<bool> boolean(std::string_view key, bool otherwise) const;

  // Success if the key "version" is `known`; unsupported: another one.
  Status expectVersion(int64_t known) const;

  const std::string &where() const { return where_; }
  std::string at(std::string_view key) const;  // "config.json#/rope_scaling/factor", for own messages

 private:
  Error missing(std::string_view key, std::string_view type) const;
  Error wrong(std::string_view key, std::string_view type) const;
  const Json *value_ = nullptr;
  std::string where_, pointer_;
};

}  // namespace llc
