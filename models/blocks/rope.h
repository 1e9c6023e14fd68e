// Rotary position embedding (Su et al. 2021) with every way of stretching it to longer contexts that configurations
// name: default, linear (Chen et al. 2023), dynamic (NTK-aware, by the sequence's length), yarn (Peng et al. 2023),
// llama3 (by wavelength), longrope (Ding et al. 2024).
#pragma once
#include <optional>
#include <vector>

#include "frontends/dsl/architecture.h"

namespace llc::models {

struct Rope {
  int64_t size = 0;                // of a head's leading elements that are rotated, 0: no rotation at all
  bool interleaved = false;        // pairs are (0,1),(2,3).. instead of (0,size/2),(1,size/2+1)..
  std::vector<float> frequencies;  // angle per position, [size/2]
  double tableScale = 1;           // factor on cos and sin (the attention factor of yarn and longrope)
  // longrope: sequences longer than `switchLength` use these instead.
  std::vector<float> longFrequencies;
  int64_t switchLength = 0;
  // dynamic: sequences longer than `trainedLength` get a larger base.
  double base = 0, factor = 0;
  int64_t trainedLength = 0;  // 0: not dynamic
};

// Where a family's configurations differ in how they spell it.
struct RopeKeys {
  const char *theta = "rope_theta", *partial = "partial_rotary_factor";
  double defaultTheta = 10000, defaultPartial = 1;
};

// Reads rope_parameters (transformers 5), or rope_theta, rope_scaling and the like (before); mistakes go to `config`.
Rope readRope(dsl::Config &config, int64_t headSize, int64_t maxPositions, const RopeKeys &keys = {});

// Tables for the rows of a step, shared by all layers; absent when nothing rotates.
struct Rotation {
  dsl::Tensor cos, sin;  // [T, size/2]
};
Rotation rotationTables(const Rope &rope, const dsl::Tokens &tokens);

// x[T,heads,headSize] with its leading `size` elements rotated.
dsl::Tensor rotate(dsl::Tensor x, const Rope &rope, const Rotation &rotation);

}  // namespace llc::models
