#include "runtime/train/report.h"

#include <gtest/gtest.h>

#include <cmath>

#include "runtime/train/chart.h"

namespace llc::train {
namespace {

size_t count(const std::string &text, const std::string &what) {
  size_t found = 0;
  for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++found;
  return found;
}

std::vector<std::pair<double, double>> pointsOf(const std::string &svg) {
  size_t begin = svg.find("points=\"") + 8;
  std::string text = svg.substr(begin, svg.find('"', begin) - begin);
  std::vector<std::pair<double, double>> points;
  double x, y;
  int used;
  for (const char *at = text.c_str(); std::sscanf(at, "%lf,%lf %n", &x, &y, &used) == 2; at += used)
    points.emplace_back(x, y);
  return points;
}

TEST(Chart, PointsStandWhereTheirValuesAre) {
  std::string svg = lineChart({{"a", {{0, 1}, {5, 3}, {7, NAN}, {10, 2}}}}, {"T", "step", false, 720, 280});
  auto points = pointsOf(svg);
  ASSERT_EQ(points.size(), 3u);
  EXPECT_EQ(points[0], (std::pair(64.0, 242.0)));
  EXPECT_EQ(points[1], (std::pair(384.0, 34.0)));
  EXPECT_EQ(points[2], (std::pair(704.0, 138.0)));
}

TEST(Chart, LogarithmicWhereItCanBe) {
  ChartOptions options{"T", "step", true, 720, 280};
  EXPECT_EQ(pointsOf(lineChart({{"", {{0, 1}, {1, 10}, {2, 100}}}}, options))[1].second, 138);
  EXPECT_NE(pointsOf(lineChart({{"", {{0, 0}, {1, 10}, {2, 100}}}}, options))[1].second, 138);
}

TEST(Chart, LongLinesAreThinnedButKeepTheirPeaks) {
  Line line{"", {}};
  for (int i = 0; i < 100000; ++i) line.points.emplace_back(i, i == 77777 ? 5.0 : std::sin(i * 0.01));
  auto points = pointsOf(lineChart({line}, {"T", "step"}));
  EXPECT_LE(points.size(), 1440u);
  double highest = 1e9;
  for (auto [x, y] : points) highest = std::min(highest, y);
  EXPECT_EQ(highest, 34);
}

TEST(Chart, NothingOrOneValueIsNoProblem) {
  EXPECT_NE(lineChart({}, {"T", "step"}).find("no values"), std::string::npos);
  EXPECT_EQ(count(lineChart({{"", {{1, 1}}}}, {"T", "step"}), "nan"), 0u);
}

TEST(Report, HoldsCurvesTextsAndWarningsAndNoMarkupOfOthers) {
  std::vector<Record> records = {
      {{"event", "train"}, {"step", 1}, {"train/loss", 3.0}, {"train/grad_norm", 1.0}, {"train/max_grad_norm", 2.0}},
      {{"event", "train"}, {"step", 2}, {"train/loss", 2.0}, {"train/grad_norm", 1.5}, {"train/max_grad_norm", 2.0}},
      {{"event", "evaluation"}, {"step", 2}, {"eval/loss", 2.5}},
      {{"event", "sample"}, {"step", 2}, {"text", "<script>alert(1)</script>"}},
      {{"event", "warning"}, {"step", 2}, {"message", "a & b"}}};
  std::string page = trainingReport("run <1>", {{"model", "llama"}}, records);
  EXPECT_EQ(count(page, "<svg"), 2u);
  EXPECT_EQ(count(page, "<polyline"), 4u);
  EXPECT_EQ(count(page, "<script"), 0u);
  EXPECT_EQ(count(page, "http"), 2u);  // the SVG name space: nothing is fetched
  EXPECT_NE(page.find("a &amp; b"), std::string::npos);
  EXPECT_NE(page.find("run &lt;1&gt;"), std::string::npos);
}

TEST(Report, ShowsGradientsByLayerAtTheBeginningInTheMiddleAndAtTheEnd) {
  std::vector<Record> records;
  for (int step = 1; step <= 9; ++step) {
    records.push_back({{"event", "train"}, {"step", step}, {"train/grad_norms/lm_head", 7.0}});
    for (int layer = 0; layer < 11; ++layer)
      records.back()["train/grad_norms/model.layers." + std::to_string(layer)] = 1.0 + layer;
  }
  std::string page = trainingReport("run", {}, records);
  EXPECT_EQ(count(page, "<polyline"), 3u);
  for (const char *text : {">step 1<", ">step 5<", ">step 9<", ">layer<"}) EXPECT_EQ(count(page, text), 1u) << text;
  auto points = pointsOf(page);
  ASSERT_EQ(points.size(), 11u);
  for (size_t i = 1; i < points.size(); ++i) EXPECT_LT(points[i].second, points[i - 1].second);  // layer 10 is the last
}

}  // namespace
}  // namespace llc::train
