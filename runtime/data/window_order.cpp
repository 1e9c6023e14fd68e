#include "runtime/data/window_order.h"

#include <algorithm>
#include <numeric>

namespace llc::data {

uint64_t WindowOrder::at(uint64_t epoch, uint64_t position) {
  if (window_ <= 1) return position;
  if (epoch != epoch_) startEpoch(epoch);
  uint64_t missing = windows_.size() * window_ - count_;  // from the window that is not full
  uint64_t place = position / window_;
  if (position >= (shortPlace_ + 1) * window_ - missing) place = (position + missing) / window_;
  if (place != place_) startWindow(place);
  uint64_t begin = place * window_ - (place > shortPlace_ ? missing : 0);
  return sequences_[position - begin];
}

void WindowOrder::startEpoch(uint64_t epoch) {
  window_ = std::min(window_, count_);
  windows_.resize((count_ + window_ - 1) / window_);
  std::iota(windows_.begin(), windows_.end(), uint64_t(0));
  Random(seedOf(seed_, epoch)).shuffle(windows_);
  shortPlace_ = uint64_t(std::find(windows_.begin(), windows_.end(), windows_.size() - 1) - windows_.begin());
  epoch_ = epoch;
  place_ = ~uint64_t(0);
}

void WindowOrder::startWindow(uint64_t place) {
  uint64_t begin = windows_[place] * window_;
  sequences_.resize(std::min(window_, count_ - begin));
  std::iota(sequences_.begin(), sequences_.end(), begin);
  Random(seedOf(seedOf(seed_, epoch_), windows_[place])).shuffle(sequences_);
  place_ = place;
}

}  // namespace llc::data
