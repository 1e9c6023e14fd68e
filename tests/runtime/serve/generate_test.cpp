#include "runtime/serve/generate.h"

#include <gtest/gtest.h>

#include <cmath>
#include <utility>

namespace llc {
namespace {

// An engine whose next token is always the last one plus one, modulo 30. Token 26 and above are not letters.
class Alphabet final : public Engine {
 public:
  const EngineLimits &limits() const override { return limits_; }
  Result<int64_t> open() override { return ++opened_, 0; }
  void close(int64_t) override { ++closed_, length_ = 0; }
  int64_t length(int64_t) const override { return length_; }
  Result<Rows> step(std::span<const SequenceTokens> batch) override {
    length_ += int64_t(batch[0].tokens.size());
    ++steps_;
    if (steps_ == failAt_) return diagnose(ErrorKind::resource).says("test").toFix("nothing");
    logits_.assign(30, 0);
    logits_[size_t(batch[0].tokens.back() + 1) % 30] = 10;
    return Rows{logits_.data(), 1, 30};
  }
  Result<std::vector<float>> score(std::span<const int32_t>) override { return std::vector<float>(); }
  Result<Rows> embed(std::span<const int32_t>, Wanted) override { return Rows{}; }
  Result<Rows> classify(std::span<const int32_t>) override { return Rows{}; }
  std::string description() const override { return "alphabet"; }

  EngineLimits limits_{30, 1, 100, 1};
  int opened_ = 0, closed_ = 0, steps_ = 0, failAt_ = -1;

