// From prompt ids to a stream of tokens and text.
#pragma once
#include <functional>
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
  int64_t promptTokens = 0;
  double prefillSeconds = 0, decodeSeconds = 0;  // decode: the steps after the first token
};

// `text` may be null (ids only). `onText` gets each new piece of text; returning false stops (FinishReason::cancelled).
// When the context is full generation ends with FinishReason::context. Errors: an empty prompt, one longer than the
// context, or (ignoreEos) more tokens promised than the context holds.
Result<GenerateResult> generate(Engine &engine, std::span<const int32_t> prompt, const GenerateOptions &options,
                                TextStream *text = nullptr,
                                const std::function<bool(std::string_view)> &onText = nullptr);

}  // namespace llc
