#include "tools/cli/run_prompts.h"

#include <fmt/format.h>

#include <fstream>
#include <iostream>

#include "runtime/base/json_read.h"
#include "tools/cli/adapters.h"

namespace llc::cli {

namespace {
using Shares = std::map<std::string, double>;

Result<std::optional<Shares>> readShares(const JsonObject &object) {
  const Json *given = object.find("adapters");
  if (!given) return std::optional<Shares>();
  Shares shares;
  if (given->is_string()) {
    shares[given->get<std::string>()] = 1;
  } else if (given->is_array()) {
    LLC_ASSIGN(std::vector<std::string> names, object.texts("adapters"));
    for (const std::string &name : names) shares[name] = 1;
  } else {
    LLC_ASSIGN(JsonObject byName, object.object("adapters"));
    for (const auto &[name, value] : given->items()) {
      LLC_ASSIGN(shares[name], byName.number(name));
    }
  }
  return std::optional(std::move(shares));
}

Result<PromptRecord> readPrompt(const std::string &line, const std::string &where) {
  LLC_ASSIGN(Json json, parseJson(line, where));
  LLC_ASSIGN(JsonObject object, JsonObject::of(json, where));
  for (const auto &[key, value] : json.items())
    if (key != "prompt" && key != "ids" && key != "adapters")
      return diagnose(ErrorKind::invalidInput, object.at(key))
          .says("is no key of a prompt")
          .toFix("use prompt or ids, and adapters; the other settings are those of the command line");
  if (object.has("prompt") == object.has("ids"))
    return diagnose(ErrorKind::invalidInput, where)
        .says(object.has("ids") ? "has a prompt and ids" : "has no prompt")
        .toFix("write {\"prompt\": \"...\"} or {\"ids\": [1, 2]}");
  PromptRecord record;
  record.prompt.hasIds = object.has("ids"), record.prompt.hasText = object.has("prompt");
  if (record.prompt.hasIds) {
    LLC_ASSIGN(std::vector<int64_t> ids, object.integers("ids", 0, INT32_MAX));
    record.prompt.ids.assign(ids.begin(), ids.end());
  } else {
    LLC_ASSIGN(record.prompt.text, object.text("prompt"));
  }
  LLC_ASSIGN(record.adapters, readShares(object));
  return record;
}
}  // namespace

Result<std::vector<PromptRecord>> readPrompts(const std::string &path) {
  std::ifstream file;
  if (path != "-") file.open(path);
  std::istream &in = path == "-" ? std::cin : file;
  if (!in)
    return diagnose(ErrorKind::notFound, path).says("can't be read").toFix("give a file of JSON objects, one a line");
  std::vector<PromptRecord> prompts;
  int64_t number = 0;
  for (std::string line; std::getline(in, line);) {
    ++number;
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    LLC_ASSIGN(PromptRecord record, readPrompt(line, fmt::format("{}:{}", path, number)));
    prompts.push_back(std::move(record));
  }
  if (!prompts.empty()) return prompts;
  return diagnose(ErrorKind::invalidInput, path).says("holds no prompt").toFix("write {\"prompt\": \"...\"} lines");
}

bool chooseAdapters(const std::vector<PromptRecord> &prompts) {
  return std::ranges::any_of(prompts, [](const PromptRecord &one) { return one.adapters.has_value(); });
}

Status runPrompts(OpenedModel &opened, const std::vector<PromptRecord> &prompts,
                  const std::vector<std::string> &adapters, const RunOptions &options) {
  std::vector<std::string> names;
  std::vector<float> given;
  for (const std::string &adapter : adapters) names.push_back(adapterName(adapter));
  for (const float *share : opened.adapterShares) given.push_back(*share);
  for (const PromptRecord &prompt : prompts) {
    if (prompt.adapters)
      for (const auto &[name, share] : *prompt.adapters)
        if (std::ranges::find(names, name) == names.end())
          return diagnose(ErrorKind::invalidInput, "--prompts")
              .says("there is no adapter '" + name + "'")
              .toFix(names.empty()
                         ? "give --adapter " + name + "=DIR"
                         : fmt::format("use one of {}, or give --adapter {}=DIR", fmt::join(names, ", "), name));
    for (size_t i = 0; i < opened.adapterShares.size(); ++i) {
      float share = given[i];
      if (prompt.adapters) {
        auto chosen = prompt.adapters->find(names[i]);
        share = chosen == prompt.adapters->end() ? 0 : float(chosen->second);
      }
      *opened.adapterShares[i] = share;
    }
    RunOptions one = options;
    one.prompt = prompt.prompt;
    LLC_TRY(runCommand(*opened.session, opened.tokenizer.get(), one));
  }
  return success();
}

}  // namespace llc::cli
