// The commands that llc-model and every compiled executable have in common, as functions on an engine and a tokenizer.
// They print to stdout; errors are returned, and the caller prints them.
#pragma once
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "runtime/serve/bench.h"
#include "runtime/serve/chat.h"
#include "runtime/serve/generate.h"
#include "runtime/serve/program.h"
#include "runtime/serve/session.h"
#include "runtime/text/tokenizer.h"

namespace llc {

// Streams the text of a tokenizer; special tokens give nothing.
class TokenizerStream final : public TextStream {
 public:
  explicit TokenizerStream(const Tokenizer &tokenizer) : decoder_(tokenizer) {}
  std::string push(int32_t id) override { return decoder_.push(id); }
  std::string finish() override { return decoder_.finish(); }

 private:
  StreamDecoder decoder_;
};

// The tokenizer that travels with a program. notFound: none does.
Result<std::unique_ptr<Tokenizer>> tokenizerOf(const Program &program);

// Sampling and end tokens as the model's makers suggest.
GenerateOptions generateOptions(const GenerationDefaults &defaults);

// Text or ids, whichever was given.
struct TextOrIds {
  std::string text;
  std::vector<int32_t> ids;
  bool hasIds = false, hasText = false;  // which was given; an empty text may be
};
// Ids as given, or the text's with the special tokens that the tokenizer puts around it (beginning of text).
Result<std::vector<int32_t>> idsOf(const TextOrIds &input, const Tokenizer *tokenizer);

struct RunOptions {
  TextOrIds prompt;
  GenerateOptions generate;
  bool json = false;   // one object with "ids" and "text" of the new tokens, counts and times; instead of streaming
  bool echo = false;   // prints the prompt first
  bool stats = false;  // one line of speeds on stderr
  ChatOptions chat = {};
};
// Whether there is something to go on from: text, ids, or a chat.
Status checkInput(const RunOptions &options);
// `tokenizer` may be null when ids are given; no text comes out then. `files`: the tokenizer's, by name; a chat needs
// them.
Status runCommand(Engine &engine, const Tokenizer *tokenizer, const RunOptions &options,
                  const std::map<std::string, std::string> &files = {});
// The files that travel with a program.
std::map<std::string, std::string> filesOf(const Program &program);

struct ScoreOptions {
  TextOrIds input;
  bool json = false;  // {"ids", "log_probs" (of ids[1], ids[2] ...), "sum", "perplexity"}
};
Status scoreCommand(Engine &engine, const Tokenizer *tokenizer, const ScoreOptions &options);

Status benchCommand(Session &session, const BenchOptions &options, bool json);

// The manifest, for people or as JSON.
void infoCommand(const Manifest &manifest, bool json);

// Prints "error: ..." on stderr and gives the exit code.
int report(const Error &error);
// What `body` gives, for the whole of main: an exception that nothing caught is reported, with what to do when memory
// ran out, and else.
int reportingExceptions(const std::function<int()> &body, const char *memoryRemedy, const char *bugRemedy);
// For the end of main: an error if something that was printed did not arrive (a full disk, a closed file).
Status finishOutput();

}  // namespace llc
