#include "runtime/train/training_memory.h"

#include <gtest/gtest.h>

namespace llc::train {
namespace {

TEST(TrainingMemory, CountsEachParameterOnce) {
  Manifest manifest;
  manifest.arenaBytes = 1000;
  auto parameter = [](const char *name, uint64_t bytes, bool updated) {
    return ParameterSpec{name, DType::f32, {}, "rows", 0, bytes, updated};
  };
  manifest.parameters = {parameter("a", 1, true), parameter("b", 2, false), parameter("exp_avg/a", 4, true),
                         parameter("gradient/a", 8, true), parameter("ema/a", 16, true)};
  auto memory = trainingMemory(manifest, 1);
  EXPECT_EQ(memory["weights"], 1);
  EXPECT_EQ(memory["frozen"], 2);
  EXPECT_EQ(memory["optimizer_state"], 4);
  EXPECT_EQ(memory["gradients"], 8);
  EXPECT_EQ(memory["averages"], 16);
  EXPECT_EQ(memory["arena"], 1000);
  EXPECT_EQ(memory["total"], 1031 + memory["scratch"].get<int64_t>());
}

}  // namespace
}  // namespace llc::train
