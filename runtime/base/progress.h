// Progress on stderr: a bar that renews itself on a terminal, one plain line per step otherwise, nothing when quiet.
#pragma once
#include <chrono>
#include <cstdint>
#include <string>

namespace llc {

class Progress {
 public:
  explicit Progress(bool quiet);
  ~Progress() { finish(); }
  Progress(const Progress &) = delete;
  Progress &operator=(const Progress &) = delete;

  // Begins a step and ends the one before. `total`: how many advance() it takes; 0 if nobody knows.
  // `done`: how many of them are behind us already.
  void step(std::string label, int64_t total = 0, int64_t done = 0);
  // `detail` stands behind the bar from now on: what there is to say about where it is.
  void advance(std::string detail = "");
  // Ends the last step; the bar leaves the terminal.
  void finish();
  // A line that stays unless all is to be quiet: what was decided, and why.
  void info(const std::string &line);
  // A line that stays: "warning: ...".
  void note(const std::string &line);
  // The same, but not when quiet.
  void say(const std::string &line) {
    if (!quiet_) note(line);
  }
  bool onTerminal() const { return terminal_; }

 private:
  void draw();
  void erase();
  bool quiet_, terminal_, drawn_ = false;
  std::string label_, detail_;
  int64_t done_ = 0, total_ = 0;
  std::chrono::steady_clock::time_point begun_, painted_;
};

}  // namespace llc
