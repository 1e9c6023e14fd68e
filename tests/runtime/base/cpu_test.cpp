#include "runtime/base/cpu.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace llc {
namespace {

struct IsaVariable {
  explicit IsaVariable(const char *value) { setenv("LLC_ISA", value, 1); }
  ~IsaVariable() { unsetenv("LLC_ISA"); }
};

TEST(Cpu, HostHasTheFeaturesOfItsLevel) {
  const CpuInfo &host = hostCpu();
  EXPECT_TRUE(host.has("sse2"));
  for (int level = 0; level <= int(host.level); level++)
    EXPECT_TRUE(requireFeatures(isaFeatures(IsaLevel(level))).ok());
  if (int(host.level) + 1 < isaLevelCount)
    EXPECT_FALSE(requireFeatures(isaFeatures(IsaLevel(int(host.level) + 1))).ok());
  EXPECT_GE(host.l1Bytes, 8 << 10);
  EXPECT_GE(host.l2Bytes, host.l1Bytes);
  EXPECT_FALSE(host.model.empty());
}
TEST(Cpu, LevelsContainTheOnesBefore) {
  for (int level = 1; level < isaLevelCount; level++) {
    auto features = isaFeatures(IsaLevel(level));
    for (auto &name : isaFeatures(IsaLevel(level - 1)))
      EXPECT_NE(std::find(features.begin(), features.end(), name), features.end());
    EXPECT_EQ(*parseIsa(isaName(IsaLevel(level))), IsaLevel(level));
  }
}
TEST(Cpu, UnknownLevelNamesTheNearest) {
  auto level = parseIsa("avx521");
  ASSERT_FALSE(level.ok());
  EXPECT_NE(level.error().remedy.find("avx512"), std::string::npos);
}
TEST(Cpu, VariableLowersTheLevel) {
  unsetenv("LLC_ISA");
  EXPECT_EQ(*usableIsa(), hostCpu().level);
  IsaVariable lowered("generic");
  EXPECT_EQ(*usableIsa(), IsaLevel::generic);
}
TEST(Cpu, VariableCannotRaiseTheLevel) {
  IsaVariable raised("avx512bf16");
  auto level = usableIsa();
  EXPECT_EQ(level.ok(), hostCpu().level == IsaLevel::avx512bf16);
  if (!level.ok()) EXPECT_NE(level.error().remedy.find("LLC_ISA"), std::string::npos);
  IsaVariable wrong("mmx");
  EXPECT_FALSE(usableIsa().ok());
}
TEST(Cpu, MissingFeaturesAreNamed) {
  Status status = requireFeatures({"sse2", "no-such-feature"});
  ASSERT_FALSE(status.ok());
  EXPECT_NE(status.error().what.find("no-such-feature"), std::string::npos);
  EXPECT_EQ(status.error().what.find("sse2,"), std::string::npos);
  EXPECT_NE(status.error().remedy.find("--target-cpu"), std::string::npos);
}

}  // namespace
}  // namespace llc
