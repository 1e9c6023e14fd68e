// Examples to fine-tune on: prompts with completions, conversations, texts, and prompts with two completions of which
// one is preferred. From JSON objects (a line of .jsonl, a row of .csv) to token ids that say what is to be learned of
// them.
#pragma once
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "runtime/base/status.h"
#include "runtime/text/tokenizer.h"

namespace llc::chat {
struct ModelTemplate;
}

namespace llc::corpus {

// How a conversation becomes text. roles: "<|ROLE|>\nCONTENT\n" for each message. chatml:
// "<|im_start|>ROLE\nCONTENT<|im_end|>\n". Where an answer is to follow, the beginning of the assistant's message
// stands. own: as the model's own template renders it.
enum class ChatFormat { roles, chatml, own };

struct ExampleOptions {
  enum class Kind { completions, preferences, comparisons } kind = Kind::completions;
  ChatFormat chat = ChatFormat::roles;
  std::shared_ptr<const chat::ModelTemplate> own = nullptr;  // of `own`
  int64_t maxLength = 2048;                                  // tokens; what is longer is cut at its end
  bool completionOnly = true;          // of a prompt with its completion only the completion is learned
  bool assistantOnly = false;          // of a conversation only what the assistant says
  int64_t maxPromptLength = 256;       // preferences: of a prompt the last so many tokens are kept
  int64_t maxCompletionLength = 1024;  // preferences: of a completion the first ones
};

// Texts that follow each other. Of preferences: the prompt, the completion that was chosen, the one that was rejected,
// which both follow the prompt.
struct Example {
  struct Part {
    std::string text;
    bool learned;
  };
  std::vector<Part> parts;
  bool isConversation = false;
  bool addEnds = true;  // false: the text itself has marks for where it begins and is finished
  float margin = 0;     // comparisons: by how much more the chosen text is to score
};

// completions: {"prompt", "completion" or "response"}: two texts, or two lists of messages; {"messages"} or
// {"conversations"}: [{"role", "content"}] or [{"from", "value"}]; {"text"}.
// preferences: {"chosen", "rejected"} and, unless both begin with it, {"prompt"}: texts, or lists of messages.
// comparisons: the same; and, if it is there, {"margin"}, a number.
// Error (`what` only): what is missing or of another type.
Result<Example> readExample(const nlohmann::json &object, const ExampleOptions &options);

// Sequences as DatasetWriter takes them, what is not to be learned marked: one, of preferences and comparisons two
// (chosen, rejected), none if no token is left to be learned, or if nothing tells two that are compared apart.
// Comparisons: each is one text with the prompt, and all of it counts. Tokens that cross the end of a part count to the
// part in which they end, as in TRL: a part begins behind as many tokens as all before it has alone.
Result<std::vector<std::vector<int32_t>>> encodeExample(const Example &example, const Tokenizer &tokenizer,
                                                        const ExampleOptions &options);

}  // namespace llc::corpus
