#include "runtime/base/file_hash.h"

#include <gtest/gtest.h>

#include "runtime/base/sha256.h"
#include "tests/runtime/temporary_directory.h"

namespace llc {
namespace {

TEST(FileHash, IsTheHashOfTheWholeFile) {
  TemporaryDirectory folder;
  std::string content(size_t(33) << 20, 'x');  // more than two pieces
  content += "end";
  auto hash = hashFile(folder.write("file", content));
  ASSERT_TRUE(hash.ok());
  EXPECT_EQ(hash->bytes, content.size());
  EXPECT_EQ(hash->sha256, sha256OfText(content));
  EXPECT_EQ(hashFile(folder.write("empty", ""))->sha256, sha256OfText(""));
  EXPECT_EQ(hashFile(folder.file("missing")).error().kind, ErrorKind::notFound);
}

}  // namespace
}  // namespace llc
