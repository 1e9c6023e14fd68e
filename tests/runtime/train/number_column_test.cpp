// Numbers beside a dataset.
#include "runtime/train/number_column.h"

#include <gtest/gtest.h>

#include "tests/runtime/temporary_directory.h"

namespace llc::train {
namespace {
TEST(NumberColumn, IsReadAsItWasWritten) {
  TemporaryDirectory folder;
  std::vector<float> numbers = {0.5f, -1.0f, 0.0f};
  std::string path = folder.file("deep/data.margin");
  ASSERT_TRUE(writeColumn(path, numbers).ok());
  EXPECT_EQ(readColumn(path, 3), numbers);
  EXPECT_FALSE(readColumn(path, 2).has_value());
  EXPECT_FALSE(readColumn(folder.file("none"), 3).has_value());
}
}  // namespace
}  // namespace llc::train
