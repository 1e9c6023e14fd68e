// Chat templates, rendered with a conversation that has something of everything.
#include "runtime/chat/chat_template.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const auto variables = nlohmann::ordered_json::parse(R"({
    "messages": [{"role": "system", "content": "S"}, {"role": "user", "content": " U é\n"},
                 {"role": "assistant", "content": null, "tool_calls": [{"name": "f", "arguments": {"x": [1, 2.5, true]}}]}],
    "tools": [{"type": "function", "function": {"name": "f"}}], "add_generation_prompt": true, "bos_token": "<s>"})");
  auto parsed = llc::chat::ChatTemplate::parse({reinterpret_cast<const char *>(data), size}, "fuzz");
  if (parsed) (void)parsed->render(variables, 0, 50000);
  return 0;
}
