// A trainer's plan lies in a file that may be damaged. What parses must survive the way through text unchanged.
#include <cstdlib>

#include "runtime/train/trainer_plan.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  auto plan = llc::train::parseTrainerPlan({reinterpret_cast<const char *>(data), size}, "fuzz");
  if (!plan) return 0;
  std::string first = llc::train::toJson(*plan);
  auto again = llc::train::parseTrainerPlan(first, "fuzz");
  if (!again || llc::train::toJson(*again) != first) abort();
  return 0;
}
