#include "compiler/kernels/vector_math.h"

#include <initializer_list>
#include <limits>

using namespace mlir;

namespace llc::kernels {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
using Float = Emitter::FloatCompare;

Type wordOf(Emitter &e, Value x) { return e.vec(Emitter::widthOf(x), e.i32); }
Value number(Emitter &e, Value like, double value) { return e.constant(like.getType(), value); }
Value word(Emitter &e, Value like, int64_t value) { return e.constant(wordOf(e, like), double(value)); }

// Horner's scheme, the highest coefficient first.
Value polynomial(Emitter &e, Value x, std::initializer_list<double> coefficients) {
  Value sum;
  for (double c : coefficients) sum = sum ? e.fma(sum, x, number(e, x, c)) : number(e, x, c);
  return sum;
}
// Limits that let NaN through: the comparison is false for it.
Value atMost(Emitter &e, Value x, double limit) {
  Value bound = number(e, x, limit);
  return e.select(e.cmpf(Float::OGT, x, bound), bound, x);
}
Value atLeast(Emitter &e, Value x, double limit) {
  Value bound = number(e, x, limit);
  return e.select(e.cmpf(Float::OLT, x, bound), bound, x);
}
Value absolute(Emitter &e, Value x) {
  return e.bitcast(x.getType(), e.b.create<arith::AndIOp>(e.bitcast(wordOf(e, x), x), word(e, x, 0x7fffffff)));
}
Value signBits(Emitter &e, Value x) {
  return e.b.create<arith::AndIOp>(e.bitcast(wordOf(e, x), x), word(e, x, int64_t(int32_t(0x80000000))));
}
Value withSign(Emitter &e, Value magnitude, Value bits) {
  return e.bitcast(magnitude.getType(), e.b.create<arith::XOrIOp>(e.bitcast(bits.getType(), magnitude), bits));
}

// The integer nearest to x (|x| < 2^22) as a float and as an i32: adding 1.5*2^23 leaves it in the low bits. One add
// instead of a rounding instruction (which SSE2 lacks) and a conversion (which is undefined for NaN).
struct Nearest {
  Value asFloat, asInt;
};
Nearest nearest(Emitter &e, Value x) {
  Value magic = number(e, x, 12582912.0), shifted = e.addf(x, magic);
  return {e.subf(shifted, magic), e.sub(e.bitcast(wordOf(e, x), shifted), e.bitcast(wordOf(e, x), magic))};
}
Value powerOfTwo(Emitter &e, Value exponent, Value like) {
  Value biased = e.add(exponent, word(e, like, 127));
  return e.bitcast(like.getType(), e.b.create<arith::ShLIOp>(biased, word(e, like, 23)));
}
// exp(r + rest) for |r| <= log(2)/2 and a rest that is smaller than r's rounding error.
Value expNearZero(Emitter &e, Value r, Value rest = {}) {
  Value q = polynomial(e, r, {0.001395072671584785, 0.008369026705622673, 0.04166620224714279, 0.166665181517601, 0.5});
  Value above = rest ? e.addf(r, e.fma(q, e.mulf(r, r), rest)) : e.fma(q, e.mulf(r, r), r);
  return e.addf(above, number(e, r, 1));
}
// p * 2^n for |n| <= 252: in two steps, so that subnormal results are rounded once and large ones become inf.
Value scale(Emitter &e, Value p, Value n) {
  Value half = e.b.create<arith::ShRSIOp>(n, word(e, p, 1));
  return e.mulf(e.mulf(p, powerOfTwo(e, half, p)), powerOfTwo(e, e.sub(n, half), p));
}

// x minus the nearest multiple of pi/2, and the number of the quadrant.
struct Angle {
  Value rest, quadrant;
};
Angle reduceAngle(Emitter &e, Value x) {
  int64_t width = Emitter::widthOf(x);
  Type wide = e.vec(width, e.b.getF64Type()), wideWord = e.vec(width, e.i64);
  Value angle = e.b.create<arith::ExtFOp>(wide, x), magic = e.constant(wide, 6755399441055744.0);
  Value shifted = e.addf(e.mulf(angle, e.constant(wide, 0.63661977236758134308)), magic),
        turns = e.subf(shifted, magic);
  // pi/2 in two parts, the first with 33 bits: its product with a number of turns below 2^20 is exact.
  Value rest = e.subf(angle, e.mulf(turns, e.constant(wide, 1.57079632673412561417e+00)));
  rest = e.subf(rest, e.mulf(turns, e.constant(wide, 6.07710050650619224932e-11)));
  Value quadrant = e.b.create<arith::TruncIOp>(e.vec(width, e.i32), e.bitcast(wideWord, shifted));
  return {e.b.create<arith::TruncFOp>(x.getType(), rest), quadrant};
}
Value sineOf(Emitter &e, Angle angle, int64_t shift) {
  Value r = angle.rest, square = e.mulf(r, r), quadrant = e.add(angle.quadrant, shift);
  Value sine = e.fma(
      e.mulf(polynomial(e, square,
                        {2.71823728326126e-06, -0.00019839327433146536, 0.008333329111337662, -0.1666666716337204}),
             square),
      r, r);
  Value cosine = polynomial(
      e, square, {-2.720954626056482e-07, 2.479951217537746e-05, -0.0013888883404433727, 0.0416666679084301});
  cosine = e.addf(e.fma(e.mulf(square, square), cosine, e.mulf(square, number(e, r, -0.5))), number(e, r, 1));
  Value odd = e.cmp(Emitter::IntCompare::ne, e.b.create<arith::AndIOp>(quadrant, word(e, r, 1)), word(e, r, 0));
  Value flip = e.b.create<arith::ShLIOp>(e.b.create<arith::AndIOp>(quadrant, word(e, r, 2)), word(e, r, 30));
  return withSign(e, e.select(odd, cosine, sine), flip);
}

Value truth(Emitter &e, Value condition, Value like) {
  return e.select(condition, number(e, like, 1), number(e, like, 0));
}

}  // namespace

