// A model's chat template: Jinja as Hugging Face's transformers renders it (its sandbox, white space, tojson, and the
// tag
// {% generation %}), within limits. What Python would refuse is refused; nothing is guessed.
#pragma once
#include <ctime>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/base/status.h"
#include "runtime/chat/limits.h"

namespace llc::chat {

struct RenderedChat {
  std::string text;
  // [begin, end) in bytes of what the assistant says: the parts between {% generation %} and {% endgeneration %}.
  std::vector<std::pair<size_t, size_t>> generated;
};

class ChatTemplate {
 public:
  // `name` is what errors call it. Errors: with the line, where it is no template.
  static Result<ChatTemplate> parse(std::string_view source, std::string name);
  ~ChatTemplate();
  ChatTemplate(ChatTemplate &&) noexcept;
  ChatTemplate &operator=(ChatTemplate &&) noexcept;

  // `variables`: an object with messages, add_generation_prompt, bos_token ...; `tools` and `documents` are none unless
  // given. `now` is what strftime_now() tells. Safe from several threads. Errors: what the template refuses or can't do
  // with these, more than `steps` of evaluation, or more of what runtime/chat/limits.h limits.
  Result<RenderedChat> render(const nlohmann::ordered_json &variables, std::time_t now, int64_t steps = maxSteps) const;
  // Whether it marks what the assistant says.
  bool marksGeneration() const;

 private:
  struct State;
  explicit ChatTemplate(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace llc::chat
