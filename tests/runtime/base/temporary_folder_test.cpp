#include "runtime/base/temporary_folder.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace llc {
namespace {
namespace fs = std::filesystem;

TEST(TemporaryFolder, GoesWithItsOwner) {
  std::string path;
  {
    auto made = TemporaryFolder::make("1 MB");
    ASSERT_TRUE(made.ok()) << made.error().text();
    TemporaryFolder folder = std::move(*made);
    path = folder.path();
    fs::create_directories(path + "/a");
    std::ofstream(path + "/a/b") << "c";
    EXPECT_TRUE(fs::exists(path + "/a/b"));
  }
  EXPECT_FALSE(fs::exists(path));
}

TEST(TemporaryFolder, SaysWhatToDo) {
  const char *set = std::getenv("TMPDIR");
  std::string before = set ? set : "";
  setenv("TMPDIR", "/nowhere/at/all", 1);
  auto made = TemporaryFolder::make("20 MB");
  set ? setenv("TMPDIR", before.c_str(), 1) : unsetenv("TMPDIR");
  ASSERT_FALSE(made.ok());
  EXPECT_NE(made.error().text().find("set TMPDIR to a folder that can be written and has 20 MB free"), std::string::npos);
}

}  // namespace
}  // namespace llc
