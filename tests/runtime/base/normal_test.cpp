#include "runtime/base/normal.h"

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

TEST(NormalNumbers, AreTheSameForTheSameSeed) {
  NormalNumbers one(7), other(7), third(8);
  double first = one.next();
  EXPECT_EQ(first, other.next());
  EXPECT_NE(first, third.next());
  EXPECT_EQ(one.next(), other.next());
}
}  // namespace
}  // namespace llc
