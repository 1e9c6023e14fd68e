#include "runtime/train/entry_memory.h"

#include <gtest/gtest.h>

namespace llc::train {
namespace {
TEST(EntryMemory, HoldsTheArenaAndAPageAlignedScratchPerThread) {
  Manifest manifest;
  manifest.arenaBytes = 1000, manifest.scratchBytes = 5000;
  auto memory = EntryMemory::allocate(manifest, 3, "use fewer rows");
  ASSERT_TRUE(memory.ok());
  llc_context context = memory->context();
  EXPECT_EQ(context.scratch_stride, 8192);
  EXPECT_EQ(memory->bytes(), 1000u + 3 * 8192);
  static_cast<char *>(context.arena)[999] = 1;
  static_cast<char *>(context.scratch)[3 * 8192 - 1] = 1;
  EXPECT_EQ(context.abi_version, uint32_t(LLC_ABI_VERSION));
}

TEST(EntryMemory, SaysWhatToDoWhenThereIsNotEnough) {
  Manifest manifest;
  manifest.arenaBytes = uint64_t(1) << 60;
  auto memory = EntryMemory::allocate(manifest, 1, "use fewer rows");
  ASSERT_FALSE(memory.ok());
  EXPECT_NE(memory.error().text().find("use fewer rows"), std::string::npos) << memory.error().text();
}
}  // namespace
}  // namespace llc::train