Value emitExp(Emitter &e, Value x) {
  x = atLeast(e, atMost(e, x, 89), -104.5);
  Nearest n = nearest(e, e.mulf(x, number(e, x, 1.44269504088896341)));
  // log(2) in two parts, the first with few bits: exact products without a fused multiply-add too.
  Value large = e.fma(n.asFloat, number(e, x, -0.693359375), x), low = number(e, x, 2.12194440054690583e-4);
  Value r = e.fma(n.asFloat, low, large), rest = e.fma(n.asFloat, low, e.subf(large, r));
  return scale(e, expNearZero(e, r, rest), n.asInt);
}
Value emitExp2(Emitter &e, Value x) {
  x = atLeast(e, atMost(e, x, 129), -151);
  Nearest n = nearest(e, x);
  return scale(e, expNearZero(e, e.mulf(e.subf(x, n.asFloat), number(e, x, 0.693147180559945309))), n.asInt);
}
Value emitExp2Flush(Emitter &e, Value x) {
  Value limited = atLeast(e, x, -127), magic = number(e, x, 12582912.0), shifted = e.addf(limited, magic);
  Value r = e.subf(limited, e.subf(shifted, magic));
  Value p = polynomial(e, r,
                       {0.00015476043336093426, 0.0013400416355580091, 0.009618004783987999, 0.055503275245428085,
                        0.24022650718688965, 0.6931471824645996, 1});
  // The low bits of `shifted` are the exponent; the constant above them drops out when they are shifted to their place.
  Value exponent = e.b.create<arith::ShLIOp>(e.bitcast(wordOf(e, x), shifted), word(e, x, 23));
  Value power = e.mulf(p, e.bitcast(x.getType(), e.add(exponent, word(e, x, 0x3f800000))));
  return e.select(e.cmpf(Float::OLT, x, number(e, x, -126)), number(e, x, 0), power);
}

