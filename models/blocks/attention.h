// Self-attention over the cache: projections, optional norms of queries and keys, rotation, paged attention, output.
// Grouped queries (Ainslie et al. 2023): `heads` is a multiple of `keyValueHeads`.
#pragma once
#include <optional>
#include <string>

#include "models/blocks/norm.h"
#include "models/blocks/projection.h"
#include "models/blocks/rope.h"
#include "models/blocks/virtual_tokens.h"

namespace llc::models {

struct Attention {
  int64_t heads = 0, keyValueHeads = 0, headSize = 0;
  std::optional<double> scale;    // of the scores; without it 1/sqrt(headSize)
  std::optional<double> softCap;  // scores become cap * tanh(score / cap)
  std::optional<int64_t> window;  // a row sees itself and this many rows minus one before it
  bool causal = true;             // false: over whole sequences, without a cache
  bool inputBias = false, outputBias = false;
  WeightLayout layout = WeightLayout::outputsFirst;
  Norm norm;  // of queries and keys, used where these have a name
  Rope rope;

  // Names of the weights. A name that is empty means: there is no such part.
  std::string name = "self_attn";  // in front of the others
  std::string query = "q_proj", key = "k_proj", value = "v_proj", output = "o_proj";
  std::string queryNorm, keyNorm;  // per head: weight [headSize]
  std::string fused;               // one matrix instead of query, key and value
  bool fusedPerHead = false;       // its rows: all of head 0, all of head 1 .. (else all queries, all keys, all values)
};

// What a layer sees besides its input.
struct LayerState {
  dsl::Tokens tokens;
  Rotation rotation;
  dsl::Kv cache;           // absent in training
  dsl::Tensor scoreScale;  // [1], a factor on the scores that differs between layers; absent: 1
  VirtualRows::Layer prefix = {};
};

// x[T,hidden] -> [T,hidden]
dsl::Tensor attend(dsl::Tensor x, const Attention &attention, const LayerState &state);

}  // namespace llc::models