 private:
  int64_t length_ = 0;
  std::vector<float> logits_;
};

class Letters final : public TextStream {
 public:
  std::string push(int32_t id) override { return std::string(1, id < 26 ? char('a' + id) : '#'); }
  std::string finish() override { return tail; }
  std::string tail;
};

struct Outcome {
  GenerateResult result;
  std::string streamed;
  std::vector<std::string> pieces;
};
Outcome run(const GenerateOptions &options, std::vector<int32_t> prompt = {0}, Alphabet *engine = nullptr,
            std::string tail = "") {
  Alphabet own;
  Letters letters;
  letters.tail = std::move(tail);
  Outcome outcome;
  auto result = generate(engine ? *engine : own, prompt, options, &letters, [&](std::string_view piece) {
    outcome.pieces.emplace_back(piece);
    outcome.streamed += piece;
    return true;
  });
  EXPECT_TRUE(result) << result.error().text();
  outcome.result = std::move(*result);
  EXPECT_EQ(outcome.streamed, outcome.result.text);
  return outcome;
}

TEST(Generate, GivesTheTokensAskedFor) {
  Alphabet engine;
  auto [result, streamed, pieces] = run({.maxTokens = 5}, {3, 4}, &engine);
  EXPECT_EQ(result.ids, (std::vector<int32_t>{5, 6, 7, 8, 9}));
  EXPECT_EQ(result.text, "fghij");
  EXPECT_EQ(result.reason, FinishReason::length);
  EXPECT_EQ(result.promptTokens, 2);
  EXPECT_EQ(engine.steps_, 5) << "no step is computed whose result nobody needs";
  EXPECT_EQ(engine.opened_, 1);
  EXPECT_EQ(engine.closed_, 1);
}

TEST(Generate, TheStreamSeesThePromptFirst) {
  // Capital only at the very beginning of what it decodes.
  struct Sentence final : TextStream {
    std::string push(int32_t id) override {
      char letter = char((std::exchange(first, false) ? 'A' : 'a') + id);
      return std::string(1, letter);
    }
    std::string finish() override { return ""; }
    bool first = true;
  };
  Alphabet engine;
  Sentence stream;
  auto result = generate(engine, std::vector<int32_t>{0, 1}, {.maxTokens = 2}, &stream);
  ASSERT_TRUE(result);
  EXPECT_EQ(result->text, "cd");
}

TEST(Generate, EndsAtEosUnlessItIsIgnored) {
  GenerateOptions options{.maxTokens = 10, .eos = {4, 29}};
  auto ended = run(options);
  EXPECT_EQ(ended.result.text, "bcd");
  EXPECT_EQ(ended.result.reason, FinishReason::eos);
  EXPECT_EQ(ended.result.ids.size(), 3u);
  options.ignoreEos = true;
  EXPECT_EQ(run(options).result.ids.size(), 10u);
}

TEST(Generate, StopsBeforeAStopText) {
  auto stopped = run({.maxTokens = 20, .stop = {"zzz", "fgh"}});
  EXPECT_EQ(stopped.result.text, "bcde");
  EXPECT_EQ(stopped.result.reason, FinishReason::stop);
  EXPECT_EQ(stopped.result.ids.size(), 7u) << "the ids say what was computed";
  auto earliest = run({.maxTokens = 20, .stop = {"fgh", "ef"}});
  EXPECT_EQ(earliest.result.text, "bcd");
}

TEST(Generate, HoldsBackOnlyWhatMayBecomeAStopText) {
  auto outcome = run({.maxTokens = 6, .stop = {"dex"}});
  EXPECT_EQ(outcome.result.text, "bcdefg") << "a beginning that did not go on is given after all";
  EXPECT_EQ(outcome.pieces, (std::vector<std::string>{"b", "c", "def", "g"}));
  auto atEnd = run({.maxTokens = 4, .stop = {"dex"}});
  EXPECT_EQ(atEnd.result.text, "bcde");
  EXPECT_EQ(atEnd.result.reason, FinishReason::length);
}

TEST(Generate, StopTextMayComeWithTheLastPiece) {
  auto outcome = run({.maxTokens = 3, .stop = {"d!"}}, {0}, nullptr, "!?");
  EXPECT_EQ(outcome.result.text, "bc");
  EXPECT_EQ(outcome.result.reason, FinishReason::stop);
  EXPECT_EQ(run({.maxTokens = 3}, {0}, nullptr, "!?").result.text, "bcd!?");
}

TEST(Generate, EndsWhenTheContextIsFull) {
  Alphabet engine;
  engine.limits_.maxContext = 4;
  auto outcome = run({.maxTokens = 10}, {0, 1}, &engine);
  EXPECT_EQ(outcome.result.reason, FinishReason::context);
  EXPECT_EQ(outcome.result.ids, (std::vector<int32_t>{2, 3, 4}));
}

TEST(Generate, TheCallerMayCancel) {
  Alphabet engine;
  Letters letters;
  auto result = generate(engine, std::vector<int32_t>{0}, {.maxTokens = 10}, &letters,
                         [](std::string_view piece) { return piece != "c"; });
  ASSERT_TRUE(result);
  EXPECT_EQ(result->reason, FinishReason::cancelled);
  EXPECT_EQ(result->text, "bc");
}

TEST(Generate, WorksWithoutText) {
  Alphabet engine;
  auto result = generate(engine, std::vector<int32_t>{0}, {.maxTokens = 2, .logProbs = true});
  ASSERT_TRUE(result);
  EXPECT_EQ(result->ids, (std::vector<int32_t>{1, 2}));
  EXPECT_EQ(result->text, "");
  ASSERT_EQ(result->logProbs.size(), 2u);
  EXPECT_NEAR(result->logProbs[0], -std::log(1 + 29 * std::exp(-10.0)), 1e-6);
  auto none = generate(engine, std::vector<int32_t>{0}, {.maxTokens = 0});
  ASSERT_TRUE(none);
  EXPECT_TRUE(none->ids.empty());
}

TEST(Generate, PenaltiesSeeThePromptAndWhatWasGenerated) {
  GenerateOptions options{.maxTokens = 3};
  options.sampling.presencePenalty = 50;
  Alphabet engine;
  auto result = generate(engine, std::vector<int32_t>{1, 0}, options);
  ASSERT_TRUE(result);
  // After 0 the engine wants 1, which stands in the prompt; of the others the lowest id is taken: 2. Then 3 and 4.
  EXPECT_EQ(result->ids, (std::vector<int32_t>{2, 3, 4}));
}

TEST(Generate, SaysWhatIsWrongAndClosesItsSequence) {
  Alphabet engine;
  EXPECT_FALSE(generate(engine, {}, {}));
  EXPECT_FALSE(generate(engine, std::vector<int32_t>(101, 1), {}));
  GenerateOptions bad;
  bad.sampling.topP = 2;
  EXPECT_FALSE(generate(engine, std::vector<int32_t>{1}, bad));
  EXPECT_EQ(engine.opened_, 0);
  engine.failAt_ = 3;
  auto failed = generate(engine, std::vector<int32_t>{1}, {});
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().kind, ErrorKind::resource);
  EXPECT_EQ(engine.closed_, 1);
}

// What was computed stays: only what is new is fed.
TEST(Generate, KeptSequences) {
  Alphabet engine;
  GenerateOptions options;
  options.maxTokens = 3;
  {
    KeptSequence kept(engine);
    auto first = generate(engine, std::vector<int32_t>{0, 1}, options, nullptr, nullptr, &kept);
    ASSERT_TRUE(first.ok());
    EXPECT_EQ(first->ids, (std::vector<int32_t>{2, 3, 4}));
    EXPECT_EQ(first->keptTokens, 0);
    EXPECT_EQ(engine.length(0), 4);  // the last token was not fed
    auto second = generate(engine, std::vector<int32_t>{0, 1, 2, 3, 4, 9}, options, nullptr, nullptr, &kept);
    ASSERT_TRUE(second.ok());
    EXPECT_EQ(second->ids, (std::vector<int32_t>{10, 11, 12}));
    EXPECT_EQ(second->keptTokens, 4);
    EXPECT_EQ(engine.length(0), 8);
    EXPECT_EQ(engine.opened_, 1);
    // Another beginning is another sequence, and so is what ends within the one that is kept.
    for (const std::vector<int32_t> &prompt : {std::vector<int32_t>{5, 1, 2, 3, 4, 9, 10, 11, 12}, {5, 1}}) {
      auto other = generate(engine, prompt, options, nullptr, nullptr, &kept);
      ASSERT_TRUE(other.ok());
      EXPECT_EQ(other->keptTokens, 0);
    }
    EXPECT_EQ(engine.opened_, 3);
    EXPECT_EQ(engine.closed_, 2);
    // A sequence that an error left in the middle is not gone on with.
    engine.failAt_ = engine.steps_ + 1;
    EXPECT_FALSE(generate(engine, std::vector<int32_t>{5, 1, 2, 3, 4}, options, nullptr, nullptr, &kept).ok());
    EXPECT_EQ(engine.closed_, 3);
  }
  EXPECT_EQ(engine.closed_, engine.opened_);
}

}  // namespace
}  // namespace llc
