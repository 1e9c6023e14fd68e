// The scalar functions of the index notation: name, value and partial derivatives on one row.
#include <algorithm>
#include <bit>
#include <cmath>

#include "dialect/interfaces/index.h"

namespace llc::index {
namespace {

using Arguments = const double *;

// `a` as a number of float8_e4m3fn (4 bits of exponent, 3 of fraction, at most 448) times the least power of two with
// which b fits, too. As it is where a scale would leave the range of f32: b not within 2^-100 and 2^100.
double e4m3(Arguments x) {
  double a = x[0], b = std::fabs(x[1]);
  if (!std::isfinite(a) || !(b >= 0x1p-100 && b <= 0x1p100)) return a;
  int top = std::ilogb(b);
  if (b > std::ldexp(1.75, top)) ++top;  // 448 = 1.75 * 2^8
  int exponent = a == 0 ? top : std::max(std::ilogb(a), top - 14);
  double unit = std::ldexp(1, exponent - 3);
  return std::nearbyint(a / unit) * unit;
}

// `a` as the nearest bf16, of two the even one.
double roundedToBf16(Arguments x) {
  float a = float(x[0]);
  if (!std::isfinite(a)) return a;
  uint32_t bits = std::bit_cast<uint32_t>(a);
  return std::bit_cast<float>((bits + 0x7fff + (bits >> 16 & 1)) & 0xffff0000u);
}

// The 8-bit numbers of dynamic quantization (Dettmers 2015, 8-Bit Approximations for Parallelism in Deep Learning; the
// maps of bitsandbytes): in each of seven decades below one, twice as many as in the one before, the middles of equal
// parts; and 0 and 1. Both signs: one number in the least decade, codes 0 to 126 are below zero, 127 is zero, and -1 is
// missing; positive: two numbers there.
constexpr int dynamicDecades = 7;
std::vector<double> dynamicNumbers(bool bothSigns) {
  std::vector<double> numbers{0, 1};
  for (int decade = 0; decade < dynamicDecades; ++decade) {
    int parts = 1 << (decade + (bothSigns ? 0 : 1));
    for (int part = 0; part < parts; ++part) {
      double number = std::pow(10, decade + 1 - dynamicDecades) * (0.1 + 0.9 * (part + 0.5) / parts);
      numbers.push_back(number);
      if (bothSigns) numbers.push_back(-number);
    }
  }
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}
template <bool bothSigns>
const std::vector<double> &dynamicMap() {
  static const std::vector<double> numbers = dynamicNumbers(bothSigns);
  return numbers;
}
// Of a code, rounded to a whole number from 0 to 255.
template <bool bothSigns>
double dynamicValue(Arguments x) {
  return dynamicMap<bothSigns>()[size_t(std::nearbyint(std::fmin(std::fmax(x[0], 0), 255)))];
}
// The code of the nearest number.
template <bool bothSigns>
double dynamicCode(Arguments x) {
  const std::vector<double> &numbers = dynamicMap<bothSigns>();
  auto above = std::lower_bound(numbers.begin() + 1, numbers.end() - 1, x[0]);
  return double(above - numbers.begin() - (x[0] - above[-1] <= *above - x[0]));
}

// A number from 0 to below 1, a function of three whole numbers from 0 to below 2^24: PCG3D (Jarzynski and Olano 2020,
// Hash Functions for GPU Rendering).
double randomOf(Arguments x) {
  uint32_t v[3];
  for (int i = 0; i < 3; ++i) v[i] = uint32_t(int64_t(x[i])) * 1664525u + 1013904223u;
  auto stir = [&v] { v[0] += v[1] * v[2], v[1] += v[2] * v[0], v[2] += v[0] * v[1]; };
  stir();
  for (uint32_t &word : v) word ^= word >> 16;
  stir();
  return double(v[0] >> 8) * 0x1p-24;
}

// `a` as bf16: the neighbour away from zero with the probability of its distance from the other one, for b from 0 to
// below 1 at random.
double stochasticBf16(Arguments x) {
  float a = float(x[0]);
  if (!std::isfinite(a)) return a;
  uint32_t bits = std::bit_cast<uint32_t>(a) + uint32_t(x[1] * 65536);
  return std::bit_cast<float>(bits & 0xffff0000u);
}

// Ties of max and min: every derivative goes to the first operand, so that a sum of both partials is always one.
constexpr ScalarFunction functions[] = {
    {"add", 2, {"1", "1"}, [](Arguments x) { return x[0] + x[1]; }},
    {"sub", 2, {"1", "-1"}, [](Arguments x) { return x[0] - x[1]; }},
    {"mul", 2, {"b", "a"}, [](Arguments x) { return x[0] * x[1]; }},
    {"div", 2, {"1/b", "-(a/b)/b"}, [](Arguments x) { return x[0] / x[1]; }},
    {"neg", 1, {"-1"}, [](Arguments x) { return -x[0]; }},
    {"exp", 1, {"exp(a)"}, [](Arguments x) { return std::exp(x[0]); }},
    {"log", 1, {"1/a"}, [](Arguments x) { return std::log(x[0]); }},
    {"sqrt", 1, {"0.5/sqrt(a)"}, [](Arguments x) { return std::sqrt(x[0]); }},
    {"rsqrt", 1, {"-0.5*rsqrt(a)/a"}, [](Arguments x) { return 1 / std::sqrt(x[0]); }},
    {"tanh", 1, {"1-tanh(a)*tanh(a)"}, [](Arguments x) { return std::tanh(x[0]); }},
    {"logistic", 1, {"logistic(a)*(1-logistic(a))"}, [](Arguments x) { return 1 / (1 + std::exp(-x[0])); }},
    {"sin", 1, {"cos(a)"}, [](Arguments x) { return std::sin(x[0]); }},
    {"cos", 1, {"-sin(a)"}, [](Arguments x) { return std::cos(x[0]); }},
    {"erf", 1, {"1.1283791670955126*exp(-(a*a))"}, [](Arguments x) { return std::erf(x[0]); }},
    {"abs", 1, {"select(ge(a,0),1,-1)"}, [](Arguments x) { return std::fabs(x[0]); }},
    {"pow", 2, {"b*pow(a,b-1)", "select(lt(0,a),pow(a,b)*log(a),0)"}, [](Arguments x) { return std::pow(x[0], x[1]); }},
    {"max", 2, {"ge(a,b)", "lt(a,b)"}, [](Arguments x) { return std::fmax(x[0], x[1]); }},
    {"min", 2, {"ge(b,a)", "lt(b,a)"}, [](Arguments x) { return std::fmin(x[0], x[1]); }},
    {"floor", 1, {}, [](Arguments x) { return std::floor(x[0]); }},
    {"e4m3", 2, {}, e4m3},
    {"bf16", 1, {}, roundedToBf16},
    {"random", 3, {}, randomOf},
    {"stochastic_bf16", 2, {}, stochasticBf16},
    {"dynamic_value", 1, {}, dynamicValue<true>},
    {"dynamic_value_positive", 1, {}, dynamicValue<false>},
    {"dynamic_code", 1, {}, dynamicCode<true>},
    {"dynamic_code_positive", 1, {}, dynamicCode<false>},
    {"stop", 1, {}, [](Arguments x) { return x[0]; }},  // the value, with no gradient
    {"eq", 2, {}, [](Arguments x) { return double(x[0] == x[1]); }},
    {"ge", 2, {}, [](Arguments x) { return double(x[0] >= x[1]); }},
    {"lt", 2, {}, [](Arguments x) { return double(x[0] < x[1]); }},
    {"select", 3, {nullptr, "select(a,1,0)", "select(a,0,1)"}, [](Arguments x) { return x[0] != 0 ? x[1] : x[2]; }},
};

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr Combiner combiners[] = {
    {"sum", 0, "add"}, {"max", -infinity, "max"}, {"min", infinity, "min"}, {"prod", 1, "mul"}};

}  // namespace

std::span<const ScalarFunction> scalarTable() { return functions; }

const ScalarFunction *findScalar(std::string_view name) {
  for (const ScalarFunction &function : functions)
    if (function.name == name) return &function;
  return nullptr;
}

const Combiner *findCombiner(std::string_view name) {
  for (const Combiner &combiner : combiners)
    if (combiner.name == name) return &combiner;
  return nullptr;
}

}  // namespace llc::index
