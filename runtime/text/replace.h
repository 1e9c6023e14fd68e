// The "pattern" of Replace and Split ({"String": …} or {"Regex": …}), and replacement by it.
#pragma once
#include <string>
#include <vector>

#include "runtime/text/json_fields.h"
#include "runtime/text/regex.h"

namespace llc::text {

inline Result<Regex> readPattern(const Fields &fields) {
  const Json *pattern = fields.find("pattern");
  if (pattern && pattern->is_string()) return Regex::literal(pattern->get<std::string>());
  if (pattern && pattern->is_object() && pattern->size() == 1) {
    if (pattern->contains("String") && (*pattern)["String"].is_string()) return Regex::literal((*pattern)["String"].get<std::string>());
    if (pattern->contains("Regex") && (*pattern)["Regex"].is_string()) return Regex::compile((*pattern)["Regex"].get<std::string>());
  }
  return fields.bad("pattern", "{\"String\": text} or {\"Regex\": text}");
}

inline std::string replaceMatches(std::string_view text, const std::vector<RegexMatch> &matches, std::string_view content) {
  if (matches.empty()) return std::string(text);
  std::string out;
  out.reserve(text.size());
  std::size_t at = 0;
  for (RegexMatch match : matches) {
    out.append(text.substr(at, match.begin - at)).append(content);
    at = match.end;
  }
  return out.append(text.substr(at));
}

}  // namespace llc::text
