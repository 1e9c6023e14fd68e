#include "runtime/eval/perplexity.h"

#include <gtest/gtest.h>

#include <cmath>

namespace llc {
namespace {

// log p of a token depends on it, its place and how much it sees, so that a token scored twice or in the wrong window
// shows.
class Counting final : public Engine {
 public:
  explicit Counting(int64_t context) { limits_.maxContext = context; }
  static double logProb(int32_t token, int64_t seen) { return -0.01 * token - 1.0 / double(seen); }
  Result<std::vector<float>> score(std::span<const int32_t> tokens) override {
    EXPECT_LE(int64_t(tokens.size()), limits_.maxContext);
    std::vector<float> values;
    for (size_t i = 1; i < tokens.size(); ++i) values.push_back(float(logProb(tokens[i], int64_t(i))));
    return values;
  }
  const EngineLimits &limits() const override { return limits_; }
  Result<int64_t> open() override { return 0; }
  void close(int64_t) override {}
  int64_t length(int64_t) const override { return 0; }
  Result<Rows> step(std::span<const SequenceTokens>) override { return Rows{}; }
  Result<Rows> embed(std::span<const int32_t>, Wanted) override { return Rows{}; }
  Result<Rows> classify(std::span<const int32_t>) override { return Rows{}; }
  std::string description() const override { return "counting"; }

 private:
  EngineLimits limits_;
};

// The definition: token t is scored in the first window [k * stride, k * stride + context) that reaches it.
double direct(std::span<const int32_t> tokens, int64_t context, int64_t stride) {
  double sum = 0;
  for (int64_t t = 1; t < int64_t(tokens.size()); ++t) {
    int64_t begin = 0;
    while (begin + context <= t) begin += stride;
    sum += Counting::logProb(tokens[size_t(t)], t - begin);
  }
  return sum;
}

TEST(Perplexity, EveryTokenOnceInTheFirstWindowThatReachesIt) {
  std::vector<int32_t> tokens(101);
  for (size_t i = 0; i < tokens.size(); ++i) tokens[i] = int32_t(i * 37 % 50);
  Counting engine(16);
  for (int64_t context : {2, 5, 16})
    for (int64_t stride : {1, 2, 4, 15}) {
      if (stride >= context) continue;
      PerplexityResult result;
      ASSERT_TRUE(addPerplexity(engine, tokens, {context, stride}, result).ok());
      EXPECT_EQ(result.tokens, 100);
      EXPECT_EQ(result.unscored, 1);
      EXPECT_NEAR(result.sum, direct(tokens, context, stride), 1e-4) << context << " " << stride;
      EXPECT_NEAR(result.perplexity(), std::exp(-result.sum / 100), 1e-9);
    }
}

TEST(Perplexity, WindowsThatDoNotOverlapShareOneToken) {
  std::vector<int32_t> tokens(40, 3);
  Counting engine(8);
  PerplexityResult result;
  ASSERT_TRUE(addPerplexity(engine, tokens, {8, 8}, result).ok());
  EXPECT_EQ(result.tokens, 39);
  EXPECT_NEAR(result.sum, direct(tokens, 8, 7), 1e-4);
}

TEST(Perplexity, ShortTextsAndBadOptions) {
  Counting engine(8);
  PerplexityResult result;
  std::vector<int32_t> one = {1}, none, three = {1, 2, 3};
  ASSERT_TRUE(addPerplexity(engine, none, {}, result).ok());
  ASSERT_TRUE(addPerplexity(engine, one, {}, result).ok());
  EXPECT_EQ(result.tokens, 0);
  ASSERT_TRUE(addPerplexity(engine, three, {}, result).ok());
  EXPECT_EQ(result.tokens, 2);
  EXPECT_EQ(result.windows, 1);
  EXPECT_FALSE(addPerplexity(engine, three, {9, 1}, result).ok());
  EXPECT_FALSE(addPerplexity(engine, three, {1, 1}, result).ok());
  EXPECT_FALSE(addPerplexity(engine, three, {8, 9}, result).ok());
}

}  // namespace
}  // namespace llc
