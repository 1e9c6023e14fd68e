#include "runtime/train/rotating_file.h"

#include <gtest/gtest.h>

#include "runtime/train/metrics.h"
#include "tests/runtime/temporary_directory.h"

namespace llc::train {
namespace {

class Rotations : public testing::Test {
 protected:
  void append(const std::vector<std::string> &lines, const Rotation &rotation) {
    auto file = RotatingFile::open(path_, rotation);
    ASSERT_TRUE(file) << file.error().text();
    for (const std::string &line : lines) ASSERT_TRUE(file->append(line + "\n"));
  }
  std::vector<std::string> texts() {
    std::vector<std::string> all;
    for (const std::string &part : partsOf(path_))
      all.push_back(part.substr(path_.size()) + "=" + folder_.read("log" + part.substr(path_.size())));
    return all;
  }
  TemporaryDirectory folder_;
  std::string path_ = folder_.file("log");
};
using Texts = std::vector<std::string>;

TEST_F(Rotations, KeepTheNewestParts) {
  append({"a1", "a2", "b1"}, {.bytes = 6, .keep = 2});
  append({"b2", "c1"}, {.bytes = 6, .keep = 2});  // opened again: it goes on in the same file
  EXPECT_EQ(texts(), (Texts{".2=a1\na2\n", ".1=b1\nb2\n", "=c1\n"}));
  append({"c2", "a long line", "d"}, {.bytes = 6, .keep = 2});
  EXPECT_EQ(texts(), (Texts{".2=c1\nc2\n", ".1=a long line\n", "=d\n"}));
}

TEST_F(Rotations, NoPartsAreKeptOrNothingRotates) {
  append({"a", "b"}, {.bytes = 2, .keep = 0});
  EXPECT_EQ(texts(), (Texts{"=b\n"}));
  append({"c", "d"}, {.bytes = 0, .keep = 5});
  EXPECT_EQ(texts(), (Texts{"=b\nc\nd\n"}));
}

// Killed between two renames.
TEST_F(Rotations, FillGapsAndLeaveOtherFilesAlone) {
  folder_.write("log", "new\n");
  folder_.write("log.2", "old\n");
  folder_.write("log.02", "x");
  folder_.write("log.txt", "x");
  append({"newer"}, {.bytes = 4, .keep = 3});
  EXPECT_EQ(texts(), (Texts{".2=old\n", ".1=new\n", "=newer\n"}));
  std::filesystem::remove(path_);
  ASSERT_TRUE(renumberParts(path_));
  EXPECT_EQ(texts(), (Texts{".1=old\n", "=new\n"}));
  EXPECT_EQ(folder_.read("log.txt"), "x");
}

TEST_F(Rotations, WhatCannotBeWrittenIsAnError) {
  auto file = RotatingFile::open(folder_.file("none/log"), {});
  ASSERT_FALSE(file);
  EXPECT_NE(file.error().text().find("none/log"), std::string::npos);
}

// A run that goes on from a step whose record is in an older part.
TEST_F(Rotations, MetricsGoOnInTheFileWhereTheyBelong) {
  auto record = [](int64_t step) { return Record{{"event", "train"}, {"step", step}}; };
  Rotation rotation{.bytes = 60, .keep = 9};  // two records a file
  auto write = [&](int64_t from, int64_t to) {
    auto file = MetricsFile::open(path_, from - 1, rotation);
    ASSERT_TRUE(file) << file.error().text();
    for (int64_t step = from; step <= to; ++step) ASSERT_TRUE(file->write(record(step)));
  };
  write(1, 7);
  Texts whole = texts();
  ASSERT_EQ(whole.size(), 4u);
  for (int64_t from : {7, 6, 5, 4, 1}) {
    write(from, 7);
    EXPECT_EQ(texts(), whole) << from;
  }
  auto records = readMetrics(path_);
  ASSERT_TRUE(records);
  ASSERT_EQ(records->size(), 7u);
  for (int64_t i = 0; i < 7; ++i) EXPECT_EQ((*records)[size_t(i)], record(i + 1));
  EXPECT_FALSE(readMetrics(folder_.file("none")));
}

}  // namespace
}  // namespace llc::train
