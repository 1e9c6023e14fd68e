#include "runtime/train/schedule.h"

#include <gtest/gtest.h>

#include <cmath>

namespace llc::train {
namespace {

Schedule make(Schedule::Kind kind, int64_t warmup, int64_t total, double endRatio) {
  Schedule schedule;
  schedule.kind = kind;
  schedule.peak = 2e-3;
  schedule.endRatio = endRatio;
  schedule.warmupSteps = warmup;
  schedule.totalSteps = total;
  return schedule;
}

void expectRates(const Schedule &schedule, std::initializer_list<std::pair<int64_t, double>> rates) {
  for (auto [done, rate] : rates) EXPECT_NEAR(schedule.rateAfter(done), rate, 1e-12) << "after " << done;
}

// optax.warmup_cosine_decay_schedule(1e-8, 2e-3, 10, 110, 2e-4)(count)
TEST(Schedule, CosineIsOptaxs) {
  expectRates(make(Schedule::Kind::cosine, 10, 110, 0.1), {{0, 1e-8},
                                                           {1, 1e-8 + (2e-3 - 1e-8) * 0.1},
                                                           {5, 0.5 * (1e-8 + 2e-3)},
                                                           {10, 2e-3},
                                                           {35, 2e-4 + 1.8e-3 * 0.5 * (1 + std::sqrt(0.5))},
                                                           {60, 1.1e-3},
                                                           {85, 2e-4 + 1.8e-3 * 0.5 * (1 - std::sqrt(0.5))},
                                                           {110, 2e-4},
                                                           {1000, 2e-4}});
}

// optax.linear_schedule(2e-3, 0, 100), after optax.linear_schedule(1e-8, 2e-3, 100)
TEST(Schedule, LinearGoesToItsEnd) {
  expectRates(make(Schedule::Kind::linear, 0, 100, 0), {{0, 2e-3}, {25, 1.5e-3}, {99, 2e-5}, {100, 0}, {101, 0}});
  expectRates(make(Schedule::Kind::linear, 100, 200, 0.5), {{0, 1e-8}, {100, 2e-3}, {150, 1.5e-3}, {200, 1e-3}});
}

TEST(Schedule, ConstantWarmsUpAndNoneDoesNot) {
  expectRates(make(Schedule::Kind::constant, 4, 10, 0.1), {{0, 1e-8}, {2, 0.5 * (1e-8 + 2e-3)}, {4, 2e-3}, {10, 2e-3}});
  expectRates(make(Schedule::Kind::none, 4, 10, 0.1), {{0, 2e-3}, {3, 2e-3}, {100, 2e-3}});
}

// optax.polynomial_schedule(2e-3, 2e-4, 2, 100)
TEST(Schedule, PolynomialHasAPower) {
  Schedule schedule = make(Schedule::Kind::polynomial, 0, 100, 0.1);
  schedule.power = 2;
  expectRates(schedule, {{0, 2e-3}, {50, 2e-4 + 1.8e-3 * 0.25}, {90, 2e-4 + 1.8e-3 * 0.01}, {100, 2e-4}});
}

TEST(Schedule, WsdStaysThenFalls) {
  Schedule schedule = make(Schedule::Kind::wsd, 10, 100, 0);
  schedule.decayShare = 0.2;
  expectRates(schedule, {{0, 1e-8}, {10, 2e-3}, {50, 2e-3}, {80, 2e-3}, {90, 1e-3}, {95, 5e-4}, {100, 0}, {120, 0}});
  schedule.decayShare = 0;
  expectRates(schedule, {{99, 2e-3}, {100, 0}});
}

// The defaults are those of DeepSeek LLM: at 80 % of the steps to 31.6 %, at 90 % to 10 %.
TEST(Schedule, MultistageFallsAtOnce) {
  Schedule schedule = make(Schedule::Kind::multistage, 10, 100, 0.5);
  expectRates(schedule,
              {{0, 1e-8}, {10, 2e-3}, {79, 2e-3}, {80, 2e-3 * 0.316}, {89, 2e-3 * 0.316}, {90, 2e-4}, {1000, 2e-4}});
  schedule.stages = {{0.5, 0.25}};
  expectRates(schedule, {{49, 2e-3}, {50, 5e-4}, {99, 5e-4}});
  EXPECT_TRUE(check(schedule).ok());
  for (std::vector<Schedule::Stage> wrong : std::vector<std::vector<Schedule::Stage>>{
           {{0.5, 0.2}, {0.5, 0.1}}, {{0, 0.5}}, {{1, 0.5}}, {{0.5, 1.1}}, {{0.5, -0.1}}}) {
    schedule.stages = wrong;
    EXPECT_FALSE(check(schedule).ok());
  }
}

TEST(Schedule, NamesAndChecks) {
  for (const std::string &name : scheduleNames()) EXPECT_TRUE(scheduleNamed(name).ok()) << name;
  EXPECT_EQ(*scheduleNamed("wsd"), Schedule::Kind::wsd);
  auto unknown = scheduleNamed("cosin");
  ASSERT_FALSE(unknown.ok());
  EXPECT_NE(unknown.error().remedy.find("cosine"), std::string::npos);
  EXPECT_TRUE(check(make(Schedule::Kind::cosine, 10, 110, 0.1)).ok());
  EXPECT_FALSE(check(make(Schedule::Kind::cosine, 111, 110, 0.1)).ok());
  EXPECT_FALSE(check(make(Schedule::Kind::cosine, 0, 0, 0.1)).ok());
  EXPECT_FALSE(check(make(Schedule::Kind::cosine, 0, 10, 1.5)).ok());
  Schedule nan = make(Schedule::Kind::cosine, 0, 10, 0);
  nan.peak = std::nan("");
  EXPECT_FALSE(check(nan).ok());
}

}  // namespace
}  // namespace llc::train
