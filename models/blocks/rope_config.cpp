// From a configuration's words to frequencies. The formulas are those of the papers named in rope.h, with the defaults
// that configurations written for the reference implementation rely on. Frequencies are computed in double and rounded
// once.
#include <algorithm>
#include <cmath>
#include <numbers>

#include "models/blocks/rope.h"

namespace llc::models {
using dsl::Config;
namespace {
constexpr int64_t maxHeadSize = 1 << 16;  // beyond it is a mistake, which must not exhaust memory

struct Settings {
  Config &parameters;  // rope_parameters, or rope_scaling
  Rope &rope;
  double theta;
  int64_t maxPositions;
  int64_t originalPositions;  // before stretching

  std::vector<double> plain() const {
    std::vector<double> list;
    for (int64_t i = 0; i < rope.size; i += 2) list.push_back(std::pow(theta, -double(i) / double(rope.size)));
    return list;
  }
  void set(const std::vector<double> &frequencies) { rope.frequencies.assign(frequencies.begin(), frequencies.end()); }
  double factor(std::optional<double> fallback = std::nullopt) {
    std::optional<double> value = parameters.optionalNumber("factor");
    if (!value) value = fallback;
    if (value && std::isfinite(*value) && *value > 0) return *value;
    parameters.refuse("factor", value ? "is not a positive number" : "is missing",
                      "give the factor by which the context is stretched");
    return 1;
  }
};

void readDefault(Settings &s) { s.set(s.plain()); }

void readLinear(Settings &s) {
  double factor = s.factor();
  std::vector<double> list = s.plain();
  for (double &frequency : list) frequency /= factor;
  s.set(list);
}

void readDynamic(Settings &s) {
  s.set(s.plain());
  s.rope.base = s.theta;
  s.rope.factor = s.factor();
  s.rope.trainedLength = s.maxPositions;
  if (s.rope.size < 4)
    s.parameters.refuse("rope_type", "dynamic needs at least 4 rotated elements per head", "use linear");
}

void readLlama3(Settings &s) {
  double factor = s.factor(), low = s.parameters.number("low_freq_factor", 1),
         high = s.parameters.number("high_freq_factor", 4);
  double trained = double(s.originalPositions);
  if (!(high > low) || !(low > 0))
    s.parameters.refuse("high_freq_factor", "must be greater than low_freq_factor, and both positive", "use 1 and 4");
  std::vector<double> list = s.plain();
  for (double &frequency : list) {
    double wavelength = 2 * std::numbers::pi / frequency;
    if (wavelength < trained / high) continue;
    double smooth = wavelength > trained / low ? 0 : (trained / wavelength - low) / (high - low);
    frequency = (1 - smooth) * frequency / factor + smooth * frequency;
  }
  s.set(list);
}

// How much yarn sharpens the softmax at this stretch.
double yarnScale(double factor, double multiplier) { return factor <= 1 ? 1 : 0.1 * multiplier * std::log(factor) + 1; }

void readYarn(Settings &s) {
  double factor = s.factor(double(s.maxPositions) / double(s.originalPositions));
  double mscale = s.parameters.number("mscale", 0), mscaleAll = s.parameters.number("mscale_all_dim", 0);
  double inferred =
      mscale != 0 && mscaleAll != 0 ? yarnScale(factor, mscale) / yarnScale(factor, mscaleAll) : yarnScale(factor, 1);
  s.rope.tableScale = s.parameters.number("attention_factor", inferred);
  double fast = s.parameters.number("beta_fast", 32), slow = s.parameters.number("beta_slow", 1);
  if (fast == 0) fast = 32;
  if (slow == 0) slow = 1;
  double size = double(s.rope.size);
  // The pair of elements that turns `rotations` times over the trained context.
  auto pairOf = [&](double rotations) {
    return size * std::log(double(s.originalPositions) / (rotations * 2 * std::numbers::pi)) / (2 * std::log(s.theta));
  };
  double first = pairOf(fast), last = pairOf(slow);
  if (s.parameters.boolean("truncate", true)) first = std::floor(first), last = std::ceil(last);
  first = std::max(first, 0.0), last = std::min(last, size - 1);
  if (first == last) last += 0.001;
  std::vector<double> list = s.plain();
  for (size_t i = 0; i < list.size(); ++i) {
    double ramp = std::clamp((double(i) - first) / (last - first), 0.0, 1.0);
    list[i] = list[i] / factor * ramp + list[i] * (1 - ramp);
  }
  s.set(list);
}

void readLongrope(Settings &s) {
  double factor = s.factor(double(s.maxPositions) / double(s.originalPositions));
  double inferred = factor <= 1 ? 1 : std::sqrt(1 + std::log(factor) / std::log(double(s.originalPositions)));
  s.rope.tableScale = s.parameters.number("attention_factor", inferred);
  s.rope.switchLength = s.originalPositions;
  auto divided = [&](const char *key) {
    std::vector<double> list = s.plain(), factors = s.parameters.numbers(key);
    if (factors.size() != list.size()) {
      s.parameters.refuse(
          key, "has " + std::to_string(factors.size()) + " numbers, the heads need " + std::to_string(list.size()),
          "give one number for each rotated pair of elements");
      factors.resize(list.size(), 1);
    }
    for (size_t i = 0; i < list.size(); ++i) list[i] /= factors[i];
    return std::vector<float>(list.begin(), list.end());
  };
  s.rope.frequencies = divided("short_factor");
  s.rope.longFrequencies = divided("long_factor");
}

const std::vector<std::pair<std::string, void (*)(Settings &)>> &kinds() {
  static const std::vector<std::pair<std::string, void (*)(Settings &)>> table = {
      {"default", readDefault}, {"linear", readLinear}, {"dynamic", readDynamic},
      {"yarn", readYarn},       {"llama3", readLlama3}, {"longrope", readLongrope}};
  return table;
}

void refuseKind(Config &parameters, const std::string &kind) {
  std::string known;
  for (auto &[name, read] : kinds()) known += (known.empty() ? "" : ", ") + name;
  parameters.refuse("rope_type", "unsupported rope type '" + kind + "', supported are " + known,
                    "use one of them, or add it to models/blocks/rope_config.cpp");
}
}  // namespace

Rope readRope(Config &config, int64_t headSize, int64_t maxPositions, const RopeKeys &keys) {
  const char *spelling = config.has("rope_parameters") ? "rope_parameters" : "rope_scaling";
  // A legacy file may also hold the other spelling as null.
  Config &parameters = config.object(spelling);
  config.irrelevant({"rope_parameters", "rope_scaling"});
  Rope rope;
  double theta = parameters.number("rope_theta", config.number(keys.theta, keys.defaultTheta));
  double partial = parameters.number("partial_rotary_factor", config.number(keys.partial, keys.defaultPartial));
  if (!std::isfinite(theta) || theta <= 1) config.refuse(keys.theta, "must be greater than 1", "10000 is common");
  if (!(partial > 0 && partial <= 1)) {
    config.refuse(keys.partial, "must be more than 0 and at most 1", "1 rotates whole heads");
    partial = 1;
  }
  if (headSize > maxHeadSize) {
    config.refuse("head_dim",
                  std::to_string(headSize) + " elements per head are more than " + std::to_string(maxHeadSize),
                  "compare the file with the model's own repository");
    return rope;
  }
  rope.size = int64_t(double(headSize) * partial);
  if (rope.size < 2 || rope.size % 2)
    config.refuse(keys.partial,
                  "gives " + std::to_string(rope.size) + " rotated elements per head of " + std::to_string(headSize) +
                      ", it must be even and not 0",
                  "compare head_dim and this with the model's own repository");
  for (const char *nested : {"full_attention", "sliding_attention"})
    if (parameters.has(nested))
      parameters.refuse(nested, "a rotation of its own for each kind of layer is not supported by this architecture",
                        "use one rotation for all layers, or extend the architecture's file in models/architectures");
  std::string kind = parameters.text("rope_type", parameters.text("type", "default"));
  int64_t original = config.size("original_max_position_embeddings",
                                 parameters.size("original_max_position_embeddings", maxPositions));
  parameters.irrelevant({"type", "original_max_position_embeddings"});
  Settings settings{parameters, rope, theta, maxPositions, original};
  for (auto &[name, read] : kinds())
    if (name == kind && config.status().ok()) read(settings);
  if (rope.frequencies.empty() && config.status().ok()) refuseKind(parameters, kind);
  return rope;
}

}  // namespace llc::models
