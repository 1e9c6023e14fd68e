// The chat template that lies with a model.
#pragma once
#include <map>
#include <optional>

#include "runtime/chat/chat_template.h"

namespace llc::chat {

struct ModelTemplate {
  ChatTemplate chatTemplate;
  std::string source;
  nlohmann::ordered_json tokens;  // bos_token, eos_token ...: what every rendering is given

  // `variables` and the tokens, which they win over.
  Result<RenderedChat> render(const nlohmann::ordered_json &variables) const;
};

// Of a directory's files by name: chat_template.jinja, or `chat_template` of tokenizer_config.json (of several the one
// named "default"). Nothing if there is none. Errors: one that is no template.
Result<std::optional<ModelTemplate>> readModelTemplate(const std::map<std::string, std::string> &files);

// The text of a template that has a name, null if none has that: "chatml" ("<|im_start|>ROLE", a line break, the
// content, "<|im_end|>") or "roles" ("<|ROLE|>", a line break, the content).
const char *namedTemplate(std::string_view name);

}  // namespace llc::chat
