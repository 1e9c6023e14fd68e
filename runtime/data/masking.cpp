#include "runtime/data/masking.h"

#include "runtime/data/stream.h"

namespace llc::data {

namespace {
double uniform(Random &random) { return double(random.next() >> 11) * 0x1p-53; }
}  // namespace

void Masking::hide(uint64_t number, Batch &batch) const {
  uint64_t batchSeed = seedOf(seed, number);
  batch.targets = 0;
  for (size_t place = 0; place < batch.ids.size(); ++place) {
    int32_t &id = batch.ids[place], &label = batch.labels[place];
    label = noLabel;
    if (!batch.segments[place] || (size_t(id) < special.size() && special[size_t(id)])) continue;
    Random random(seedOf(batchSeed, place));
    if (uniform(random) >= probability) continue;
    label = id;
    ++batch.targets;
    double kind = uniform(random);
    if (kind < maskShare)
      id = mask;
    else if (kind < maskShare + randomShare)
      id = int32_t(random.below(uint64_t(vocabulary)));
  }
}

}  // namespace llc::data