Value emitLog(Emitter &e, Value x) {
  // Subnormal numbers are scaled up; then x = m 2^n with m in [sqrt(1/2), sqrt(2)).
  Value tiny = e.cmpf(Float::OLT, x, number(e, x, 0x1p-126));
  Value scaled = e.select(tiny, e.mulf(x, number(e, x, 0x1p23)), x);
  Value bits = e.bitcast(wordOf(e, x), scaled), offset = e.sub(bits, word(e, x, 0x3f3504f3));
  Value exponent = e.b.create<arith::ShRSIOp>(offset, word(e, x, 23));
  Value mantissa = e.bitcast(x.getType(), e.sub(bits, e.b.create<arith::ShLIOp>(exponent, word(e, x, 23))));
  Value n =
      e.subf(e.b.create<arith::SIToFPOp>(x.getType(), exponent), e.select(tiny, number(e, x, 23), number(e, x, 0)));
  Value m = e.subf(mantissa, number(e, x, 1)), square = e.mulf(m, m);
  Value p = polynomial(
      e, m,
      {-0.059767235070466995, 0.10631975531578064, -0.1081962063908577, 0.11036217212677002, -0.12424391508102417,
       0.14285117387771606, -0.1666940599679947, 0.20000091195106506, -0.24999967217445374, 0.3333333134651184});
  Value y = e.fma(n, number(e, x, -2.12194440054690583e-4), e.mulf(e.mulf(m, square), p));
  y = e.addf(m, e.fma(square, number(e, x, -0.5), y));
  y = e.fma(n, number(e, x, 0.693359375), y);
  y = e.select(e.cmpf(Float::OEQ, x, number(e, x, infinity)), x, y);
  y = e.select(e.cmpf(Float::OEQ, x, number(e, x, 0)), number(e, x, -infinity), y);
  return e.select(e.cmpf(Float::ULT, x, number(e, x, 0)), number(e, x, std::numeric_limits<double>::quiet_NaN()), y);
}

Value emitTanh(Emitter &e, Value x) {
  Value magnitude = absolute(e, x), square = e.mulf(x, x);
  Value p = polynomial(e, square,
                       {0.0021475369576364756, -0.008182673715054989, 0.021702967584133148, -0.05394720286130905,
                        0.13333210349082947, -0.3333333134651184});
  Value small = e.fma(e.mulf(p, square), x, x);
  Value grown = emitExp(e, e.mulf(magnitude, number(e, x, 2)));
  Value large = e.subf(number(e, x, 1), e.divf(number(e, x, 2), e.addf(grown, number(e, x, 1))));
  return e.select(e.cmpf(Float::OLT, magnitude, number(e, x, 0.625)), small, withSign(e, large, signBits(e, x)));
}

Value emitLogistic(Emitter &e, Value x) {
  // exp of a negative number only: no overflow, and small results stay accurate down to the subnormal ones.
  Value shrunk = emitExp(e, e.negf(absolute(e, x)));
  Value one = number(e, x, 1), negative = e.cmpf(Float::OLT, x, number(e, x, 0));
  Value below = e.addf(shrunk, one), quotient = e.divf(e.select(negative, shrunk, one), below);
  // What 1 + exp lost by rounding, as a relative correction; 1/below is the quotient or its complement.
  Value lost = e.subf(shrunk, e.subf(below, one)), inverse = e.select(negative, e.subf(one, quotient), quotient);
  return e.subf(quotient, e.mulf(e.mulf(quotient, lost), inverse));
}

Value emitErf(Emitter &e, Value x) {
  Value magnitude = absolute(e, x), square = e.mulf(x, x);
  Value p = polynomial(e, square,
                       {7.889119297033176e-05, -0.0008020841050893068, 0.005189535208046436, -0.026854444295167923,
                        0.11283600330352783, -0.3761262595653534, 0.12837916612625122});
  Value small = e.fma(p, x, x);
  // log(1 - erf(x)) as a polynomial; beyond 4 the result is 1.
  Value limited = atMost(e, magnitude, 4);
  Value g = polynomial(e, limited,
                       {-2.0828618289669976e-05, 0.0004313935642130673, -0.004156254697591066, 0.025080615654587746,
                        -0.10822038352489471, -0.6334008574485779, -1.1294883489608765, 0.0001692051300778985});
  Value large = e.subf(number(e, x, 1), emitExp(e, g));
  return e.select(e.cmpf(Float::OLT, magnitude, number(e, x, 0.95)), small, withSign(e, large, signBits(e, x)));
}

