#include "runtime/chat/model_template.h"

namespace llc::chat {

namespace {
using Json = nlohmann::ordered_json;

// tokenizer_config.json; what is no JSON is no object here, the tokenizer's reader says so.
Json configurationIn(const std::map<std::string, std::string> &files) {
  auto file = files.find("tokenizer_config.json");
  Json json = file == files.end() ? Json() : Json::parse(file->second, nullptr, false);
  return json.is_object() ? json : Json::object();
}

// The source and the file's name.
std::optional<std::pair<std::string, std::string>> sourceIn(const std::map<std::string, std::string> &files,
                                                            const Json &configuration) {
  if (auto file = files.find("chat_template.jinja"); file != files.end()) return std::pair(file->second, file->first);
  auto given = configuration.find("chat_template");
  if (given == configuration.end()) return std::nullopt;
  std::string name = "chat_template of tokenizer_config.json";
  if (given->is_string()) return std::pair(given->get<std::string>(), name);
  for (const Json &choice : *given)
    if (choice.is_object() && choice.value("name", Json()) == "default" && choice.value("template", Json()).is_string())
      return std::pair(choice["template"].get<std::string>(), name);
  return std::nullopt;
}

// Tokens are texts, or objects that hold one as their content.
Json tokensIn(const Json &configuration) {
  Json tokens = Json::object();
  for (const char *name :
       {"bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"}) {
    auto found = configuration.find(name);
    if (found == configuration.end()) continue;
    Json text = found->is_object() ? found->value("content", Json()) : *found;
    if (text.is_string()) tokens[name] = text;
  }
  return tokens;
}
}  // namespace

Result<RenderedChat> ModelTemplate::render(const Json &variables) const {
  Json all = tokens;
  for (auto &[key, value] : variables.items()) all[key] = value;
  return chatTemplate.render(all, std::time(nullptr));
}

Result<std::optional<ModelTemplate>> readModelTemplate(const std::map<std::string, std::string> &files) {
  Json configuration = configurationIn(files);
  auto source = sourceIn(files, configuration);
  if (!source) return std::optional<ModelTemplate>();
  LLC_ASSIGN(ChatTemplate parsed, ChatTemplate::parse(source->first, source->second));
  return std::optional(ModelTemplate{std::move(parsed), std::move(source->first), tokensIn(configuration)});
}

const char *namedTemplate(std::string_view name) {
  if (name == "chatml")
    return "{% for message in messages %}{{ '<|im_start|>' + message.role + '\n' + message.content + '<|im_end|>\n' }}"
           "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";
  if (name == "roles")
    return "{% for message in messages %}{{ '<|' + message.role + '|>\n' + message.content + '\n' }}"
           "{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% endif %}";
  return nullptr;
}

}  // namespace llc::chat
