#include "runtime/train/trackers.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "runtime/train/mlflow.h"
#include "runtime/train/wandb.h"
#include "tests/runtime/temporary_directory.h"

namespace llc::train {
namespace {
namespace fs = std::filesystem;

std::string inHex(std::string_view bytes) {
  std::string text;
  for (char byte : bytes) text += fmt::format("{:02x}", uint8_t(byte));
  return text;
}

// What SerializeToString() of wandb 0.31's own wandb_internal_pb2 gives for these messages.
TEST(Wandb, WritesTheBytesOfItsOwnMessages) {
  EXPECT_EQ(inHex(wandbHeader(1)), "0801aa01150a130a096c6c632d6d6f64656c1206302e37302e30");
  EXPECT_EQ(inHex(wandbRun(2, "abcd0123", "n", 1700000000, {{"lr", "0.5"}})),
            "08028a012f0a0861626364303132331a096c6c632d6d6f64656c220c0a0a0a026c72820103302e3542016e8a01060880e2cfaa06");
  EXPECT_EQ(inHex(wandbHistory(3, 300, {{"train/loss", "2.5"}})),
            "080312190a12120a747261696e2f6c6f7373820103322e35120308ac02");
  EXPECT_EQ(inHex(wandbSummary(4, {{"train/loss", "2.5"}})), "08041a140a12120a747261696e2f6c6f7373820103322e35");
  EXPECT_EQ(inHex(wandbExit(5, "abcd0123", 1)), "08059201020801c20c0a0a086162636430313233");
}

// Records as a reader of the log joins them; empty when a length or a kind is wrong.
std::vector<std::string> readLog(std::string_view file) {
  constexpr size_t block = 32768, head = 7;
  std::vector<std::string> records;
  std::string record;
  for (size_t at = head; at < file.size();) {
    if (block - at % block < head) {
      at += block - at % block;
      continue;
    }
    size_t length = uint8_t(file[at + 4]) | size_t(uint8_t(file[at + 5])) << 8;
    char kind = file[at + 6];
    if (at + head + length > file.size() || at % block + head + length > block || kind < 1 || kind > 4) return {};
    if ((kind == 1 || kind == 2) != record.empty()) return {};
    record += file.substr(at + head, length);
    if (kind == 1 || kind == 4) records.push_back(std::exchange(record, ""));
    at += head + length;
  }
  return records;
}

TEST(Wandb, RecordsFillBlocks) {
  EXPECT_EQ(inHex(WandbLog::header()), "3a572642e1be00");
  EXPECT_EQ(inHex(WandbLog::record("123456789", 7).substr(0, 7)),
            "c02eb521"
            "0900"
            "01");  // zlib.crc32(b"\x01123456789")
  std::vector<std::string> messages;
  std::string file = WandbLog::header();
  for (size_t size : {10, 32768 - 7 - 7 - 17 - 7 - 3, 5, 100000, 32761, 1, 65522})
    messages.emplace_back(size, char('a' + messages.size()));
  for (const std::string &message : messages) file += WandbLog::record(message, file.size());
  EXPECT_EQ(readLog(file), messages);
}

class Trackers : public testing::Test {
 protected:
  TrackedRun run(int64_t step = 0) {
    return {folder.file("pretrain"),
            folder.file("."),
            "pretrain",
            {{"d_model", 64}, {"training", {{"lr", 0.5}, {"trainer", "mlm"}}}, {"../../out", 1}, {"none", nullptr}},
            step};
  }
  static Record train(int64_t step, double loss) {
    return {{"event", "train"}, {"step", step}, {"train/loss", loss}, {"train/mfu", nullptr}};
  }
  fs::path only(const fs::path &parent) {
    std::vector<fs::path> found;
    for (const auto &entry : fs::directory_iterator(parent))
      if (entry.is_directory()) found.push_back(entry.path());
    EXPECT_EQ(found.size(), 1u);
    return found.empty() ? fs::path() : found[0];
  }
  static std::string text(const fs::path &path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  TemporaryDirectory folder;
};

TEST_F(Trackers, MlflowGoesOnWithTheSameRun) {
  {
    auto first = MlflowRun::create(run());
    ASSERT_TRUE(first.ok()) << first.error().text();
    for (int64_t step : {2, 4, 6}) ASSERT_TRUE((*first)->write(train(step, 1.0 / double(step))).ok());
    ASSERT_TRUE((*first)->write({{"event", "sample"}, {"step", 6}, {"text", "hello"}}).ok());
  }
  fs::path home = only(only(folder.file("mlruns")));
  EXPECT_NE(text(home / "meta.yaml").find("\nstatus: 1\n"), std::string::npos);
  std::string start = text(home / "meta.yaml");
  start = start.substr(start.find("start_time: "), 25);
  auto second = MlflowRun::create(run(4));
  ASSERT_TRUE(second.ok());
  ASSERT_TRUE((*second)->write(train(6, 0.25)).ok());
  ASSERT_TRUE((*second)->finish(RunEnd::finished).ok());
  EXPECT_EQ(only(only(folder.file("mlruns"))), home);
  std::string meta = text(home / "meta.yaml"), losses = text(home / "metrics/train/loss");
  EXPECT_NE(meta.find("\nstatus: 3\n"), std::string::npos) << meta;
  EXPECT_NE(meta.find(start), std::string::npos) << meta;
  std::vector<std::string> values;
  std::istringstream lines(losses);
  for (std::string time, value, step; lines >> time >> value >> step;) values.push_back(value + " " + step);
  EXPECT_EQ(values, (std::vector<std::string>{"0.5 2", "0.25 4", "0.25 6"}));
  EXPECT_FALSE(fs::exists(home / "metrics/train/mfu"));
  EXPECT_EQ(text(home / "params/training.lr"), "0.5");
  EXPECT_EQ(text(home / "params/training.trainer"), "mlm");
  EXPECT_FALSE(fs::exists(folder.file("out"))) << "names of keys are no paths";
  EXPECT_FALSE(fs::exists(home / "params/none"));
}

TEST_F(Trackers, WandbTellsAStepAtATime) {
  auto sinks = openTrackers({"jsonl", "wandb", "wandb"}, run());
  ASSERT_TRUE(sinks.ok()) << sinks.error().text();
  ASSERT_EQ(sinks->size(), 1u);
  RecordSink &sink = *sinks->front();
  ASSERT_TRUE(sink.write(train(2, 0.5)).ok());
  ASSERT_TRUE(sink.write({{"event", "evaluation"}, {"step", 2}, {"eval/loss", 0.75}}).ok());
  ASSERT_TRUE(sink.write(train(4, 0.25)).ok());
  ASSERT_TRUE(sink.finish(RunEnd::interrupted).ok());
  fs::path home = only(folder.file("wandb"));
  std::string id = home.filename().string().substr(home.filename().string().size() - 8);
  EXPECT_TRUE(home.filename().string().starts_with("offline-run-"));
  std::vector<std::string> records = readLog(text(home / ("run-" + id + ".wandb")));
  ASSERT_EQ(records.size(), 6u);  // header, run, steps 2 and 4, summary, exit
  EXPECT_EQ(records[0], wandbHeader(1));
  EXPECT_NE(records[1].find("{\"lr\":0.5,\"trainer\":\"mlm\"}"), std::string::npos);
  for (const char *name : {"train/loss", "eval/loss", "_step", "_timestamp", "_runtime"})
    EXPECT_NE(records[2].find(name), std::string::npos) << name;
  EXPECT_EQ(records[3].find("eval/loss"), std::string::npos);
  EXPECT_NE(records[4].find("eval/loss"), std::string::npos);
  EXPECT_EQ(records[5], wandbExit(6, id, 0));
}

}  // namespace
}  // namespace llc::train
