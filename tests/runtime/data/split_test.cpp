#include "runtime/data/split.h"

#include <gtest/gtest.h>

#include <vector>

namespace llc::data {
namespace {

// Every sequence is in exactly one part, and each part is in the file's order.
TEST(Split, PartsAreOrderedAndComplete) {
  for (uint64_t sequences : {2u, 3u, 7u, 10u, 99u, 1000u})
    for (double share : {0.001, 0.1, 0.25, 0.5, 0.9}) {
      Split split(sequences, share, 42);
      std::vector<int> seen(sequences, 0);
      for (Part part : {Part::training, Part::validation}) {
        uint64_t before = 0;
        ASSERT_GT(split.count(part), 0u) << sequences << " " << share;
        for (uint64_t i = 0; i < split.count(part); ++i) {
          uint64_t sequence = split.sequence(part, i);
          ASSERT_LT(sequence, sequences);
          if (i) ASSERT_GT(sequence, before);
          before = sequence;
          ++seen[sequence];
        }
      }
      for (int count : seen) ASSERT_EQ(count, 1) << sequences << " " << share;
    }
  EXPECT_EQ(Split(1000, 0.1, 1).count(Part::validation), 100u);
}

TEST(Split, SeedChoosesAndNothingIsHeldOutOfOneOrByZero) {
  Split one(1000, 0.1, 1), other(1000, 0.1, 2);
  int same = 0;
  for (uint64_t i = 0; i < 100; ++i) same += one.sequence(Part::validation, i) == other.sequence(Part::validation, i);
  EXPECT_LT(same, 40);
  EXPECT_EQ(Split(1, 0.1, 1).count(Part::validation), 0u);
  EXPECT_EQ(Split(100, 0, 1).count(Part::training), 100u);
  EXPECT_EQ(Split(100, 0, 1).sequence(Part::training, 7), 7u);
}

TEST(Split, HugeDatasetsAreReachedAtBothEnds) {
  uint64_t sequences = uint64_t(1) << 40;
  Split split(sequences, 0.01, 3);
  EXPECT_LT(split.sequence(Part::training, 0), 2u);
  EXPECT_GE(split.sequence(Part::training, split.count(Part::training) - 1), sequences - 2);
}

}  // namespace
}  // namespace llc::data
