// Where every temporary of a function lives in its frame: liveness is given as step numbers, places are assigned
// greedily (lowest gap that fits: Sekiyama et al. 2018 "Profile-guided memory optimization for deep neural networks"),
// in the order of some that needs least, and the proof of the peak is the frame size itself. No MLIR here.
#pragma once
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace llc::compiler {

inline constexpr int64_t placeAlignment = 64;  // bytes: a cache line, and the widest vector

// A temporary: needed from step `first` to step `last`, both included. Steps that may run at the same time (no barrier
// between them) count as one step for reuse: the caller gives the step of their group.
struct Temporary {
  std::string name;  // in the model's language
  int64_t bytes = 0;
  int64_t first = 0, last = 0;
  int64_t offset = 0;  // the answer
};

struct FramePlan {
  std::string function;
  std::vector<Temporary> temporaries;
  int64_t bytes = 0;       // the frame: no temporary ends beyond it
  int64_t lowerBound = 0;  // most bytes alive at any step: no plan can be smaller
  int64_t withoutReuse = 0;
};

// Assigns offsets (multiples of placeAlignment). Deterministic.
void assignPlaces(FramePlan &);
// True if no two temporaries that are alive together overlap and none leaves the frame.
bool isSound(const FramePlan &);

nlohmann::json toJson(const FramePlan &);
std::string report(const FramePlan &);
std::string humanBytes(int64_t bytes);  // "12.5 MiB"

}  // namespace llc::compiler
