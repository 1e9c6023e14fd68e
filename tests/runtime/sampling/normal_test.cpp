#include "runtime/sampling/normal.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace llc {
namespace {
TEST(NormalNumbers, HaveTheMomentsOfTheDistribution) {
  std::vector<float> values(200000);
  NormalNumbers(1).fill(values, 2);
  double mean = 0, square = 0, fourth = 0;
  for (double x : values) mean += x, square += x * x, fourth += x * x * x * x;
  mean /= double(values.size()), square /= double(values.size()), fourth /= double(values.size());
  EXPECT_NEAR(mean, 0, 0.02);
  EXPECT_NEAR(square, 4, 0.05);
  EXPECT_NEAR(fourth / (square * square), 3, 0.06);
}

TEST(NormalNumbers, DependOnSeedAndStreamAlone) {
  auto numbers = [](uint64_t seed, uint64_t stream) {
    std::vector<float> values(5);
    NormalNumbers(seed, stream).fill(values, 1);
    return values;
  };
  EXPECT_EQ(numbers(7, 1), numbers(7, 1));
  EXPECT_NE(numbers(7, 1), numbers(7, 2));
  EXPECT_NE(numbers(7, 1), numbers(8, 1));
  std::vector<float> pieces(5);
  NormalNumbers one(7, 1);
  one.fill(std::span(pieces).first(2), 1);
  one.fill(std::span(pieces).subspan(2), 1);
  EXPECT_EQ(pieces, numbers(7, 1));
}
}  // namespace
}  // namespace llc
