#include "runtime/train/alerts.h"

#include <gtest/gtest.h>

#include "tests/runtime/temporary_directory.h"

namespace llc::train {
namespace {

class Collected : public RecordSink {
 public:
  Status write(const Record &record) override {
    records.push_back(record);
    return success();
  }
  std::vector<int64_t> steps(const std::string &event) const {
    std::vector<int64_t> steps;
    for (const Record &record : records)
      if (record["event"] == event) steps.push_back(record["step"]);
    return steps;
  }
  std::vector<Record> records;
};

Record recordOf(int64_t step, Record loss) {
  return {{"event", "train"}, {"step", step}, {"train/loss", std::move(loss)}};
}

std::vector<AlertRule> rules(const char *json) {
  auto parsed = parseAlertRules(Record::parse(json));
  EXPECT_TRUE(parsed.ok()) << parsed.error().text();
  return *parsed;
}

std::vector<int64_t> alertsOf(const char *json, const std::vector<Record> &records) {
  Collected sink;
  AlertSink alerts(rules(json), {&sink});
  for (const Record &record : records) EXPECT_TRUE(alerts.write(record).ok());
  return sink.steps("alert");
}

TEST(Alerts, ComeOnceUntilTheRuleDidNotHold) {
  std::vector<Record> records;
  for (int64_t step = 1; step <= 8; ++step) records.push_back(recordOf(step, step == 5 ? 1.0 : 3.0));
  EXPECT_EQ(alertsOf(R"([{"metric": "train/loss", "op": ">", "threshold": 2}])", records),
            (std::vector<int64_t>{1, 6}));
  EXPECT_EQ(alertsOf(R"([{"metric": "train/loss", "op": ">", "threshold": 2, "steps": 3}])", records),
            (std::vector<int64_t>{3, 8}));
  EXPECT_EQ(alertsOf(R"([{"metric": "train/loss", "op": ">=", "threshold": 3.5}])", records), std::vector<int64_t>());
  EXPECT_EQ(alertsOf(R"([{"metric": "train/loss", "op": "<", "threshold": 2}])", records), std::vector<int64_t>{5});
  EXPECT_EQ(alertsOf(R"([{"metric": "train/loss", "op": "<=", "threshold": 1}])", records), std::vector<int64_t>{5});
  EXPECT_EQ(alertsOf(R"([{"metric": "train/loss", "op": "==", "threshold": 1}])", records), std::vector<int64_t>{5});
  EXPECT_EQ(alertsOf(R"([{"metric": "train/loss", "op": "!=", "threshold": 3}])", records), std::vector<int64_t>{5});
}

TEST(Alerts, StepsAreThoseOfTheRun) {
  std::vector<Record> records;
  for (int64_t step = 10; step <= 60; step += 10) records.push_back(recordOf(step, 3.0));
  EXPECT_EQ(alertsOf(R"([{"metric": "train/loss", "threshold": 2, "steps": 25}])", records), std::vector<int64_t>{30});
}

TEST(Alerts, WhatIsNotFiniteIsNull) {
  std::vector<Record> records = {recordOf(1, 3.0), recordOf(2, nullptr)};
  EXPECT_EQ(alertsOf(R"([{"metric": "train/loss", "op": "finite"}])", records), std::vector<int64_t>{2});
  EXPECT_EQ(alertsOf(R"([{"metric": "train/loss", "op": ">", "threshold": 5}])", records), std::vector<int64_t>());
}

TEST(Alerts, AskToStopAndWarnOfWhatNobodyReported) {
  Collected sink;
  AlertSink alerts(
      rules(R"([{"metric": "train/loss", "threshold": 2, "stop": true}, {"metric": "train/lost", "threshold": 0}])"),
      {&sink});
  ASSERT_TRUE(alerts.write(recordOf(1, 1.0)).ok());
  EXPECT_FALSE(alerts.asksToStop());
  ASSERT_TRUE(alerts.write(recordOf(2, 3.0)).ok());
  EXPECT_TRUE(alerts.asksToStop());
  EXPECT_EQ(sink.records.back()["value"], 3.0);
  EXPECT_EQ(sink.records.back()["message"], "alert: train/loss is 3.0, > 2; training stops");
  ASSERT_TRUE(alerts.finish(RunEnd::finished).ok());
  EXPECT_NE(sink.records.back()["message"].get<std::string>().find("train/lost"), std::string::npos);
  EXPECT_EQ(sink.steps("warning").size(), 1u);
}

TEST(Alerts, GoOnWithoutSayingThingsTwice) {
  Collected sink;
  AlertSink alerts(rules(R"([{"metric": "train/loss", "threshold": 2, "steps": 2, "command": "exit 1"}])"), {&sink});
  alerts.replay({recordOf(1, 3.0), recordOf(2, 3.0), recordOf(3, 3.0)});
  ASSERT_TRUE(alerts.write(recordOf(4, 3.0)).ok());
  EXPECT_TRUE(sink.records.empty());
}

TEST(Alerts, RunCommandsThatReadThem) {
  TemporaryDirectory folder;
  Collected sink;
  Record rule = {{"metric", "train/loss"},
                 {"threshold", 2},
                 {"command", "printf '%s' \"$LLC_ALERT\" > '" + folder.file("said") + "'"}};
  Record failing = {{"metric", "train/loss"}, {"threshold", 2}, {"command", "exit 3"}};
  auto parsed = parseAlertRules({rule, failing});
  ASSERT_TRUE(parsed.ok()) << parsed.error().text();
  AlertSink alerts(*parsed, {&sink});
  ASSERT_TRUE(alerts.write(recordOf(7, 3.0)).ok());
  Record said = Record::parse(folder.read("said"), nullptr, false);
  EXPECT_EQ(said.value("step", 0), 7);
  EXPECT_EQ(said.value("metric", ""), "train/loss");
  EXPECT_NE(sink.records.back()["message"].get<std::string>().find("status 3: exit 3"), std::string::npos);
}

TEST(Alerts, RulesAreChecked) {
  for (auto [json, says] : {std::pair(R"([{"op": ">", "threshold": 1}])", "metric"),
                            {R"([{"metric": "a", "op": "=>", "threshold": 1}])", "=>"},
                            {R"([{"metric": "a", "op": ">"}])", "threshold"},
                            {R"([{"metric": "a", "op": "finite", "threshold": 1}])", "finite"},
                            {R"([{"metric": "a", "threshold": 1, "steps": 0}])", "steps"},
                            {R"([{"metric": "a", "threshold": 1, "webhook": "http://a"}])", "command"},
                            {R"([{"metric": "a", "treshold": 1}])", "treshold"}}) {
    auto parsed = parseAlertRules(Record::parse(json));
    ASSERT_FALSE(parsed.ok()) << json;
    EXPECT_NE(parsed.error().text().find(says), std::string::npos) << parsed.error().text();
  }
}

}  // namespace
}  // namespace llc::train
