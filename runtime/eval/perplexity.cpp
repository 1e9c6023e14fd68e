#include "runtime/eval/perplexity.h"

#include <cmath>

namespace llc {

namespace {
Error badOption(const std::string &flag, const std::string &what, const std::string &remedy) {
  return diagnose(ErrorKind::invalidInput, flag).says(what).toFix(remedy);
}
}  // namespace

double PerplexityResult::perplexity() const { return std::exp(meanLoss()); }

Status addPerplexity(Engine &engine, std::span<const int32_t> tokens, const PerplexityOptions &options,
                     PerplexityResult &result, const std::function<void(int64_t)> &onWindow) {
  int64_t most = engine.limits().maxContext, context = options.context ? options.context : most;
  if (context < 2 || context > most)
    return badOption("--context", fmt::format("{} tokens, the model takes 2 to {}", context, most),
                     "choose a number in this range");
  int64_t stride = options.stride ? options.stride : std::max<int64_t>(1, context / 2);
  // A window's first token is not scored by it, so the one before must have scored it.
  stride = std::min(stride, context - 1);
  if (options.stride > context || stride < 1)
    return badOption("--stride", fmt::format("{} tokens, the context has {}", options.stride, context),
                     "choose a stride from 1 to the context");
  int64_t count = int64_t(tokens.size());
  result.unscored += count > 0;
  for (int64_t begin = 0, scored = 1; scored < count; begin += stride) {
    int64_t end = std::min(begin + context, count);
    LLC_ASSIGN(std::vector<float> logProbs, engine.score(tokens.subspan(size_t(begin), size_t(end - begin))));
    // logProbs[i] is that of token begin + i + 1.
    for (int64_t i = scored; i < end; ++i) result.sum += double(logProbs[size_t(i - begin - 1)]);
    result.tokens += end - scored;
    scored = end;
    ++result.windows;
    if (onWindow) onWindow(scored);
  }
  return success();
}

}  // namespace llc
