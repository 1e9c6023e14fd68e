#include "runtime/text/postprocessor.h"

#include "runtime/text/engine.h"

namespace llc::text {

namespace {
constexpr TokenId theText = -1;

Result<TokenId> readId(const Json &json, const std::string &where) {
  if (!json.is_number_unsigned() || json.get<std::uint64_t>() >= maximumVocabulary) return badField(where, "expected a token id");
  return static_cast<TokenId>(json.get<std::uint64_t>());
}
}  // namespace

Result<PostProcessor> PostProcessor::read(const Json &json, const std::string &where) {
  PostProcessor processor;
  LLC_TRY(processor.add(json, where, 0));
  return processor;
}

Status PostProcessor::add(const Json &json, const std::string &where, int depth) {
  if (json.is_null()) return success();
  if (depth > 16) return badField(where, "post-processors are nested more than 16 deep");
  Fields fields(json, where);
  LLC_ASSIGN(std::string type, fields.type());
  if (type == "ByteLevel") return success();  // it only moves offsets
  if (type == "TemplateProcessing") return addTemplate(fields);
  if (type == "BertProcessing" || type == "RobertaProcessing") return addClassifier(fields);
  if (type != "Sequence")
    return unknownType(where, type, {"ByteLevel", "TemplateProcessing", "BertProcessing", "RobertaProcessing", "Sequence"});
  LLC_ASSIGN(const Json *list, fields.array("processors"));
  for (std::size_t i = 0; i < list->size(); ++i) LLC_TRY(add((*list)[i], fmt::format("{}.processors[{}]", where, i), depth + 1));
  if (steps_.size() > 16) return badField(where, "more than 16 templates");
  return success();
}

Status PostProcessor::addTemplate(const Fields &fields) {
  LLC_ASSIGN(const Json *single, fields.array("single"));
  const Json *specials = fields.find("special_tokens");
  std::vector<TokenId> step;
  for (const Json &item : *single) {
    if (item.is_object() && item.contains("Sequence")) {
      step.push_back(theText);
      continue;
    }
    if (!item.is_object() || !item.contains("SpecialToken") || !item["SpecialToken"].is_object())
      return fields.bad("single", "items {\"Sequence\": …} or {\"SpecialToken\": …}");
    Fields token(item["SpecialToken"], fields.where() + ".single.SpecialToken");
    LLC_ASSIGN(std::string name, token.string("id"));
    const Json *ids = nullptr;
    if (specials && specials->is_object() && specials->contains(name) && (*specials)[name].is_object() && (*specials)[name].contains("ids"))
      ids = &(*specials)[name]["ids"];
    if (!ids || !ids->is_array()) return fields.bad("special_tokens", fmt::format("an entry with ids for '{}'", name));
    for (const Json &id : *ids) {
      LLC_ASSIGN(TokenId value, readId(id, fields.where() + ".special_tokens"));
      step.push_back(value);
    }
  }
  if (step.size() > 1000 || std::count(step.begin(), step.end(), theText) > 1)
    return fields.bad("single", "at most 1000 items, with the text at most once");
  steps_.push_back(std::move(step));
  return success();
}

Status PostProcessor::addClassifier(const Fields &fields) {
  auto idOf = [&](const char *name) -> Result<TokenId> {
    const Json *pair = fields.find(name);
    if (!pair || !pair->is_array() || pair->size() != 2) return fields.bad(name, "[token, id]");
    return readId((*pair)[1], fields.where() + "." + name);
  };
  LLC_ASSIGN(TokenId begin, idOf("cls"));
  LLC_ASSIGN(TokenId end, idOf("sep"));
  steps_.push_back({begin, theText, end});
  return success();
}

std::vector<TokenId> PostProcessor::apply(std::vector<TokenId> ids) const {
  for (const auto &step : steps_) {
    std::vector<TokenId> out;
    out.reserve(ids.size() + step.size());
    for (TokenId item : step) {
      if (item == theText) out.insert(out.end(), ids.begin(), ids.end());
      else out.push_back(item);
    }
    ids = std::move(out);
  }
  return ids;
}

}  // namespace llc::text