Value emitSin(Emitter &e, Value x) { return sineOf(e, reduceAngle(e, x), 0); }
Value emitCos(Emitter &e, Value x) { return sineOf(e, reduceAngle(e, x), 1); }

Value emitPow(Emitter &e, Value x, Value y) {
  Value magnitude = absolute(e, x), power = emitExp(e, e.mulf(y, emitLog(e, magnitude)));
  // y integer? odd? Every float of 2^24 and more is an even integer.
  Value large = e.cmpf(Float::OGE, absolute(e, y), number(e, y, 0x1p22)), limited = e.select(large, number(e, y, 0), y);
  Nearest n = nearest(e, limited);
  Value integer = e.cmpf(Float::OEQ, n.asFloat, limited);
  Value odd = e.b.create<arith::ShLIOp>(n.asInt, word(e, x, 31));
  Value signed_ = withSign(e, power, odd);
  Value nan = number(e, x, std::numeric_limits<double>::quiet_NaN());
  Value negative = e.cmpf(Float::OLT, x, number(e, x, 0));
  Value result = e.select(negative, e.select(integer, signed_, nan), power);
  Value one = number(e, x, 1);
  result = e.select(e.cmpf(Float::OEQ, y, number(e, y, 0)), one, result);
  return e.select(e.cmpf(Float::OEQ, x, one), one, result);
}

