#include "runtime/serve/chat.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <iostream>

#include "runtime/base/mapped_file.h"
#include "runtime/chat/model_template.h"
#include "runtime/serve/commands.h"

namespace llc {

namespace {
using Messages = nlohmann::ordered_json;

constexpr const char *chatmlEnd = "<|im_end|>";

Result<chat::ModelTemplate> findTemplate(const std::map<std::string, std::string> &files, const std::string &wanted) {
  std::map<std::string, std::string> found = files;
  if (const char *named = chat::namedTemplate(wanted)) {
    found["chat_template.jinja"] = named;
  } else if (!wanted.empty()) {
    LLC_ASSIGN(found["chat_template.jinja"], readTextFile(wanted, 16 << 20));
  }
  LLC_ASSIGN(auto parsed, chat::readModelTemplate(found));
  if (parsed) return std::move(*parsed);
  return diagnose(ErrorKind::invalidInput, "--chat")
      .says("the model has no chat template, so that nothing tells who speaks")
      .toFix("give --chat-template chatml or roles, or a file of Jinja");
}

// Ctrl-C while an answer comes, on a terminal only: programs at the other end of a pipe end everything with it.
class Interruption {
 public:
  explicit Interruption(bool on) : on_(on) {
    asked_ = false;
    if (!on_) return;
    struct sigaction action = {};
    action.sa_handler = [](int) { asked_ = true; };
    sigaction(SIGINT, &action, &before_);
  }
  ~Interruption() {
    if (on_) sigaction(SIGINT, &before_, nullptr);
  }
  Interruption(const Interruption &) = delete;
  Interruption &operator=(const Interruption &) = delete;
  static bool asked() { return asked_; }

 private:
  static inline std::atomic<bool> asked_ = false;
  static_assert(std::atomic<bool>::is_always_lock_free);  // for the handler
  bool on_;
  struct sigaction before_ = {};
};

// A turn of the user; nothing at the end of the input.
std::optional<std::string> readTurn(bool terminal) {
  std::string turn;
  for (std::string line;;) {
    if (terminal) fmt::print(stderr, "{}", turn.empty() ? "> " : ". ");
    if (!std::getline(std::cin, line)) return turn.empty() ? std::nullopt : std::optional(turn);
    if (line.ends_with('\r')) line.pop_back();
    bool goesOn = line.ends_with('\\');
    if (goesOn) line.back() = '\n';
    turn += line;
    if (!goesOn) return turn;
  }
}

class Conversation {
 public:
  Conversation(Engine &engine, const Tokenizer &tokenizer, const ChatOptions &options, chat::ModelTemplate rendered,
               GenerateOptions generation, const ChatOutput &output)
      : engine_(engine),
        tokenizer_(tokenizer),
        template_(std::move(rendered)),
        generation_(std::move(generation)),
        output_(output),
        terminal_(isatty(STDIN_FILENO)),
        kept_(engine) {
    if (!options.system.empty()) messages_.push_back({{"role", "system"}, {"content", options.system}});
    opening_ = messages_.size();
  }

  bool terminal() const { return terminal_; }
  void clear() { messages_.erase(messages_.begin() + std::ptrdiff_t(opening_), messages_.end()); }

  Result<GenerateResult> answer(const std::string &turn) {
    messages_.push_back({{"role", "user"}, {"content", turn}});
    LLC_ASSIGN(std::vector<int32_t> prompt, fittingPrompt());
    Interruption interruption(terminal_);
    bool written = true;
    auto sink = [&](std::string_view text) {
      if (output_.print) written = output_.print(text);
      return written && !Interruption::asked();
    };
    TokenizerStream stream(tokenizer_);
    LLC_ASSIGN(GenerateResult result, generate(engine_, prompt, generation_, &stream, sink, &kept_));
    messages_.push_back({{"role", "assistant"}, {"content", result.text}});
    broken_ = !written;
    output_.onAnswer(result);
    return result;
  }
  bool broken() const { return broken_; }

 private:
  Result<std::vector<int32_t>> promptOf(const Messages &messages) const {
    LLC_ASSIGN(chat::RenderedChat whole, template_.render({{"messages", messages}, {"add_generation_prompt", true}}));
    return tokenizer_.encode(whole.text, {.addSpecial = false, .parseSpecial = true});
  }

  // Of the conversation without its oldest turns where the context has no room for them and an answer.
  Result<std::vector<int32_t>> fittingPrompt() {
    int64_t room = engine_.limits().maxContext;
    for (size_t forgotten = 0;; forgotten += 2) {
      LLC_ASSIGN(std::vector<int32_t> prompt, promptOf(messages_));
      if (int64_t(prompt.size()) < room || messages_.size() < opening_ + 3) {
        if (forgotten)
          fmt::print(stderr, "note: the context of {} tokens is full: the oldest {} messages are forgotten\n", room,
                     forgotten);
        return prompt;
      }
      auto oldest = messages_.begin() + std::ptrdiff_t(opening_);
      messages_.erase(oldest, oldest + 2);
    }
  }

  Engine &engine_;
  const Tokenizer &tokenizer_;
  const chat::ModelTemplate template_;
  const GenerateOptions generation_;
  const ChatOutput &output_;
  const bool terminal_;
  bool broken_ = false;
  size_t opening_ = 0;  // messages that always stay
  Messages messages_ = Messages::array();
  KeptSequence kept_;
};

// An end of turn that templates write and the model's makers may not have named as an end of text.
void addEnd(const Tokenizer &tokenizer, const chat::ModelTemplate &rendered, GenerateOptions &generation) {
  if (rendered.source == chat::namedTemplate("roles")) generation.stop.push_back("<|user|>");
  if (rendered.source.find(chatmlEnd) == std::string::npos) return;
  if (auto id = tokenizer.idOf(chatmlEnd))
    generation.eos.push_back(*id);
  else
    generation.stop.push_back(chatmlEnd);
}
}  // namespace

Status converse(Engine &engine, const Tokenizer &tokenizer, const std::map<std::string, std::string> &files,
                const ChatOptions &options, const std::string &first, GenerateOptions generation,
                const ChatOutput &output) {
  LLC_ASSIGN(chat::ModelTemplate rendered, findTemplate(files, options.chatTemplate));
  addEnd(tokenizer, rendered, generation);
  Conversation conversation(engine, tokenizer, options, std::move(rendered), std::move(generation), output);
  if (conversation.terminal())
    fmt::print(stderr, "/exit or Ctrl-D ends, /clear begins anew, a backslash at its end goes on in the next line\n");
  for (std::optional<std::string> turn = first.empty() ? readTurn(conversation.terminal()) : first;
       turn && *turn != "/exit"; turn = readTurn(conversation.terminal())) {
    if (turn->find_first_not_of(" \t\r\n") == std::string::npos) continue;
    if (*turn == "/clear") {
      conversation.clear();
      continue;
    }
    LLC_ASSIGN([[maybe_unused]] GenerateResult result, conversation.answer(*turn));
    if (options.once || conversation.broken()) break;
  }
  return success();
}

}  // namespace llc
