#include "runtime/data/split.h"

#include <algorithm>
#include <cmath>

#include "runtime/data/window_order.h"

namespace llc::data {

Split::Split(uint64_t sequences, double share, uint64_t seed) : sequences_(sequences), seed_(seed) {
  if (share <= 0 || sequences < 2) return;
  // At most every second sequence: a stretch keeps at least one for training.
  double wanted = std::floor(std::min(share, 0.5) * double(sequences));
  stretches_ = std::clamp<uint64_t>(uint64_t(wanted), 1, sequences / 2);
}

uint64_t Split::begin(uint64_t stretch) const { return uint64_t((unsigned __int128)(stretch)*sequences_ / stretches_); }

uint64_t Split::heldOut(uint64_t stretch) const {
  uint64_t first = begin(stretch);
  return first + Random(seedOf(seed_, stretch)).below(begin(stretch + 1) - first);
}

uint64_t Split::count(Part part) const {
  if (part == Part::all) return sequences_;
  return part == Part::validation ? stretches_ : sequences_ - stretches_;
}

uint64_t Split::sequence(Part part, uint64_t index) const {
  if (part == Part::all || stretches_ == 0) return index;
  if (part == Part::validation) return heldOut(index);
  // The stretch that holds the index: each has begin(s) - s sequences of training before it.
  uint64_t kept = sequences_ - stretches_;
  uint64_t stretch = uint64_t((unsigned __int128)(index)*stretches_ / kept);
  while (stretch > 0 && begin(stretch) - stretch > index) --stretch;
  while (stretch + 1 < stretches_ && begin(stretch + 1) - (stretch + 1) <= index) ++stretch;
  uint64_t number = index + stretch;
  return number + (number >= heldOut(stretch));
}

}  // namespace llc::data