// ---- scalar functions of the index notation
namespace {

// Toward minus infinity; numbers of 2^23 and more are integers already.
Value floorOf(Emitter &e, Value x) {
  Value small = e.cmpf(Float::OLT, absolute(e, x), number(e, x, 0x1p23)), safe = e.select(small, x, number(e, x, 0));
  Value cut = e.b.create<arith::SIToFPOp>(x.getType(), e.b.create<arith::FPToSIOp>(wordOf(e, x), safe));
  Value down = e.subf(cut, truth(e, e.cmpf(Float::OGT, cut, safe), x));
  return e.select(small, down, x);
}

struct ScalarRow {
  std::string_view name;
  Value (*emit)(Emitter &, ValueRange);
};
template <Float predicate>
Value compare(Emitter &e, ValueRange v) {
  return truth(e, e.cmpf(predicate, v[0], v[1]), v[0]);
}
template <Value (*function)(Emitter &, Value)>
Value unary(Emitter &e, ValueRange v) {
  return function(e, v[0]);
}

// See dialect/interfaces/scalar.cpp. Normal numbers are rounded by adding half a unit to the bits, subnormal ones by
// the floating-point unit while a number of the right size is added.
Value e4m3(Emitter &e, ValueRange v) {
  Type word = e.vec(Emitter::widthOf(v[0]), e.i32);
  auto constant = [&](int64_t bits) { return e.constant(word, double(bits)); };
  auto mask = [&](Value x, int64_t bits) { return Value(e.b.create<arith::AndIOp>(x, constant(bits))); };
  Value a = e.bitcast(word, v[0]), magnitude = mask(a, 0x7fffffff), b = mask(e.bitcast(word, v[1]), 0x7fffffff);
  Value above = e.cmp(Emitter::IntCompare::ugt, mask(b, 0x7fffff), constant(0x600000));
  Value top = e.add(mask(b, 0x7f800000), e.select(above, constant(0x800000), constant(0)));
  Value odd = mask(e.b.create<arith::ShRUIOp>(a, constant(20)), 1);
  Value normal = mask(e.add(e.add(a, odd), constant(0x7ffff)), -0x100000);
  Value large = e.bitcast(v[0].getType(), e.add(top, constant((6 << 23) + 0x400000)));  // 1.5 * 2^(top + 6)
  Value subnormal = e.subf(e.addf(v[0], large), large);
  Value isSmall = e.cmp(Emitter::IntCompare::ult, magnitude, e.sub(top, constant(14 << 23)));
  Value rounded = e.select(isSmall, subnormal, e.bitcast(v[0].getType(), normal));
  Value inRange = e.b.create<arith::AndIOp>(
      e.cmp(Emitter::IntCompare::uge, b, constant((127 - 100) << 23)),
      e.b.create<arith::AndIOp>(e.cmp(Emitter::IntCompare::ule, b, constant((127 + 100) << 23)),
                                e.cmp(Emitter::IntCompare::ult, magnitude, constant(0x7f800000))));
  return e.select(inRange, rounded, v[0]);
}

// Dynamic quantization (dialect/interfaces/scalar.cpp) without tables: number q of a map, counted from zero and without
// its sign, has its decade as the exponent of q, and its part of the decade as the fraction. Where all numbers are
// positive the first decade has two, so that q is one more than the code.
struct DynamicMap {
  bool bothSigns;
  int top() const { return bothSigns ? 6 : 7; }  // exponent of q in the decade below one
  int first() const { return top() - 6; }
  double unit(int exponent) const { return std::pow(10, exponent - top()); }  // where the decade ends
  int zero() const { return first(); }
};

// 10^(q's exponent - top) * (0.1 + 0.9 * (fraction + half a part)).
Value dynamicMagnitude(Emitter &e, DynamicMap map, Value q) {
  Type word = wordOf(e, q);
  auto constant = [&](int64_t bits) { return e.constant(word, double(bits)); };
  auto mask = [&](Value x, int64_t bits) { return Value(e.b.create<arith::AndIOp>(x, constant(bits))); };
  Value bits = e.bitcast(word, q), exponent = mask(bits, 0x7f800000);
  Value mantissa = e.bitcast(q.getType(), e.add(mask(bits, 0x7fffff), constant(0x3f800000)));
  Value part = e.bitcast(q.getType(), e.sub(constant(254 << 23), exponent));  // 2^-exponent
  Value fraction = e.subf(mantissa, number(e, q, 1));
  Value value = e.fma(fraction, number(e, q, 0.9), e.fma(part, number(e, q, 0.45), number(e, q, 0.1)));
  Value biased = e.add(exponent, constant(1 << 23));  // of 127: the exponent's own bits begin at zero
  for (int bit = 0; bit < 3; ++bit) {
    Value set = e.cmp(Emitter::IntCompare::ne, mask(biased, int64_t(1) << (23 + bit)), constant(0));
    value = e.mulf(value, e.select(set, number(e, q, std::pow(10, 1 << bit)), number(e, q, 1)));
  }
  value = e.mulf(value, number(e, q, map.unit(0)));
  value = e.select(e.cmpf(Float::OGT, q, number(e, q, double((2 << map.top()) - 1))), number(e, q, 1), value);
  return e.select(e.cmpf(Float::OGT, q, number(e, q, map.zero())), value, number(e, q, 0));
}

// The parts of a decade meet halfway between their numbers; decades themselves, and the ends, do not.
Value nearestDynamic(Emitter &e, DynamicMap map, Value magnitude) {
  auto scaleOf = [&](int exponent) { return std::ldexp(1 / (0.9 * map.unit(exponent)), exponent); };
  Value scale = number(e, magnitude, scaleOf(map.first())), base = number(e, magnitude, 1 << map.first());
  for (int exponent = map.first(); exponent < map.top(); ++exponent) {
    double border = map.unit(exponent) * (1 + std::ldexp(0.9, -exponent));
    Value above = e.cmpf(Float::OGT, magnitude, number(e, magnitude, border));
    scale = e.select(above, number(e, magnitude, scaleOf(exponent + 1)), scale);
    base = e.select(above, number(e, magnitude, 2 << exponent), base);
  }
  Value q = floorOf(e, e.fma(scale, magnitude, e.mulf(base, number(e, magnitude, 8.0 / 9))));
  q = e.minf(q, e.subf(e.addf(base, base), number(e, magnitude, 1)));
  Value one = number(e, magnitude, 1 - std::ldexp(0.225, -map.top()));
  q = e.select(e.cmpf(Float::OGT, magnitude, one), number(e, magnitude, 2 << map.top()), q);
  double least = map.unit(map.first()) * (0.1 + std::ldexp(0.45, -map.first()));
  return e.select(e.cmpf(Float::OGT, magnitude, number(e, magnitude, least / 2)), q, number(e, magnitude, map.zero()));
}

constexpr double dynamicZero = 127;  // code of zero, both signs
Value dynamicValue(Emitter &e, ValueRange v) {
  Value q = e.subf(v[0], number(e, v[0], dynamicZero)), magnitude = dynamicMagnitude(e, {true}, absolute(e, q));
  return e.select(e.cmpf(Float::OLT, q, number(e, q, 0)), e.negf(magnitude), magnitude);
}
Value dynamicValuePositive(Emitter &e, ValueRange v) {
  return dynamicMagnitude(e, {false}, e.addf(v[0], number(e, v[0], 1)));
}
Value dynamicCode(Emitter &e, ValueRange v) {
  Value q = nearestDynamic(e, {true}, absolute(e, v[0])), zero = number(e, q, dynamicZero);
  Value below = e.maxf(e.subf(zero, q), number(e, q, 0));  // there is no -1
  return e.select(e.cmpf(Float::OLT, v[0], number(e, q, 0)), below, e.addf(zero, q));
}
Value dynamicCodePositive(Emitter &e, ValueRange v) {
  return e.subf(nearestDynamic(e, {false}, e.maxf(v[0], number(e, v[0], 0))), number(e, v[0], 1));
}

// See dialect/interfaces/scalar.cpp.
Value randomOf(Emitter &e, ValueRange operands) {
  Type word = wordOf(e, operands[0]);
  auto mul = [&](Value x, Value y) { return Value(e.b.create<arith::MulIOp>(x, y)); };
  auto down = [&](Value x, int64_t bits) {
    return Value(e.b.create<arith::ShRUIOp>(x, e.constant(word, double(bits))));
  };
  Values v;
  for (Value operand : operands)
    v.push_back(e.add(mul(e.b.create<arith::FPToSIOp>(word, operand), e.constant(word, 1664525)),
                      e.constant(word, 1013904223)));
  auto stir = [&] {
    for (int i = 0; i < 3; ++i) v[i] = e.add(v[i], mul(v[(i + 1) % 3], v[(i + 2) % 3]));
  };
  stir();
  for (Value &value : v) value = e.b.create<arith::XOrIOp>(value, down(value, 16));
  stir();
  Value number24 = e.b.create<arith::SIToFPOp>(operands[0].getType(), down(v[0], 8));
  return e.mulf(number24, number(e, operands[0], 0x1p-24));
}
Value stochasticBf16(Emitter &e, ValueRange v) {
  Type word = wordOf(e, v[0]);
  Value noise = e.b.create<arith::FPToSIOp>(word, e.mulf(v[1], number(e, v[1], 65536)));
  Value kept = e.b.create<arith::AndIOp>(e.add(e.bitcast(word, v[0]), noise), e.constant(word, -65536));
  Value isFinite = e.cmpf(Float::OLT, absolute(e, v[0]), number(e, v[0], infinity));
  return e.select(isFinite, e.bitcast(v[0].getType(), kept), v[0]);
}

const ScalarRow scalarRows[] = {
    {"add", [](Emitter &e, ValueRange v) { return e.addf(v[0], v[1]); }},
    {"sub", [](Emitter &e, ValueRange v) { return e.subf(v[0], v[1]); }},
    {"mul", [](Emitter &e, ValueRange v) { return e.mulf(v[0], v[1]); }},
    {"div", [](Emitter &e, ValueRange v) { return e.divf(v[0], v[1]); }},
    {"neg", [](Emitter &e, ValueRange v) { return e.negf(v[0]); }},
    {"max", [](Emitter &e, ValueRange v) { return e.maxf(v[0], v[1]); }},
    {"min", [](Emitter &e, ValueRange v) { return e.minf(v[0], v[1]); }},
    {"pow", [](Emitter &e, ValueRange v) { return emitPow(e, v[0], v[1]); }},
    {"exp", unary<emitExp>},
    {"log", unary<emitLog>},
    {"tanh", unary<emitTanh>},
    {"logistic", unary<emitLogistic>},
    {"erf", unary<emitErf>},
    {"sin", unary<emitSin>},
    {"cos", unary<emitCos>},
    {"abs", unary<absolute>},
    {"floor", unary<floorOf>},
    {"e4m3", e4m3},
    {"bf16", [](Emitter &e, ValueRange v) { return e.rounded(DType::bf16, v[0]); }},
    {"random", randomOf},
    {"stochastic_bf16", stochasticBf16},
    {"dynamic_value", dynamicValue},
    {"dynamic_value_positive", dynamicValuePositive},
    {"dynamic_code", dynamicCode},
    {"dynamic_code_positive", dynamicCodePositive},
    {"sqrt", [](Emitter &e, ValueRange v) { return e.sqrt(v[0]); }},
    {"rsqrt", [](Emitter &e, ValueRange v) { return e.divf(number(e, v[0], 1), e.sqrt(v[0])); }},
    {"stop", [](Emitter &, ValueRange v) { return v[0]; }},
    {"eq", compare<Float::OEQ>},
    {"ge", compare<Float::OGE>},
    {"lt", compare<Float::OLT>},
    {"select",
     [](Emitter &e, ValueRange v) { return e.select(e.cmpf(Float::UNE, v[0], number(e, v[0], 0)), v[1], v[2]); }},
};
const ScalarRow *findRow(std::string_view name) {
  for (auto &row : scalarRows)
    if (row.name == name) return &row;
  return nullptr;
}

// x to a literal power that needs no logarithm: integers by squaring, a half by a root.
Value literalPower(Emitter &e, Value x, double power) {
  double whole = std::abs(power);
  if (whole == 0.5) return power < 0 ? e.divf(number(e, x, 1), e.sqrt(x)) : e.sqrt(x);
  if (whole != std::floor(whole) || whole < 1 || whole > 8) return {};
  Value result, square = x;
  for (int64_t left = int64_t(whole); left; left >>= 1) {
    if (left & 1) result = result ? e.mulf(result, square) : square;
    if (left > 1) square = e.mulf(square, square);
  }
  return power < 0 ? e.divf(number(e, x, 1), result) : result;
}

}  // namespace

