#include "runtime/chat/chat_template.h"

#include "runtime/chat/parser.h"

namespace llc::chat {

struct ChatTemplate::State {
  std::string name;
  Statements statements;
  bool marksGeneration = false;
};

ChatTemplate::ChatTemplate(std::unique_ptr<State> state) : state_(std::move(state)) {}
ChatTemplate::~ChatTemplate() = default;
ChatTemplate::ChatTemplate(ChatTemplate &&) noexcept = default;
ChatTemplate &ChatTemplate::operator=(ChatTemplate &&) noexcept = default;
bool ChatTemplate::marksGeneration() const { return state_->marksGeneration; }

namespace {
Error named(const std::string &name, Error error) {
  error.where = error.where.empty() ? name : name + ", " + error.where;
  return error;
}
// What an assistant thought comes under several names; templates read one of the first two. As transformers does it.
nlohmann::ordered_json withReasoning(nlohmann::ordered_json messages) {
  for (auto &message : messages) {
    if (!message.is_object()) continue;
    for (const char *name : {"reasoning_content", "thinking", "reasoning"}) {
      auto found = message.find(name);
      if (found == message.end() || found->is_null()) continue;
      nlohmann::ordered_json reasoning = *found;
      if (!message.contains("thinking")) message["thinking"] = reasoning;
      message["reasoning_content"] = reasoning;
      break;
    }
  }
  return messages;
}
}  // namespace

Result<ChatTemplate> ChatTemplate::parse(std::string_view source, std::string name) {
  if (source.size() > size_t(maxTemplateBytes))
    return diagnose(ErrorKind::invalidInput, name).says("is larger than any chat template").toFix("check the file");
  auto state = std::make_unique<State>();
  auto statements = parseTemplate(source);
  if (!statements) return named(name, std::move(statements.error()));
  state->name = std::move(name);
  state->statements = std::move(*statements);
  state->marksGeneration = source.find("endgeneration") != std::string_view::npos;
  return ChatTemplate(std::move(state));
}

Result<RenderedChat> ChatTemplate::render(const nlohmann::ordered_json &variables, std::time_t now,
                                          int64_t steps) const {
  Interpreter run(now, steps);
  RenderedChat result;
  run.out = &result.text;
  addGlobals(*run.scope);
  run.set("tools", Value());
  run.set("documents", Value());
  for (auto &[key, json] : variables.items()) {
    auto value = fromJson(key == "messages" ? withReasoning(json) : json);
    if (!value) return named(key, std::move(value.error()));
    run.set(key, std::move(*value));
  }
  auto flow = renderAll(run, state_->statements);
  if (!flow) return named(state_->name, std::move(flow.error()));
  result.generated = std::move(run.generated);
  return std::move(result);
}

}  // namespace llc::chat
