// A configuration as users write it: JSON, or YAML by the file's ending (.yaml, .yml).
#pragma once
#include "frontends/recipe/model_config.h"

namespace llc::recipe {

// Errors: notFound, invalidInput (syntax, with the line; what checkConfig refuses). `warnings`: see checkConfig.
Result<OrderedJson> readConfig(const std::string &path, std::vector<std::string> &warnings);

// YAML 1.2 of block and flow maps, lists and scalars; no anchors, no tags, one document. `where` names the file.
Result<OrderedJson> parseYaml(std::string_view text, const std::string &where);

}  // namespace llc::recipe
