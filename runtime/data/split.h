// Which sequences of a dataset are held out for validation: one of each of so many equal stretches of the file, chosen
// by a seed. A function, not a list: it takes no memory whatever the dataset's size, and the sequences that are left
// keep the file's order, so that windows stay near each other.
#pragma once
#include <cstdint>

namespace llc::data {

enum class Part {
  all,
  training,    // all but the held-out ones
  validation,  // these
};

class Split {
 public:
  Split() = default;
  // `share` (0 to 1) of the sequences is held out: at least one if it is above 0 and there are two.
  Split(uint64_t sequences, double share, uint64_t seed);

  uint64_t count(Part part) const;
  // The number in the file of the part's sequence `index` (below count(part)).
  uint64_t sequence(Part part, uint64_t index) const;

 private:
  uint64_t begin(uint64_t stretch) const;  // its first sequence
  uint64_t heldOut(uint64_t stretch) const;
  uint64_t sequences_ = 0, stretches_ = 0, seed_ = 0;
};

}  // namespace llc::data
