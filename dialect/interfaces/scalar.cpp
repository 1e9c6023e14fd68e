// The scalar functions of the index notation: name, value and partial derivatives on one row.
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
