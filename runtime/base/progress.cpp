#include "runtime/base/progress.h"

#include <fmt/format.h>
#include <unistd.h>

namespace llc {

namespace {
using Clock = std::chrono::steady_clock;
double seconds(Clock::time_point begin, Clock::time_point end) {
  return std::chrono::duration<double>(end - begin).count();
}
constexpr double quickSteps = 0.3;  // seconds; shorter steps leave no line behind
constexpr double repaintEvery = 0.05;
}  // namespace

Progress::Progress(bool quiet) : quiet_(quiet), terminal_(isatty(STDERR_FILENO)) {}

void Progress::step(std::string label, int64_t total, int64_t done) {
  finish();
  label_ = std::move(label);
  detail_.clear();
  done_ = done, total_ = total;
  begun_ = Clock::now();
  if (!quiet_ && terminal_) draw();
}

void Progress::advance(std::string detail) {
  ++done_;
  if (!detail.empty()) detail_ = std::move(detail);
  if (quiet_ || !terminal_ || seconds(painted_, Clock::now()) < repaintEvery) return;
  draw();
}

void Progress::finish() {
  if (label_.empty()) return;
  double took = seconds(begun_, Clock::now());
  erase();
  if (!quiet_ && took >= quickSteps) fmt::print(stderr, "{} ({:.1f} s)\n", label_, took);
  label_.clear();
}

void Progress::info(const std::string &line) {
  if (!quiet_) note(line);
}

void Progress::note(const std::string &line) {
  erase();
  fmt::print(stderr, "{}\n", line);
}

void Progress::draw() {
  painted_ = Clock::now();
  erase();
  if (total_ > 0) {
    constexpr int width = 30;
    int filled = int(std::min(done_, total_) * width / total_);
    fmt::print(stderr, "{} [{:=<{}}{:{}}] {}/{} {}", label_, "", filled, "", width - filled, done_, total_, detail_);
  } else {
    fmt::print(stderr, "{} ...", label_);
  }
  std::fflush(stderr);
  drawn_ = true;
}

void Progress::erase() {
  if (drawn_) fmt::print(stderr, "\r\033[K");
  drawn_ = false;
}

}  // namespace llc
