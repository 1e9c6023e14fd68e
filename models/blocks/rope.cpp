#include "models/blocks/rope.h"

#include <cmath>

#include "frontends/dsl/sugar.h"

namespace llc::models {
using namespace dsl;
namespace {
std::vector<float> exponents(int64_t size) {
  std::vector<float> list;
  for (int64_t i = 0; i < size; i += 2) list.push_back(float(i) / float(size));
  return list;
}

// [T,1] from [T]
Tensor column(Tensor x) { return reshape(x, {dynamicSize, 1}); }

// [T] f32: tokens of each row's sequence.
Tensor lengthsOf(const Tokens &tokens) {
  return cast(tokens.areCached() ? sequence_lengths(tokens.batch) : tokens.lengths, DType::f32);
}

// The base grows with the length of the sequence a row belongs to, so every row has frequencies of its own.
Rotation dynamicTables(const Rope &rope, const Tokens &tokens) {
  Tensor length = maximum(lengthsOf(tokens), scalar(float(rope.trainedLength)));
  Tensor stretch = shift(scale(length, rope.factor / double(rope.trainedLength)), 1 - rope.factor);
  double power = double(rope.size) / double(rope.size - 2);
  // frequency = base^-e with base = rope.base * stretch^power
  Tensor logBase = shift(scale(log(stretch), power), std::log(rope.base));
  std::vector<float> negative = exponents(rope.size);
  for (float &value : negative) value = -value;
  Tensor frequency = exp(column(logBase) * constant(negative, {1, rope.size / 2}));
  RotaryTableResults tables = rotary_table(tokens.positions, frequency, rope.tableScale);
  return {tables.cos, tables.sin};
}

Rotation fixedTables(const std::vector<float> &frequencies, const Rope &rope, const Tokens &tokens) {
  RotaryTableResults tables = rotary_table(tokens.positions, constant(frequencies, {rope.size / 2}), rope.tableScale);
  return {tables.cos, tables.sin};
}
}  // namespace

Rotation rotationTables(const Rope &rope, const Tokens &tokens) {
  if (rope.size == 0) return {};
  Scope scope("rotary_emb");
  if (rope.trainedLength) return dynamicTables(rope, tokens);
  Rotation tables = fixedTables(rope.frequencies, rope, tokens);
  if (rope.longFrequencies.empty()) return tables;
  Rotation stretched = fixedTables(rope.longFrequencies, rope, tokens);
  Tensor isLong = ge(column(lengthsOf(tokens)), scalar(float(rope.switchLength + 1)));
  return {select(isLong, stretched.cos, tables.cos), select(isLong, stretched.sin, tables.sin)};
}

Tensor rotate(Tensor x, const Rope &rope, const Rotation &rotation) {
  return rope.size ? rotary(x, rotation.cos, rotation.sin, rope.interleaved) : x;
}

}  // namespace llc::models
