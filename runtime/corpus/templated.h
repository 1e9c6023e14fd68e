// Conversations as a model's own chat template renders them, cut into what is learned and what is not, as TRL does it.
#pragma once
#include "runtime/chat/model_template.h"
#include "runtime/corpus/examples.h"

namespace llc::corpus {

// `record`: the example's object, whose `tools` and `chat_template_kwargs` the template is given.
class TemplatedChats {
 public:
  TemplatedChats(const chat::ModelTemplate &model, const nlohmann::ordered_json &record)
      : model_(model), record_(record) {}

  // All of `messages`; `assistantOnly`: only what stands between {% generation %} and its end is learned.
  // Errors: what the template refuses; one without these marks.
  Result<Example> conversation(const nlohmann::ordered_json &messages, bool assistantOnly) const;
  // The prompt is what the rendering with the beginning of an answer shares with each of the renderings with an answer.
  Result<Example> promptWith(const nlohmann::ordered_json &prompt, const std::vector<nlohmann::ordered_json> &answers,
                             bool promptLearned) const;

 private:
  Result<chat::RenderedChat> render(const nlohmann::ordered_json &messages, bool answer) const;
  const chat::ModelTemplate &model_;
  const nlohmann::ordered_json &record_;
};

// As `format` names it: "chatml", "roles", "template" for the model's own. If it is empty: the model's own, if `files`
// of its tokenizer have one, else roles. Errors: no such template, or a broken one.
Status chooseChatFormat(const std::string &format, const std::map<std::string, std::string> &files,
                        ExampleOptions &options);

// Messages under the names `role` and `content`, whatever else they hold kept; see readMessages() for what is refused.
Result<nlohmann::ordered_json> normalizedMessages(const nlohmann::ordered_json &list, const std::string &name);

}  // namespace llc::corpus
