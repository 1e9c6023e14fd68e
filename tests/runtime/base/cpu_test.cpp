#include "runtime/base/cpu.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "runtime/base/cpu_detect.h"

namespace llc {
namespace {

struct IsaVariable {
  explicit IsaVariable(const char *value) { setenv("LLC_ISA", value, 1); }
  ~IsaVariable() { unsetenv("LLC_ISA"); }
};

std::vector<IsaLevel> allLevels() {
  std::vector<IsaLevel> levels;
  for (int level = 0; level < isaLevelCount; level++) levels.push_back(IsaLevel(level));
  return levels;
}

TEST(Cpu, HostHasTheFeaturesOfItsLevel) {
  const CpuInfo &host = hostCpu();
  EXPECT_EQ(architectureOf(host.level), hostArchitecture);
  EXPECT_TRUE(host.has(isaFeatures(lowestLevel(hostArchitecture)).front()));
  for (IsaLevel level : allLevels())
    if (contains(host.level, level)) EXPECT_TRUE(requireFeatures(isaFeatures(level)).ok());
  if (IsaLevel next = nextLevel(host.level); next != host.level) EXPECT_FALSE(requireFeatures(isaFeatures(next)).ok());
  EXPECT_GE(host.l1Bytes, 8 << 10);
  EXPECT_GE(host.l2Bytes, host.l1Bytes);
  EXPECT_FALSE(host.model.empty());
}
TEST(Cpu, LevelsContainTheOnesBeforeOfTheirArchitecture) {
  for (IsaLevel level : allLevels()) {
    SCOPED_TRACE(isaName(level));
    EXPECT_EQ(*parseIsa(isaName(level)), level);
    EXPECT_TRUE(contains(level, lowestLevel(architectureOf(level))));
    auto features = isaFeatures(level);
    IsaLevel next = nextLevel(level);
    EXPECT_EQ(contains(level, next), next == level);
    auto more = isaFeatures(next);
    EXPECT_EQ(more.size() > features.size(), next != level);
    EXPECT_TRUE(std::equal(features.begin(), features.end(), more.begin()));
  }
  EXPECT_EQ(isaFeatures(IsaLevel::neonDotprod), (std::vector<std::string>{"neon", "lse", "dotprod"}));
  EXPECT_FALSE(contains(IsaLevel::avx512, IsaLevel::neon));
  EXPECT_FALSE(contains(IsaLevel::neonBf16, IsaLevel::generic));
}
TEST(Cpu, UnknownLevelNamesTheNearest) {
  auto level = parseIsa("avx521");
  ASSERT_FALSE(level.ok());
  EXPECT_NE(level.error().remedy.find("avx512"), std::string::npos);
}
TEST(Cpu, VariableLowersTheLevel) {
  unsetenv("LLC_ISA");
  EXPECT_EQ(*usableIsa(), hostCpu().level);
  IsaLevel lowest = lowestLevel(hostArchitecture);
  IsaVariable lowered(std::string(isaName(lowest)).c_str());
  EXPECT_EQ(*usableIsa(), lowest);
}
TEST(Cpu, VariableCannotRaiseTheLevel) {
  for (IsaLevel wanted : allLevels()) {
    IsaVariable raised(std::string(isaName(wanted)).c_str());
    auto level = usableIsa();
    EXPECT_EQ(level.ok(), contains(hostCpu().level, wanted)) << isaName(wanted);
    if (!level.ok()) EXPECT_NE(level.error().remedy.find("LLC_ISA"), std::string::npos);
  }
  IsaVariable wrong("mmx");
  EXPECT_FALSE(usableIsa().ok());
}
TEST(Cpu, MissingFeaturesAreNamed) {
  const std::string present = hostCpu().features.front();
  Status status = requireFeatures({present, "no-such-feature"});
  ASSERT_FALSE(status.ok());
  EXPECT_NE(status.error().what.find("no-such-feature"), std::string::npos);
  EXPECT_EQ(status.error().what.find(present + ","), std::string::npos);
  EXPECT_NE(status.error().remedy.find("--target-cpu"), std::string::npos);
}

#if defined(__x86_64__)
IsaLevel levelFor(const X86Words &words) { return levelOf(Architecture::x86_64, x86Features(words)); }
// The words of a Sapphire Rapids, as far as they are looked at.
X86Words sapphireRapids() {
  return {.leaf1c = 1u << 12 | 1u << 27 | 1u << 28 | 1u << 29,
          .leaf1d = 1u << 26,
          .leaf7b = 1u << 5 | 1u << 16 | 1u << 17 | 1u << 30 | 1u << 31,
          .leaf7c = 1u << 11,
          .leaf7d = 1u << 22 | 1u << 23 | 1u << 24 | 1u << 25,
          .leaf71a = 1u << 5,
          .savedState = 0x602e7,
          .tilesPermitted = true};
}
TEST(Cpu, X86LevelsFollowFromTheWords) {
  EXPECT_EQ(levelFor(sapphireRapids()), IsaLevel::amx);
  X86Words refused = sapphireRapids(), unsaved = refused, noBf16 = refused, zen4 = refused, cascade = refused, old = refused;
  refused.tilesPermitted = false;
  EXPECT_EQ(levelFor(refused), IsaLevel::avx512fp16);
  unsaved.savedState = 0x2e7;
  EXPECT_EQ(levelFor(unsaved), IsaLevel::avx512fp16);
  noBf16.leaf7d &= ~(1u << 22);
  EXPECT_EQ(levelFor(noBf16), IsaLevel::avx512fp16);
  zen4.leaf7d = 0;
  EXPECT_EQ(levelFor(zen4), IsaLevel::avx512bf16);
  cascade.leaf7d = 0, cascade.leaf71a = 0;
  EXPECT_EQ(levelFor(cascade), IsaLevel::avx512vnni);
  old.savedState = 0x7;  // a system that saves no 512-bit registers
  EXPECT_EQ(levelFor(old), IsaLevel::avx2);
  EXPECT_EQ(levelFor(X86Words{}), IsaLevel::generic);
  EXPECT_TRUE(x86Features(X86Words{}).empty());
}
#endif

}  // namespace
}  // namespace llc
