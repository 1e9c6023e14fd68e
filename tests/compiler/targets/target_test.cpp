#include "compiler/targets/target.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "runtime/abi/llc_abi.h"

namespace llc {
namespace {

TEST(Target, TableRowsAreConsistent) {
  ASSERT_EQ(int(allTargets().size()), isaLevelCount);
  for (const Target &target : allTargets()) {
    SCOPED_TRACE(target.name);
    EXPECT_EQ(target.name, isaName(target.level));
    EXPECT_EQ(&targetOf(target.level), &target);
    EXPECT_EQ(16 % target.lanes, 0) << "a panel is a whole number of vectors";
    EXPECT_EQ(target.kBlock % 16, 0);
    EXPECT_EQ(target.tileRows & (target.tileRows - 1), 0) << "what is left of the rows is done in halves";
    EXPECT_EQ(LLC_PAGE_TOKENS % target.queryColumns, 0);
    EXPECT_EQ(LLC_PAGE_TOKENS % target.smallQueryColumns, 0);
    // Accumulators, one step of b and one broadcast a must fit the registers, or the inner loop spills.
    EXPECT_LE(target.tileRows * 16 / target.lanes, target.registers / 2);
    EXPECT_LE(target.queryRows * target.queryColumns / target.lanes + target.queryColumns / target.lanes + 1,
              target.registers);
  }
}
TEST(Target, FoundByName) {
  EXPECT_EQ(findTarget("avx512")->lanes, 16);
  EXPECT_EQ(findTarget("native")->level, detectHost()->level);
  EXPECT_FALSE(findTarget("avx").ok());
}
TEST(Target, HostFollowsTheVariable) {
  setenv("LLC_ISA", "generic", 1);
  EXPECT_EQ(detectHost()->lanes, 4);
  unsetenv("LLC_ISA");
  EXPECT_EQ(detectHost()->level, hostCpu().level);
  EXPECT_EQ(detectHost()->l2Bytes, hostCpu().l2Bytes);
}

}  // namespace
}  // namespace llc
