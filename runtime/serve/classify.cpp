#include "runtime/serve/classify.h"

#include <algorithm>

#include "runtime/base/json_read.h"
#include "runtime/serve/commands.h"

namespace llc {

void addClassifyFlags(CLI::App &app, ClassifyOptions &options, bool required) {
  addInputFlags(app, options.input, required);
  app.get_option("--prompt")->description("One text");
  app.add_flag("--no-eos", options.noEnd, "Without an end token behind texts, which trainers of rewards put there");
}

Result<std::vector<std::string>> labelNames(const std::map<std::string, std::string> &files, const std::string &where) {
  std::vector<std::string> names;
  auto text = files.find("config.json");
  if (text == files.end()) return names;
  LLC_ASSIGN(Json json, parseJson(text->second, where + "/config.json"));
  LLC_ASSIGN(JsonObject config, JsonObject::of(json, where + "/config.json"));
  if (!config.has("id2label")) return names;
  LLC_ASSIGN(JsonObject map, config.object("id2label"));
  for (size_t i = 0; map.has(std::to_string(i)); ++i) {
    LLC_ASSIGN(std::string name, map.text(std::to_string(i)));
    names.push_back(std::move(name));
  }
  return names;
}

std::string scoresLine(size_t tokens, std::span<const float> scores, const std::vector<std::string> &labels) {
  nlohmann::ordered_json line = {{"tokens", tokens}};
  auto nameOf = [&](size_t i) { return i < labels.size() ? labels[i] : fmt::format("LABEL_{}", i); };
  if (scores.size() > 1)
    line["label"] = nameOf(size_t(std::max_element(scores.begin(), scores.end()) - scores.begin()));
  for (size_t i = 0; i < scores.size(); ++i) line["scores"][nameOf(i)] = scores[i];
  return line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

Status classifyCommand(Engine &engine, const Tokenizer *tokenizer, const ClassifyOptions &options,
                       const std::map<std::string, std::string> &files) {
  LLC_ASSIGN(std::vector<int32_t> ids, idsOf(options.input, tokenizer));
  bool ends = tokenizer && tokenizer->eosId() && !options.input.hasIds && !options.noEnd;
  if (ends && !ids.empty() && ids.back() != *tokenizer->eosId()) ids.push_back(*tokenizer->eosId());
  if (ids.empty())
    return diagnose(ErrorKind::invalidInput, "classify")
        .says("a text has no tokens to score")
        .toFix("give a longer one");
  LLC_ASSIGN(std::vector<std::string> labels, labelNames(files, "the model"));
  LLC_ASSIGN(Rows rows, engine.classify(ids));
  fmt::print("{}\n", scoresLine(ids.size(), rows.row(0), labels));
  return success();
}

}  // namespace llc