Value emitScalar(Emitter &e, std::string_view name, ValueRange operands) {
  const ScalarRow *row = findRow(name);
  return row ? row->emit(e, operands) : Value();
}

Value emitExpr(Emitter &e, const index::ExprPtr &expr, int64_t width,
               llvm::function_ref<Value(const index::Expr &)> leaf) {
  using Kind = index::Expr::Kind;
  if (expr->kind == Kind::Number) return e.constant(e.f(width), expr->number);
  if (expr->kind != Kind::Call) return leaf(*expr);
  Values operands;
  for (auto &argument : expr->arguments) operands.push_back(emitExpr(e, argument, width, leaf));
  std::string_view name = expr->function->name;
  if (name == "pow" && expr->arguments[1]->kind == Kind::Number)
    if (Value power = literalPower(e, operands[0], expr->arguments[1]->number)) return power;
  return emitScalar(e, name, operands);
}

Status checkExpr(const index::ExprPtr &expr) {
  std::string missing;
  index::walk(expr, [&](const index::Expr &node) {
    if (node.kind == index::Expr::Call && !findRow(node.function->name)) missing = node.function->name;
    if (node.kind == index::Expr::Attribute) missing = "%" + node.attribute;
  });
  if (missing.empty()) return success();
  return diagnose(ErrorKind::internal, "kernels")
      .says("the scalar function '" + missing + "' has no code")
      .toFix("add a row to scalarRows in compiler/kernels/vector_math.cpp");
}

}  // namespace llc::kernels
