#include "models/blocks/attention.h"

#include <cmath>

#include "frontends/dsl/sugar.h"
#include "models/blocks/dropout.h"

namespace llc::models {
using namespace dsl;
namespace {
struct Heads {
  Tensor query, key, value;  // [T,heads,headSize], [T,keyValueHeads,headSize] twice
};

Heads splitFused(Tensor x, const Attention &a) {
  int64_t heads = a.heads + 2 * a.keyValueHeads;
  Tensor all = project(x, a.fused, heads * a.headSize, a.inputBias, a.layout);
  if (a.fusedPerHead) {
    Tensor perHead = reshape(all, {dynamicSize, a.heads, 3 * a.headSize});
    auto part = [&](int64_t i) { return slice(perHead, {.dim = 2, .start = i * a.headSize, .size = a.headSize}); };
    return {part(0), part(1), part(2)};
  }
  Tensor byHead = reshape(all, {dynamicSize, heads, a.headSize});
  auto part = [&](int64_t start, int64_t size) { return slice(byHead, {.dim = 1, .start = start, .size = size}); };
  return {part(0, a.heads), part(a.heads, a.keyValueHeads), part(a.heads + a.keyValueHeads, a.keyValueHeads)};
}

Heads projectHeads(Tensor x, const Attention &a) {
  if (!a.fused.empty()) return splitFused(x, a);
  auto part = [&](const std::string &name, int64_t heads) {
    return reshape(project(x, name, heads * a.headSize, a.inputBias, a.layout), {dynamicSize, heads, a.headSize});
  };
  Tensor query = part(a.query, a.heads);
  Tensor key = part(a.key, a.keyValueHeads);
  return {query, key, part(a.value, a.keyValueHeads)};
}
// Each row over the rows before it (or over all, if not causal): those in the cache, or those of the batch.
// [T,heads,headSize] -> the same.
Tensor mix(const Heads &heads, const Attention &a, const LayerState &state) {
  double scale = a.scale.value_or(1 / std::sqrt(double(a.headSize)));
  int64_t window = a.window.value_or(0);
  double softCap = a.softCap.value_or(0);
  const Tokens &tokens = state.tokens;
  if (tokens.areCached()) {
    Kv cache = cache_append(state.cache, heads.key, heads.value, tokens.batch);
    return paged_attention(heads.query, cache, tokens.batch, tokens.positions,
                           {.scale = scale, .window = window, .soft_cap = softCap});
  }
  int64_t rows = tokens.segments.size(0), width = tokens.segments.size(1);
  auto perSequence = [&](Tensor x) { return reshape(x, {rows, width, x.size(1), x.size(2)}); };
  Tensor key = dropKey(tokens.dropout.attentionRate);
  Tensor y = attention(perSequence(heads.query), perSequence(heads.key), perSequence(heads.value),
                       {.segments = tokens.segments,
                        .drop_key = key,
                        .scale = scale,
                        .causal = a.causal,
                        .window = window,
                        .soft_cap = softCap,
                        .drop_rate = key ? tokens.dropout.attentionRate : 0})
                 .y;
  return reshape(y, heads.query.shape());
}
}  // namespace

Tensor attend(Tensor x, const Attention &a, const LayerState &state) {
  Scope scope(a.name);
  Heads heads = projectHeads(x, a);
  if (!a.queryNorm.empty()) heads.query = normalize(heads.query, a.queryNorm, a.norm);
  if (!a.keyNorm.empty()) heads.key = normalize(heads.key, a.keyNorm, a.norm);
  heads.query = rotate(heads.query, a.rope, state.rotation);
  heads.key = withPrefix(rotate(heads.key, a.rope, state.rotation), state.prefix, state.prefix.keys);
  heads.value = withPrefix(heads.value, state.prefix, state.prefix.values);
  // Scaling the queries instead of the scores keeps the layers' functions equal.
  if (state.scoreScale) heads.query = heads.query * state.scoreScale;
  Tensor mixed = mix(heads, a, state);
  return project(reshape(mixed, {dynamicSize, a.heads * a.headSize}), a.output, x.size(-1), a.outputBias, a.layout);
}

}  // namespace llc::models
