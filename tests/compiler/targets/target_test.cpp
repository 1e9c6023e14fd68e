#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>

#include "compiler/targets/tunables.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/TargetSelect.h"
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
TEST(Target, RowsAreInTheOrderOfLevels) {
  for (size_t i = 0; i < allTargets().size(); i++) EXPECT_EQ(allTargets()[i].level, IsaLevel(i));
}
TEST(Target, LlvmKnowsEveryNameAndFeature) {
  LLVMInitializeX86TargetInfo(), LLVMInitializeX86TargetMC();
  LLVMInitializeAArch64TargetInfo(), LLVMInitializeAArch64TargetMC();
  std::string problem;
  auto check = [&](const Target &target, const std::string &cpu) {
    SCOPED_TRACE(target.key());
    const llvm::Target *llvmTarget = llvm::TargetRegistry::lookupTarget(target.triple, problem);
    ASSERT_TRUE(llvmTarget) << problem;
    std::unique_ptr<llvm::MCSubtargetInfo> base(llvmTarget->createMCSubtargetInfo(target.triple, cpu, ""));
    EXPECT_TRUE(base->isCPUStringValid(cpu)) << cpu;
    EXPECT_TRUE(base->isCPUStringValid(target.tune)) << target.tune;
    // A processor must have what its level promises.
    if (cpu == target.processor) EXPECT_TRUE(base->checkFeatures(target.features)) << target.features;
  };
  for (const Target &target : allTargets()) check(target, target.cpu);
  std::set<std::string_view> names;
  for (const Processor &processor : allProcessors()) {
    auto target = findTarget(processor.name);
    ASSERT_TRUE(target.ok());
    check(*target, target->processor);
    EXPECT_TRUE(names.insert(processor.name).second) << processor.name << " is there twice";
    EXPECT_FALSE(parseIsa(processor.name).ok()) << "a level has this name";
    auto tuning = parseTuning(processor.tuning);
    ASSERT_TRUE(tuning.ok()) << tuning.error().text();
    EXPECT_EQ(tuningOf(*target), *tuning) << "its own values, and none that its level has already";
  }
}
TEST(Target, FoundByName) {
  EXPECT_EQ(findTarget("avx512")->lanes, 16);
  EXPECT_EQ(findTarget("native")->level, detectHost()->level);
  EXPECT_FALSE(findTarget("avx").ok());
  auto wrong = findTarget("cortx-a76");
  ASSERT_FALSE(wrong.ok());
  EXPECT_NE(wrong.error().remedy.find("cortex-a76"), std::string::npos);
}
TEST(Target, AProcessorIsItsLevelWithItsCachesAndTimings) {
  auto target = findTarget("cortex-a76");
  ASSERT_TRUE(target.ok());
  EXPECT_EQ(target->name, "neon-dotprod");
  EXPECT_EQ(target->tune, "cortex-a76");
  EXPECT_EQ(target->features, "+neon,+lse,+dotprod");
  EXPECT_EQ(target->l1Bytes, 64 << 10);
  EXPECT_EQ(findTarget(target->key())->tune, target->tune);
}
TEST(Target, OneCompilationHasOneArchitectureAndEachLevelOnce) {
  auto found = findTargets({"avx512", "haswell", "generic", "haswell"});
  ASSERT_TRUE(found.ok());
  ASSERT_EQ(found->size(), 3u);
  EXPECT_EQ((*found)[1].tune, "haswell");
  EXPECT_EQ((*found)[2].name, "avx512");
  EXPECT_FALSE(findTargets({"generic", "neon"}).ok());
  EXPECT_FALSE(findTargets({"haswell", "znver2"}).ok());
  EXPECT_FALSE(findTargets({"avx2", "znver2"}).ok());
}
TEST(Target, ThePageIsFresh) {
  std::ifstream file(LLC_SOURCE_DIR "/docs/generated/targets.md");
  std::stringstream page;
  page << file.rdbuf();
  EXPECT_TRUE(page.str().ends_with(describeTargets())) << "run: tools/generate/target_docs";
}
TEST(Target, HostFollowsTheVariable) {
  setenv("LLC_ISA", std::string(isaName(lowestLevel(hostArchitecture))).c_str(), 1);
  EXPECT_EQ(detectHost()->lanes, 4);
  unsetenv("LLC_ISA");
  EXPECT_EQ(detectHost()->level, hostCpu().level);
  EXPECT_EQ(detectHost()->l2Bytes, hostCpu().l2Bytes);
}

}  // namespace
}  // namespace llc
