// run --chat: a conversation with a model by its chat template, a turn for each line of the input.
#pragma once
#include <map>
#include <string>

#include "runtime/serve/generate.h"
#include "runtime/text/tokenizer.h"

namespace llc {

struct ChatOptions {
  bool on = false;
  std::string system;        // what the system says; empty: nothing
  std::string chatTemplate;  // "chatml", "roles", or a file of Jinja; empty: the model's own
  bool once = false;         // ends after the first answer
};

struct ChatOutput {
  std::function<bool(std::string_view)> print;           // text as it comes. False: nobody reads it
  std::function<void(const GenerateResult &)> onAnswer;  // when an answer is complete
};

// Answers `first`, if it is not empty, then the turns on stdin until its end or /exit, a line each (one that ends with
// a backslash goes on in the next); /clear forgets all but the system's message. On a terminal Ctrl-C ends an answer.
// What the engine has seen of a conversation is not computed again; its oldest turns go when the context is full.
// `files`: the tokenizer's, by name. Errors: no template; what it refuses; a message longer than the context.
Status converse(Engine &engine, const Tokenizer &tokenizer, const std::map<std::string, std::string> &files,
                const ChatOptions &options, const std::string &first, GenerateOptions generation,
                const ChatOutput &output);

}  // namespace llc
