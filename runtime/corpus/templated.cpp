#include "runtime/corpus/templated.h"

#include <algorithm>

#include "runtime/corpus/conversation.h"

namespace llc::corpus {

namespace {
using Json = nlohmann::ordered_json;
}  // namespace

Result<chat::RenderedChat> TemplatedChats::render(const Json &messages, bool answer) const {
  Json variables = Json::object();
  if (auto more = record_.find("chat_template_kwargs"); more != record_.end() && more->is_object()) variables = *more;
  if (auto tools = record_.find("tools"); tools != record_.end()) variables["tools"] = *tools;
  variables["messages"] = messages;
  variables["add_generation_prompt"] = answer;
  return model_.render(variables);
}

Result<Example> TemplatedChats::conversation(const Json &messages, bool assistantOnly) const {
  if (assistantOnly && !model_.chatTemplate.marksGeneration())
    return diagnose(ErrorKind::invalidInput, "chat template")
        .says("does not mark what the assistant says with {% generation %}, so that it can't be learned alone")
        .toFix(
            "leave --assistant-only-loss out, choose --chat-format chatml or roles, or add the marks to "
            "chat_template.jinja");
  LLC_ASSIGN(chat::RenderedChat rendered, render(messages, false));
  Example example{.parts = {}, .isConversation = true, .addEnds = false};
  if (!assistantOnly) {
    example.parts.push_back({rendered.text, true});
    return std::move(example);
  }
  size_t at = 0;
  for (auto [begin, end] : rendered.generated) {
    example.parts.push_back({rendered.text.substr(at, begin - at), false});
    example.parts.push_back({rendered.text.substr(begin, end - begin), true});
    at = end;
  }
  example.parts.push_back({rendered.text.substr(at), false});
  return std::move(example);
}

Result<Example> TemplatedChats::promptWith(const Json &prompt, const std::vector<Json> &answers,
                                           bool promptLearned) const {
  // What ends with the assistant's message is to be gone on with, not answered.
  bool opens = prompt.empty() || prompt.back().value("role", Json()) != "assistant";
  LLC_ASSIGN(chat::RenderedChat opening, render(prompt, opens));
  std::vector<std::string> whole;
  size_t shared = opening.text.size();
  for (const Json &answer : answers) {
    Json all = prompt;
    for (const Json &message : answer) all.push_back(message);
    LLC_ASSIGN(chat::RenderedChat rendered, render(all, false));
    shared = std::min(shared, sharedBeginning(opening.text, rendered.text));
    whole.push_back(std::move(rendered.text));
  }
  Example example{.parts = {{opening.text.substr(0, shared), promptLearned}}, .isConversation = true, .addEnds = false};
  for (const std::string &text : whole) example.parts.push_back({text.substr(shared), true});
  return std::move(example);
}

Status chooseChatFormat(const std::string &format, const std::map<std::string, std::string> &files,
                        ExampleOptions &options) {
  static const std::vector<std::string> formats = {"template", "chatml", "roles"};
  if (!format.empty() && std::find(formats.begin(), formats.end(), format) == formats.end())
    return diagnose(ErrorKind::invalidInput, "chat format")
        .found("'" + format + "'")
        .toFix("use template, chatml or roles");
  if (format == "chatml") options.chat = ChatFormat::chatml;
  if (format == "chatml" || format == "roles") return success();
  LLC_ASSIGN(auto own, chat::readModelTemplate(files));
  if (own) {
    options.chat = ChatFormat::own;
    options.own = std::make_shared<const chat::ModelTemplate>(std::move(*own));
  } else if (format == "template") {
    return diagnose(ErrorKind::invalidInput, "--chat-format")
        .says("the tokenizer has no chat template")
        .toFix("put chat_template.jinja beside it, or use chatml or roles");
  }
  return success();
}

Result<Json> normalizedMessages(const Json &list, const std::string &name) {
  if (!list.is_array() || list.empty()) return noMessages("'" + name + "' is no list of messages");
  Json messages = Json::array();
  for (const Json &item : list) {
    auto role = item.is_object() ? item.find(item.contains("role") ? "role" : "from") : item.end();
    if (!item.is_object() || role == item.end() || !role->is_string())
      return noMessages(fmt::format("message {} of '{}' has no role", messages.size(), name));
    Json message = item;
    message["role"] = roleNamed(role->get<std::string>());
    if (!message.contains("content") && message.contains("value")) message["content"] = message["value"];
    messages.push_back(std::move(message));
  }
  return std::move(messages);
}

}  // namespace llc::corpus
