// What a program compiled for profiling says about its stages: what each one computes, where in the model, and how much
// work that is. Written by the compiler, read by runtime/serve/profile.h.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "runtime/abi/llc_abi.h"

namespace llc {

// Work of one step as a function of its batch: constant + perRow * rows + perContext * context. `rows` are those of the
// stage's dimension. `context` counts attention: for FLOPs pairs of a row and a cached token that it sees, for bytes
// cached tokens that at least one row of their sequence sees (each is read once, however many rows see it).
struct StageWork {
  double constant = 0, perRow = 0, perContext = 0;
  double of(double rows, double context) const { return constant + perRow * rows + perContext * context; }
};

// One op of a stage; a fused stage has several.
struct StagePart {
  std::string op;     // "linear"
  std::string place;  // "model.layers.3.self_attn.q_proj"; empty: the entry itself
  StageWork flops;
};

// Stage number i of llc_profile_event. Entries are numbered through, every call of a block has numbers of its own.
struct StageSpec {
  std::string entry;               // "step"
  std::string kernel;              // symbol of the generated function
  int dimension = LLC_DIM_TOKENS;  // whose size `rows` is
  int64_t window = 0;              // of attention: cached tokens that a row sees at most; 0: all
  StageWork flops, bytes;          // a multiply-add counts 2; every operand and result goes through memory once
  std::vector<StagePart> parts;    // never empty
};

}  // namespace llc
