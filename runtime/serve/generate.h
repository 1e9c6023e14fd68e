// From prompt ids to a stream of tokens and text.
#pragma once
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "runtime/sampling/sampler.h"
#include "runtime/serve/engine.h"

namespace llc {

// Turns ids into text as they come. push() gives what is certain so far (never half a character); finish() the rest.
// generate() pushes the prompt first and drops its text, so that the new text is what stands behind the prompt's when
// all is decoded as one: with the blank in between, which decoding the new tokens alone would lose.
class TextStream {
 public:
  virtual ~TextStream() = default;
  virtual std::string push(int32_t id) = 0;
  virtual std::string finish() = 0;
};

struct GenerateOptions {
  SamplingOptions sampling = {};
  int64_t maxTokens = 128;
  std::vector<std::string> stop = {};  // ends before the first of these; the text that is given never holds any of it
  std::vector<int32_t> eos = {};       // ends at (and without) one of these tokens
  bool ignoreEos = false;              // such tokens are ordinary: exactly maxTokens come out
  bool logProbs = false;
};

enum class FinishReason { length, eos, stop, context, cancelled };
std::string_view finishReasonName(FinishReason reason);

struct GenerateResult {
  std::vector<int32_t> ids;     // new tokens only
  std::string text;             // of the new tokens; empty without a TextStream
  std::vector<float> logProbs;  // natural, of the unmodified distribution; as long as ids when asked for
  FinishReason reason = FinishReason::length;
  int64_t promptTokens = 0, keptTokens = 0;      // of the prompt, and how many of them a KeptSequence had
  double prefillSeconds = 0, decodeSeconds = 0;  // decode: the steps after the first token
};

// A sequence that stays open from call to call, as long as this lives: what a prompt begins with and the engine has
// seen in it is not computed again.
class KeptSequence {
 public:
  explicit KeptSequence(Engine &engine) : engine_(engine) {}
  ~KeptSequence() { clear(); }
  KeptSequence(const KeptSequence &) = delete;
  KeptSequence &operator=(const KeptSequence &) = delete;
  // The sequence with the longest beginning of `prompt` that leaves a token to be computed, and how long that is: all
  // that it has seen, or a new one.
  Result<std::pair<int64_t, int64_t>> begin(std::span<const int32_t> prompt);
  void saw(std::span<const int32_t> tokens) { tokens_.insert(tokens_.end(), tokens.begin(), tokens.end()); }
  void clear();

 private:
  Engine &engine_;
  std::optional<int64_t> sequence_;
  std::vector<int32_t> tokens_;
};

// `text` may be null (ids only). `onText` gets each new piece of text; returning false stops (FinishReason::cancelled).
// When the context is full generation ends with FinishReason::context. Errors: an empty prompt, one longer than the
// context, or (ignoreEos) more tokens promised than the context holds. `kept`: of the same engine; null: nothing stays.
Result<GenerateResult> generate(Engine &engine, std::span<const int32_t> prompt, const GenerateOptions &options,
                                TextStream *text = nullptr,
                                const std::function<bool(std::string_view)> &onText = nullptr,
                                KeptSequence *kept = nullptr);

}  // namespace llc
