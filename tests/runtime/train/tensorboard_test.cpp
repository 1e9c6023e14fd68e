#include "runtime/train/tensorboard.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "tests/runtime/temporary_directory.h"

namespace llc::train {
namespace {

std::string hex(std::string_view bytes) {
  std::string text;
  for (char byte : bytes) text += fmt::format("{:02x}", uint8_t(byte));
  return text;
}

// What SerializeToString() of TensorBoard 2.20's own event_pb2 gives for these messages, and its masked CRCs.
TEST(TensorBoard, WritesTheBytesOfTensorBoardsOwnWriter) {
  EXPECT_EQ(crc32c("123456789"), 0xe3069283u);
  EXPECT_EQ(hex(versionEvent(1234.5)), "0900000000004a93401a0d627261696e2e4576656e743a32");
  EXPECT_EQ(hex(restartEvent(1234.5, 300)), "0900000000004a934010ac023a020801");
  EXPECT_EQ(hex(scalarsEvent(1234.5, 70000, {{"train/loss", 2.5f}, {"é", -0.1f}})),
            "0900000000004a934010f0a2042a1e0a110a0a747261696e2f6c6f737315000020400a090a02c3a915cdccccbd");
  EXPECT_EQ(hex(tfRecord(versionEvent(1234.5))),
            "1800000000000000a37f4b220900000000004a93401a0d627261696e2e4576656e743a3265b8d3fb");
}

TEST(TensorBoard, FilesHoldTheNumbersOfRecords) {
  TemporaryDirectory folder;
  {
    auto file = TensorBoardFile::create(folder.file("events"), 20);
    ASSERT_TRUE(file.ok());
    ASSERT_TRUE((*file)->write({{"event", "train"}, {"step", 30}, {"train/loss", 2.5}, {"train/mfu", nullptr}}).ok());
    ASSERT_TRUE((*file)->write({{"event", "sample"}, {"step", 30}, {"text", "hello"}}).ok());
  }
  std::string name = std::filesystem::directory_iterator(folder.file("events"))->path().filename().string();
  EXPECT_TRUE(name.starts_with("events.out.tfevents.")) << name;
  std::string content = folder.read("events/" + name);
  std::vector<std::string> events;
  for (size_t at = 0; at < content.size();) {
    uint64_t size;
    std::memcpy(&size, content.data() + at, 8);
    events.push_back(content.substr(at + 12, size));
    EXPECT_EQ(content.substr(at, size + 16), tfRecord(events.back()));
    at += size + 16;
  }
  ASSERT_EQ(events.size(), 3u);
  double time;
  std::memcpy(&time, events[2].data() + 1, 8);
  EXPECT_EQ(events[1].substr(9), restartEvent(0, 21).substr(9));
  EXPECT_EQ(events[2], scalarsEvent(time, 30, {{"train/loss", 2.5f}}));
}

}  // namespace
}  // namespace llc::train
