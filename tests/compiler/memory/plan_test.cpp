#include "compiler/memory/plan.h"

#include <gtest/gtest.h>

#include <random>

using namespace llc::compiler;

static FramePlan planOf(std::vector<Temporary> temporaries) {
  FramePlan plan{"f", std::move(temporaries)};
  assignPlaces(plan);
  return plan;
}

TEST(MemoryPlan, reusesThePlaceOfADeadValue) {
  FramePlan plan = planOf({{"a", 4096, 0, 1}, {"b", 4096, 1, 2}, {"c", 4096, 2, 3}});
  EXPECT_EQ(plan.bytes, 8192);
  EXPECT_EQ(plan.temporaries[0].offset, plan.temporaries[2].offset);
  EXPECT_NE(plan.temporaries[0].offset, plan.temporaries[1].offset);
}

TEST(MemoryPlan, valuesAliveInTheSameStepDoNotShare) {
  FramePlan plan = planOf({{"a", 100, 0, 3}, {"b", 100, 3, 3}});
  EXPECT_EQ(plan.bytes, 256);
}

TEST(MemoryPlan, emptyFrameIsZeroBytes) { EXPECT_EQ(planOf({}).bytes, 0); }

TEST(MemoryPlan, noticesAnUnsoundPlan) {
  FramePlan plan = planOf({{"a", 64, 0, 1}, {"b", 64, 1, 2}});
  plan.temporaries[1].offset = plan.temporaries[0].offset;
  EXPECT_FALSE(isSound(plan));
}

TEST(MemoryPlan, randomPlansAreSoundAndNearTheLowerBound) {
  std::mt19937 random(7);
  double worst = 0;
  for (int round = 0; round < 200; ++round) {
    std::vector<Temporary> values;
    for (int i = 0; i < 60; ++i) {
      int64_t first = random() % 40;
      values.push_back({std::to_string(i), int64_t(1 + random() % 10000), first, first + int64_t(random() % 6)});
    }
    FramePlan plan = planOf(values);
    ASSERT_TRUE(isSound(plan)) << report(plan);
    ASSERT_GE(plan.bytes, plan.lowerBound);
    worst = std::max(worst, double(plan.bytes) / double(plan.lowerBound));
  }
  EXPECT_LT(worst, 1.3);
}

// What a training step keeps: values of layers from the forward to the backward pass, in reverse, and gradients from
// there to the updates. Largest first alone leaves gaps of a twentieth.
TEST(MemoryPlan, aTrainingStepLeavesNoGaps) {
  constexpr int64_t layers = 12, end = 3 * layers;
  std::vector<Temporary> values = {{"head", 147000, layers, end},
                                   {"logits", 49000, layers - 1, layers},
                                   {"logits", 49000, layers, end - 1},
                                   {"embedding", 147000, 2 * layers, end - 1}};
  for (int64_t layer = 0; layer < layers; ++layer) {
    int64_t back = 2 * layers - layer;
    for (int64_t bytes : {12000, 12000, 3000, 3000, 3000, 3000, 3000, 3000, 3000})
      values.push_back({"saved", bytes, layer, back});
    for (int64_t bytes : {9000, 9000, 6800, 2200}) values.push_back({"gradient", bytes, back, end + layer});
    values.push_back({"frame", 39000, back, back});
  }
  FramePlan plan = planOf(values);
  ASSERT_TRUE(isSound(plan)) << report(plan);
  EXPECT_LT(double(plan.bytes), 1.03 * double(plan.lowerBound)) << report(plan);
}

TEST(MemoryPlan, theReportNamesEveryValueAndTheProof) {
  FramePlan plan = planOf({{"layers.*.mlp.gate", 1 << 20, 0, 1}});
  std::string text = report(plan);
  EXPECT_NE(text.find("layers.*.mlp.gate"), std::string::npos);
  EXPECT_NE(text.find("1.0 MiB"), std::string::npos);
  EXPECT_EQ(toJson(plan)["values"][0]["bytes"], 1 << 20);
}
