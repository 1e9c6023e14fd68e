// Conversations in JSON, and as text.
#pragma once
#include "runtime/corpus/examples.h"

namespace llc::corpus {

struct Message {
  std::string role, content;
  bool operator==(const Message &) const = default;
};

// A list of {"role", "content"} or {"from", "value"}; a content may be a list of {"type": "text", "text"}. `name`: of
// the field, for messages. Errors (`what` only): another shape; an empty list.
Result<std::vector<Message>> readMessages(const nlohmann::json &list, const std::string &name);

// An error whose remedy shows how messages look.
Error noMessages(const std::string &what);
// "human" is the user, "gpt" the assistant.
std::string roleNamed(const std::string &name);

// How many bytes both texts begin with, whole characters.
size_t sharedBeginning(const std::string &one, const std::string &other);

// What stands before and behind the content of a message.
std::string openingOf(const std::string &role, ChatFormat format);
std::string closingOf(ChatFormat format);
// All messages; `answer`: and the opening of the assistant's.
std::string render(std::span<const Message> messages, bool answer, ChatFormat format);

}  // namespace llc::corpus
