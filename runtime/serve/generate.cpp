#include "runtime/serve/generate.h"

#include "runtime/base/clock.h"

namespace llc {

std::string_view finishReasonName(FinishReason reason) {
  switch (reason) {
    case FinishReason::length:
      return "length";
    case FinishReason::eos:
      return "eos";
    case FinishReason::stop:
      return "stop";
    case FinishReason::context:
      return "context";
    case FinishReason::cancelled:
      return "cancelled";
  }
  return "?";
}

namespace {
// Text on its way to the caller. The end that could be the beginning of a stop string is held back until it is clear.
class StopFilter {
 public:
  StopFilter(const std::vector<std::string> &stops, const std::function<bool(std::string_view)> &sink,
             std::string &text)
      : stops_(stops), sink_(sink), text_(text) {}

  // Returns false when the caller does not want more.
  bool push(std::string_view piece) {
    held_ += piece;
    size_t cut = std::string::npos;
    for (const std::string &stop : stops_)
      if (!stop.empty()) cut = std::min(cut, held_.find(stop));
    if (cut != std::string::npos) {
      stopped_ = true;
      held_.resize(cut);
      return flush();
    }
    return give(held_.size() - possibleBeginning());
  }
  bool flush() { return give(held_.size()); }
  bool stopped() const { return stopped_; }

 private:
  // The longest end of the held text with which a stop string begins.
  size_t possibleBeginning() const {
    size_t longest = 0;
    for (const std::string &stop : stops_)
      for (size_t length = std::min(stop.size(), held_.size()); length > longest; --length)
        if (held_.ends_with(std::string_view(stop).substr(0, length))) longest = length;
    return longest;
  }
  bool give(size_t length) {
    if (length == 0) return true;
    text_.append(held_, 0, length);
    bool goOn = !sink_ || sink_(std::string_view(held_).substr(0, length));
    held_.erase(0, length);
    return goOn;
  }
  const std::vector<std::string> &stops_;
  const std::function<bool(std::string_view)> &sink_;
  std::string &text_, held_;
  bool stopped_ = false;
};

Status checkLength(const Engine &engine, std::span<const int32_t> prompt, const GenerateOptions &options) {
  if (prompt.empty())
    return diagnose(ErrorKind::invalidInput, "prompt").says("has no tokens").toFix("give at least one word or id");
  int64_t context = engine.limits().maxContext;
  if (int64_t(prompt.size()) > context)
    return diagnose(ErrorKind::invalidInput, "prompt")
        .says(fmt::format("has {} tokens, the context holds {}", prompt.size(), context))
        .toFix("shorten it, or compile the model with a larger --max-context");
  // Without end-of-text tokens exactly maxTokens are promised; the last one need not be read again, so it takes no
  // place.
  if (options.ignoreEos && options.maxTokens - 1 > context - int64_t(prompt.size()))
    return diagnose(ErrorKind::invalidInput, "--max-tokens")
        .says(fmt::format("{} new tokens behind {} of the prompt are more than the context of {} holds",
                          options.maxTokens, prompt.size(), context))
        .toFix("ask for fewer, drop --ignore-eos, or compile the model with a larger --max-context");
  return success();
}

// The loop's state; run() is the loop.
struct Generation {
  Engine &engine;
  const GenerateOptions &options;
  TextStream *stream;
  int64_t sequence;
  StopFilter filter;
  Sampler sampler;
  GenerateResult &result;
  KeptSequence *kept;

  bool ends(int32_t token) const {
    return !options.ignoreEos && std::find(options.eos.begin(), options.eos.end(), token) != options.eos.end();
  }

  // Chooses a token from the logits and hands it on. False: the end, result.reason says why.
  bool take(std::span<const float> logits) {
    int32_t token = sampler.choose(logits);
    if (ends(token)) return finish(FinishReason::eos);
    sampler.accept(token);
    result.ids.push_back(token);
    if (options.logProbs) result.logProbs.push_back(logProbability(logits, token));
    if (stream) {
      bool goOn = filter.push(stream->push(token));
      if (filter.stopped()) return finish(FinishReason::stop);
      if (!goOn) return finish(FinishReason::cancelled);
    }
    if (int64_t(result.ids.size()) >= options.maxTokens) return finish(FinishReason::length);
    if (engine.length(sequence) >= engine.limits().maxContext) return finish(FinishReason::context);
    return true;
  }

  bool finish(FinishReason reason) {
    result.reason = reason;
    return false;
  }

  // `seen`: how many tokens of the prompt the sequence holds already.
  Status run(std::span<const int32_t> prompt, int64_t seen) {
    for (int32_t token : prompt) {
      sampler.accept(token);
      if (stream) stream->push(token);
    }
    auto begin = Clock::now();
    SequenceTokens part{sequence, prompt.subspan(size_t(seen)), Wanted::last};
    LLC_ASSIGN(Rows rows, engine.step({&part, 1}));
    if (kept) kept->saw(part.tokens);
    result.prefillSeconds = secondsSince(begin);
    begin = Clock::now();
    while (take(rows.row(0))) {
      part.tokens = {&result.ids.back(), 1};
      LLC_ASSIGN(rows, engine.step({&part, 1}));
      if (kept) kept->saw(part.tokens);
    }
    result.decodeSeconds = secondsSince(begin);
    return success();
  }
};
}  // namespace

Result<std::pair<int64_t, int64_t>> KeptSequence::begin(std::span<const int32_t> prompt) {
  bool goesOn =
      sequence_ && tokens_.size() < prompt.size() && std::ranges::equal(tokens_, prompt.first(tokens_.size()));
  if (!goesOn) {
    clear();
    LLC_ASSIGN(sequence_, engine_.open());
  }
  return std::pair(*sequence_, int64_t(tokens_.size()));
}

void KeptSequence::clear() {
  if (sequence_) engine_.close(*sequence_);
  sequence_.reset();
  tokens_.clear();
}

Result<GenerateResult> generate(Engine &engine, std::span<const int32_t> prompt, const GenerateOptions &options,
                                TextStream *text, const std::function<bool(std::string_view)> &onText,
                                KeptSequence *kept) {
  LLC_TRY(options.sampling.check());
  LLC_TRY(checkLength(engine, prompt, options));
  GenerateResult result;
  result.promptTokens = int64_t(prompt.size());
  if (options.maxTokens <= 0) return result;
  KeptSequence own(engine);
  LLC_ASSIGN(auto begun, (kept ? kept : &own)->begin(prompt));
  auto [sequence, seen] = begun;
  result.keptTokens = seen;
  Generation generation{
      engine, options, text, sequence, StopFilter(options.stop, onText, result.text), Sampler(options.sampling),
      result, kept};
  Status status = generation.run(prompt, seen);
  if (!status && kept) kept->clear();
  LLC_TRY(std::move(status));
  if (text && result.reason != FinishReason::stop && result.reason != FinishReason::cancelled) {
    generation.filter.push(text->finish());
    if (generation.filter.stopped()) result.reason = FinishReason::stop;
    generation.filter.flush();
  }
  return result;
}

}  // namespace llc
