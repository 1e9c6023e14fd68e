#include "runtime/train/loss_scale.h"

#include <gtest/gtest.h>

#include <limits>

namespace llc::train {
namespace {

TEST(LossScale, HalvesAndGrowsAsGradScaler) {
  LossScale scale;
  EXPECT_EQ(scale.scale(), 65536);
  scale.update(false);
  scale.update(false);
  EXPECT_EQ(scale.scale(), 16384);
  for (int i = 0; i < 1999; ++i) scale.update(true);
  EXPECT_EQ(scale.scale(), 16384);
  scale.update(true);
  EXPECT_EQ(scale.scale(), 32768);
  for (int i = 0; i < 1999; ++i) scale.update(true);
  scale.update(false);  // the count begins anew
  for (int i = 0; i < 1999; ++i) scale.update(true);
  EXPECT_EQ(scale.scale(), 16384);
}

TEST(LossScale, GoesOnFromItsStateAndStaysFinite) {
  LossScale scale, other;
  for (int i = 0; i < 1500; ++i) scale.update(true);
  other.state() = scale.state();
  for (int i = 0; i < 500; ++i) other.update(true);
  EXPECT_EQ(other.scale(), 131072);
  other.state() = {std::numeric_limits<float>::max(), 1999};
  other.update(true);
  EXPECT_EQ(other.scale(), std::numeric_limits<float>::max());
}

}  // namespace
}  // namespace llc::train
