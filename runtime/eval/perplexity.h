// Perplexity of texts longer than a model's context, by windows that overlap: every token is scored exactly once.
#pragma once
#include <functional>

#include "runtime/serve/engine.h"

namespace llc {

struct PerplexityOptions {
  int64_t context = 0;  // tokens of a window; 0: all that the engine allows
  int64_t stride = 0;   // from window to window, at most the context; 0: half of it
};

struct PerplexityResult {
  int64_t tokens = 0;    // scored
  int64_t unscored = 0;  // first tokens of texts: nothing before them predicts them
  int64_t windows = 0;
  double sum = 0;  // of log-probabilities (natural)
  double meanLoss() const { return tokens ? -sum / double(tokens) : 0; }
  double perplexity() const;
};

// Token t is scored by the first of the windows [k * stride, k * stride + context) that reaches it, so what lies behind
// the first window sees at least context - stride tokens. A stride as long as the context means context - 1: the first
// token of a window is what its second is predicted from. Adds to `result`, so that several texts count as one. Errors:
// invalidInput (a stride or context out of range), those of the engine.
Status addPerplexity(Engine &engine, std::span<const int32_t> tokens, const PerplexityOptions &options,
                     PerplexityResult &result, const std::function<void(int64_t scored)> &onWindow = nullptr);

}  // namespace llc
