#include "runtime/corpus/conversation.h"

#include <algorithm>

namespace llc::corpus {

namespace {
using Json = nlohmann::json;

const Json *fieldOf(const Json &object, std::initializer_list<const char *> names) {
  for (const char *name : names)
    if (auto found = object.find(name); found != object.end() && !found->is_null()) return &*found;
  return nullptr;
}

Result<std::string> contentOf(const Json &value, const std::string &where) {
  if (value.is_string()) return value.get<std::string>();
  if (!value.is_array()) return noMessages(where + " holds no text");
  std::string text;
  for (const Json &part : value) {
    const Json *piece = part.is_object() ? fieldOf(part, {"text"}) : nullptr;
    if (!piece || !piece->is_string()) return noMessages(where + " has parts that are no text");
    text += piece->get_ref<const std::string &>();
  }
  return text;
}

}  // namespace

Error noMessages(const std::string &what) {
  return diagnose(ErrorKind::invalidInput)
      .says(what)
      .toFix("write [{\"role\": \"user\", \"content\": \"...\"}, {\"role\": \"assistant\", \"content\": \"...\"}]");
}

std::string roleNamed(const std::string &name) {
  if (name == "human") return "user";
  if (name == "gpt") return "assistant";
  return name;
}

Result<std::vector<Message>> readMessages(const Json &list, const std::string &name) {
  if (!list.is_array() || list.empty()) return noMessages("'" + name + "' is no list of messages");
  std::vector<Message> messages;
  for (const Json &item : list) {
    std::string where = "message " + std::to_string(messages.size()) + " of '" + name + "'";
    const Json *role = item.is_object() ? fieldOf(item, {"role", "from"}) : nullptr;
    const Json *content = item.is_object() ? fieldOf(item, {"content", "value"}) : nullptr;
    if (!role || !role->is_string() || !content) return noMessages(where + " has no role, or no content");
    LLC_ASSIGN(std::string text, contentOf(*content, where));
    messages.push_back({roleNamed(role->get<std::string>()), std::move(text)});
  }
  return messages;
}

size_t sharedBeginning(const std::string &one, const std::string &other) {
  size_t shared = size_t(std::mismatch(one.begin(), one.end(), other.begin(), other.end()).first - one.begin());
  auto insideCharacter = [&](size_t at) { return at < one.size() && (uint8_t(one[at]) & 0xC0) == 0x80; };
  while (shared > 0 && insideCharacter(shared)) --shared;
  return shared;
}

std::string openingOf(const std::string &role, ChatFormat format) {
  return format == ChatFormat::chatml ? "<|im_start|>" + role + "\n" : "<|" + role + "|>\n";
}

std::string closingOf(ChatFormat format) { return format == ChatFormat::chatml ? "<|im_end|>\n" : "\n"; }

std::string render(std::span<const Message> messages, bool answer, ChatFormat format) {
  std::string text;
  for (const Message &message : messages) text += openingOf(message.role, format) + message.content + closingOf(format);
  return answer ? text + openingOf("assistant", format) : text;
}

}  // namespace llc::corpus
