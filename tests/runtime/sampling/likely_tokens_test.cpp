#include "runtime/sampling/likely_tokens.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "runtime/sampling/random.h"

namespace llc {
namespace {

// All tokens, the most likely first.
std::vector<int32_t> sorted(const std::vector<float> &logits) {
  std::vector<int32_t> order(logits.size());
  std::iota(order.begin(), order.end(), 0);
  auto key = [&](int32_t token) { return std::isnan(logits[size_t(token)]) ? -INFINITY : logits[size_t(token)]; };
  std::sort(order.begin(), order.end(),
            [&](int32_t a, int32_t b) { return key(a) > key(b) || (key(a) == key(b) && a < b); });
  return order;
}

// The number of tokens within the border, once it is clear that they are the most likely ones.
size_t within(const LikelyTokens &likely, const std::vector<float> &logits) {
  std::vector<int32_t> order = sorted(logits);
  size_t count = 0;
  while (count < order.size() && likely.border().keeps(logits[size_t(order[count])], order[count])) ++count;
  for (size_t i = count; i < order.size(); ++i)
    EXPECT_FALSE(likely.border().keeps(logits[size_t(order[i])], order[i])) << order[i] << " is the " << i << "th";
  return count;
}

enum class Shape { normal, steps, equal, peaks, wide };
std::vector<float> logitsOf(Shape shape, size_t count) {
  Random random(count);
  std::vector<float> logits(count);
  for (float &logit : logits) {
    double sum = -2;
    for (int i = 0; i < 4; ++i) sum += random.uniform();
    logit = shape == Shape::normal  ? float(sum)
            : shape == Shape::steps ? float(std::round(sum * 4))
            : shape == Shape::equal ? 1.5f
            : shape == Shape::peaks ? float(sum * 3 + (random.uniform() < 0.001 ? 12 : 0))
                                    : float(sum * 40);
  }
  if (count > 4) logits[3] = NAN, logits[4] = -INFINITY;
  return logits;
}

struct Case {
  Shape shape;
  size_t count;
  std::vector<float> logits() const { return logitsOf(shape, count); }
};
const std::vector<Case> cases = [] {
  std::vector<Case> all;
  for (Shape shape : {Shape::normal, Shape::steps, Shape::equal, Shape::peaks, Shape::wide})
    for (size_t count : {size_t(1), size_t(127), size_t(130), size_t(3000), size_t(17000)})
      all.push_back({shape, count});
  return all;
}();

TEST(LikelyTokens, AsManyAsAskedFor) {
  for (const Case &c : cases) {
    std::vector<float> logits = c.logits();
    size_t possible = size_t(std::count_if(logits.begin(), logits.end(), [](float x) { return x > -INFINITY; }));
    for (size_t wanted : {size_t(1), size_t(2), size_t(20), size_t(301), size_t(2000), size_t(12000)}) {
      LikelyTokens likely;
      likely.read(logits);
      likely.keepMost(int64_t(wanted));
      if (wanted < possible) {
        EXPECT_EQ(within(likely, logits), wanted) << int(c.shape) << " of " << c.count;
        continue;
      }
      for (size_t i = 0; i < logits.size(); ++i)
        EXPECT_TRUE(likely.border().keeps(logits[i], int32_t(i)) || !(logits[i] > -INFINITY)) << i;
    }
  }
}

TEST(LikelyTokens, TheFewestThatReachAShare) {
  for (const Case &c : cases)
    for (double share : {0.0, 0.3, 0.9, 0.999}) {
      std::vector<float> logits = c.logits();
      LikelyTokens likely;
      likely.read(logits);
      likely.keepShare(share);
      size_t count = within(likely, logits);
      ASSERT_GE(count, 1u);
      double total = 0, reached = 0, last = 0;
      for (float logit : logits)
        if (logit > -INFINITY) total += std::exp(double(logit) - likely.best());
      std::vector<int32_t> order = sorted(logits);
      for (size_t i = 0; i < count; ++i) reached += last = std::exp(double(logits[size_t(order[i])]) - likely.best());
      // Weights are floats: 1e-6 of the sum is what the two may differ by.
      EXPECT_GE(reached, (share - 1e-6) * total) << int(c.shape) << " of " << c.count;
      if (count > 1) EXPECT_LT(reached - last, (share + 1e-6) * total) << int(c.shape) << " of " << c.count;
    }
}

TEST(LikelyTokens, BordersOnlyGetNearer) {
  std::vector<float> logits = logitsOf(Shape::normal, 5000);
  LikelyTokens likely;
  likely.read(logits);
  likely.keepMost(300);
  likely.keepRelative(1e-9);
  EXPECT_EQ(within(likely, logits), 300u);
  likely.keepShare(0.5);
  size_t half = within(likely, logits);
  EXPECT_LT(half, 160u);
  EXPECT_GT(half, 100u);
  likely.keepRelative(1);
  EXPECT_EQ(within(likely, logits), 1u);
  EXPECT_EQ(likely.at(0.99, 1), likely.mostLikely());
}

TEST(LikelyTokens, AreDrawnInTheOrderOfIds) {
  std::vector<float> logits(300, 0.0f);
  LikelyTokens likely;
  likely.read(logits);
  likely.keepMost(200);
  for (int32_t i = 0; i < 200; ++i) EXPECT_EQ(likely.at((i + 0.5) / 200, 1), i);
  EXPECT_EQ(likely.at(0, 1), 0);
  EXPECT_EQ(likely.at(std::nextafter(1.0, 0.0), 1), 199);
}

}  // namespace
}  // namespace llc
