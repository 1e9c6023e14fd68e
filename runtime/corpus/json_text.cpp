// Which part of a JSON object is its text.
#include "runtime/corpus/records.h"

namespace llc::corpus {

namespace {
using Json = nlohmann::json;

void append(std::string &text, std::string_view part) {
  if (part.empty()) return;
  if (!text.empty()) text += '\n';
  text += part;
}

// All strings in a value, in order; depth is bounded by the parser.
void appendStrings(std::string &text, const Json &value) {
  if (value.is_string()) append(text, value.get_ref<const std::string &>());
  if (value.is_structured())
    for (const Json &item : value) appendStrings(text, item);
}

const Json *find(const Json &object, const char *name) {
  auto found = object.find(name);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

std::string conversationText(const Json &items) {
  std::string text;
  for (const Json &item : items) {
    if (item.is_string()) append(text, item.get_ref<const std::string &>());
    if (!item.is_object()) continue;
    for (const char *name : {"content", "value", "text"})
      if (const Json *value = find(item, name)) {
        if (value->is_array())
          append(text, conversationText(*value));  // parts: [{"type": "text", "text": ...}]
        else
          appendStrings(text, *value);
        break;
      }
  }
  return text;
}

Error noText(std::string what) {
  return diagnose(ErrorKind::invalidInput).says(what).toFix("name the fields that hold the text: --field NAME");
}
}  // namespace

Result<std::string> textOf(const Json &object, const std::vector<std::string> &fields) {
  if (object.is_string()) return object.get<std::string>();
  if (!object.is_object()) return noText("expected a JSON object");
  std::string text;
  for (const std::string &name : fields) {
    const Json *value = find(object, name.c_str());
    if (!value) return noText("has no field '" + name + "'");
    if (!value->is_string() && !value->is_array()) return noText("field '" + name + "' is no text");
    appendStrings(text, *value);
  }
  if (!fields.empty()) return text;
  for (const char *name : {"conversations", "messages"})
    if (const Json *items = find(object, name); items && items->is_array()) return conversationText(*items);
  for (const char *name : {"content", "text"})
    if (const Json *value = find(object, name); value && value->is_string()) return value->get<std::string>();
  const Json *prompt = find(object, "prompt"), *response = find(object, "response");
  if (prompt && response && prompt->is_string() && response->is_string())
    return fmt::format("Prompt: {}\nResponse: {}\n", prompt->get_ref<const std::string &>(),
                       response->get_ref<const std::string &>());
  appendStrings(text, object);
  if (text.empty() && !object.empty()) return noText("holds no text");
  return text;
}

}  // namespace llc::corpus
