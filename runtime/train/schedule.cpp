#include "runtime/train/schedule.h"

#include <cmath>
#include <numbers>

namespace llc::train {

namespace {
constexpr double warmupStart = 1e-8;

// What is left of the way from peak to end (1: at the peak, 0: at the end) at `t` in [0, 1] of the steps after warming
// up.
double remaining(const Schedule &s, double t) {
  switch (s.kind) {
    case Schedule::Kind::none:
    case Schedule::Kind::constant:
      return 1;
    case Schedule::Kind::linear:
      return 1 - t;
    case Schedule::Kind::cosine:
      return 0.5 * (1 + std::cos(std::numbers::pi * t));
    case Schedule::Kind::polynomial:
      return std::pow(1 - t, s.power);
    case Schedule::Kind::wsd:
    case Schedule::Kind::multistage:
      break;
  }
  return 1;
}

// The same for wsd, whose decay is a share of all steps.
double remainingAfterPlateau(const Schedule &s, int64_t done) {
  double decay = std::min(s.decayShare * double(s.totalSteps), double(s.totalSteps - s.warmupSteps));
  double left = double(s.totalSteps - done);
  return decay > 0 ? std::clamp(left / decay, 0.0, 1.0) : (left > 0 ? 1.0 : 0.0);
}

double ratioOfStage(const Schedule &s, int64_t done) {
  double ratio = 1;
  for (const Schedule::Stage &stage : s.stages)
    if (double(done) >= stage.share * double(s.totalSteps)) ratio = stage.ratio;
  return ratio;
}
}  // namespace

double Schedule::rateAfter(int64_t done) const {
  if (kind == Kind::none) return peak;
  if (done < warmupSteps) {
    double start = std::min(warmupStart, peak);
    return start + (peak - start) * double(done) / double(warmupSteps);
  }
  if (kind == Kind::multistage) return peak * ratioOfStage(*this, done);
  double end = peak * endRatio;
  int64_t steps = std::max<int64_t>(1, totalSteps - warmupSteps);
  double t = std::clamp(double(done - warmupSteps) / double(steps), 0.0, 1.0);
  return end + (peak - end) * (kind == Kind::wsd ? remainingAfterPlateau(*this, done) : remaining(*this, t));
}

const std::vector<std::string> &scheduleNames() {
  static const std::vector<std::string> names = {"none", "constant",   "linear",    "cosine",
                                                 "wsd",  "polynomial", "multistage"};
  return names;
}

Result<Schedule::Kind> scheduleNamed(const std::string &name) {
  const auto &names = scheduleNames();
  for (size_t i = 0; i < names.size(); ++i)
    if (names[i] == name) return Schedule::Kind(i);
  return diagnose(ErrorKind::invalidInput, "lr_schedule")
      .says("there is no schedule '" + name + "'")
      .toFix(fmt::format("use one of {}", fmt::join(names, ", ")));
}

Status check(const Schedule &s) {
  auto wrong = [](const std::string &what, const char *remedy) {
    return diagnose(ErrorKind::invalidInput, "learning rate").says(what).toFix(remedy);
  };
  if (!(s.peak >= 0) || !std::isfinite(s.peak)) return wrong(fmt::format("{}", s.peak), "give a number from 0");
  if (!(s.endRatio >= 0 && s.endRatio <= 1))
    return wrong(fmt::format("the end is {} of the peak", s.endRatio), "give a ratio from 0 to 1");
  if (s.totalSteps < 1 || s.warmupSteps < 0 || s.warmupSteps > s.totalSteps)
    return wrong(fmt::format("{} steps of warming up, {} in all", s.warmupSteps, s.totalSteps),
                 "warm up in fewer steps, or train for more");
  if (!(s.power > 0) || !(s.decayShare >= 0 && s.decayShare <= 1))
    return wrong(fmt::format("power {}, decay in {} of the steps", s.power, s.decayShare),
                 "give a power above 0 and a share from 0 to 1");
  double before = 0;
  for (const Schedule::Stage &stage : s.stages) {
    if (!(stage.share > before && stage.share < 1 && stage.ratio >= 0 && stage.ratio <= 1))
      return wrong(fmt::format("a stage from {} of the steps on at {} of the peak", stage.share, stage.ratio),
                   "give stages with rising shares between 0 and 1, and ratios from 0 to 1");
    before = stage.share;
  }
  return success();
}

}  // namespace llc::train
