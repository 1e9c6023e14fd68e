// Every elementary function over millions of bit patterns, special values included, in units in the last place against
// the double-precision library.
#include "compiler/kernels/vector_math.h"

#include "harness.h"

namespace llc::kernels {
namespace {

constexpr int64_t rowLength = 4099;  // vectors and a remainder

struct VectorMathTest : KernelTest {
  using Function = Value (*)(Emitter &, Value);
  using Reference = double (*)(double);

  void compileFunction(Function function) {
    compile([&](Emitter &e) {
      return e.kernel("f", "f", 2, {}, [&](const KernelArguments &in) {
        Value offset = e.mul(in.chunk, rowLength * 4);
        Value from = e.gep(in.pointers[0], offset), to = e.gep(in.pointers[1], offset);
        e.vectorLoop(e.c64(0), e.c64(rowLength), [&](Value i, int64_t width) {
          e.store(function(e, e.load(e.f(width), e.gep(from, e.mul(i, 4)))), e.gep(to, e.mul(i, 4)));
        });
      });
    });
  }
  // Units in the last place of f32 between `got` and the exact value.
  static double error(float got, double exact) {
    if (std::isnan(exact)) return std::isnan(got) ? 0 : INFINITY;
    float nearest = float(exact);
    if (std::isinf(nearest) || std::isinf(got))
      return got == nearest ? 0 : std::isinf(got) == std::isinf(nearest) ? INFINITY : 1;
    int exponent = std::max(std::ilogb(exact == 0 ? 1e-300 : exact), -126);
    return std::abs(double(got) - exact) / std::ldexp(1.0, exponent - 23);
  }
  static std::vector<float> sweep(float limit) {
    std::vector<float> values = {0.f,       -0.f,      1.f,         -1.f,        INFINITY,        -INFINITY,
                                 NAN,       0x1p-149f, -0x1p-149f,  0x1p-126f,   0x1.fffffep127f, -0x1.fffffep127f,
                                 88.72283f, 88.72284f, -87.33655f,  -103.97208f, -104.1f,         0.625f,
                                 0.95f,     4.f,       0.99999994f, 1.0000001f};
    for (uint64_t bits = 0; bits < (1ull << 32); bits += 1021) values.push_back(std::bit_cast<float>(uint32_t(bits)));
    if (limit < INFINITY)
      std::erase_if(values, [&](float x) { return !(std::abs(x) <= limit) && !std::isnan(x) && !std::isinf(x); });
    // Most bit patterns are tiny or huge: add where functions are interesting.
    for (int i = 0; i < 2000000; i++) values.push_back(std::min(limit, 110.f) * (float(i) / 1000000 - 1));
    for (int i = 0; i < 500000; i++) values.push_back(5 * (float(i) / 250000 - 1));
    if (limit < INFINITY)
      for (int i = 0; i < 500000; i++) values.push_back(limit * (float(i) / 250000 - 1));
    while (values.size() % rowLength) values.push_back(0.5f);
    return values;
  }
  void check(const char *name, Function function, Reference reference, double limit, float range = INFINITY) {
    compileFunction(function);
    std::vector<float> x = sweep(range), y(x.size());
    run({x.data(), y.data()}, int64_t(x.size()) / rowLength);
    double worst = 0;
    float at = 0;
    for (size_t i = 0; i < x.size(); i++) {
      double e = error(y[i], reference(double(x[i])));
      if (!(e <= worst)) worst = e, at = x[i];
    }
    printf("    %-10s %-14s worst error %.3f ulp at %a\n", name, GetParam().name.c_str(), worst, double(at));
    EXPECT_LE(worst, limit) << name << "(" << at << ")";
  }
};

double logistic(double x) { return 1 / (1 + std::exp(-x)); }
// sinf and cosf of infinities are NaN, as are those of the library.
double sine(double x) { return std::sin(x); }
double cosine(double x) { return std::cos(x); }

TEST_P(VectorMathTest, WithinTwoUnits) {
  check("exp", emitExp, std::exp, 2);
  check("exp2", emitExp2, std::exp2, 2);
  check("log", emitLog, std::log, 2);
  check("tanh", emitTanh, std::tanh, 2);
  check("logistic", emitLogistic, logistic, 2);
  check("erf", emitErf, std::erf, 2);
  check("sin", emitSin, sine, 2, 1e5f);
  check("cos", emitCos, cosine, 2, 1e5f);
}

TEST_P(VectorMathTest, FlushingExponential) {
  check("exp2 flush", emitExp2Flush, [](double x) { return x < -126 ? 0.0 : std::exp2(x); }, 2, 126);
  compileFunction(emitExp2Flush);
  std::vector<float> x(rowLength, -INFINITY), y(rowLength);
  run({x.data(), y.data()}, 1);
  EXPECT_EQ(y[0], 0);
  EXPECT_EQ(y.back(), 0);
}

TEST_P(VectorMathTest, ExactFunctions) {
  auto scalar = [](const char *name) { return index::call(name, {index::operand(0)}); };
  struct Exact {
    const char *name;
    float (*reference)(float);
  };
  for (Exact f : {Exact{"sqrt", std::sqrt}, Exact{"abs", std::abs}, Exact{"floor", std::floor},
                  Exact{"neg", [](float x) { return -x; }}}) {
    RowProgramSpec spec{
        {{"x", {-1, rowLength}}}, {{"y", {-1, rowLength}}}, {}, index::parse("y[ti] = x[ti]")->statements};
    spec.statements[0].body = scalar(f.name);
    compile([&](Emitter &e) { return emitRowProgram(e, spec); });
    std::vector<float> x = sweep(INFINITY), y(x.size());
    run({x.data(), y.data()}, int64_t(x.size()) / rowLength);
    for (size_t i = 0; i < x.size(); i++) {
      float want = f.reference(x[i]);
      ASSERT_TRUE(y[i] == want || (std::isnan(y[i]) && std::isnan(want)))
          << f.name << " " << x[i] << " " << y[i] << " " << want;
    }
  }
}

TEST_P(VectorMathTest, Power) {
  RowProgramSpec spec{
      {{"x", {-1, 64}}, {"e", {-1, 64}}}, {{"y", {-1, 64}}}, {}, index::parse("y[ti] = pow(x[ti],e[ti])")->statements};
  compile([&](Emitter &e) { return emitRowProgram(e, spec); });
  auto x = randomFloats(64 * 256, 1, 3), exponent = randomFloats(x.size(), 2, 2);
  for (size_t i = 0; i < x.size(); i++) {
    if (i % 3 == 0) exponent[i] = std::round(exponent[i]);
    if (i % 50 == 0) x[i] = 0;
    if (i % 61 == 0) exponent[i] = 0;
  }
  std::vector<float> y(x.size());
  run({x.data(), exponent.data(), y.data()}, 256);
  for (size_t i = 0; i < x.size(); i++) {
    double want = std::pow(double(x[i]), double(exponent[i]));
    double bound = 4 + std::abs(exponent[i] * std::log(std::abs(x[i]) + 1e-30)) * 2;
    if (std::isfinite(want))
      ASSERT_LE(error(y[i], want), bound) << x[i] << "^" << exponent[i];
    else
      ASSERT_EQ(std::isnan(y[i]), std::isnan(want)) << x[i] << "^" << exponent[i];
  }
}

// Bit for bit the reference's.
TEST_P(VectorMathTest, EightBitFloats) {
  RowProgramSpec spec{
      {{"x", {-1, 64}}, {"m", {-1, 64}}}, {{"y", {-1, 64}}}, {}, index::parse("y[ti] = e4m3(x[ti],m[ti])")->statements};
  compile([&](Emitter &e) { return emitRowProgram(e, spec); });
  std::vector<float> x, most;
  for (float b : {1.f, 1.75f, 1.7500001f, 448.f, 0.02f, 3e-5f, 1e30f, 1e-31f, INFINITY, 0.f})
    for (float a : randomFloats(62, 3, 2)) {
      for (float size : {b, b * 0x1p-14f, b * 0x1p-17f})
        x.push_back(std::isfinite(b) && b > 0 ? a * size : a), most.push_back(b);
    }
  while (x.size() % 64) x.push_back(-0.f), most.push_back(-2.f);
  std::vector<float> y(x.size());
  run({x.data(), most.data(), y.data()}, int64_t(x.size()) / 64);
  for (size_t i = 0; i < x.size(); i++) {
    double operands[] = {x[i], most[i]};
    ASSERT_EQ(y[i], float(index::findScalar("e4m3")->evaluate(operands))) << x[i] << " of " << most[i];
  }
}

TEST_P(VectorMathTest, RoundingToBf16) {
  RowProgramSpec spec{{{"x", {-1, 64}}}, {{"y", {-1, 64}}}, {}, index::parse("y[ti] = bf16(x[ti])")->statements};
  compile([&](Emitter &e) { return emitRowProgram(e, spec); });
  std::vector<float> x = randomFloats(120, 3, 2), y(128);
  for (float value : {1.00390625f, 1.01171875f, 1e-40f, 3.4e38f, INFINITY, -0.f, 0.f, -1.0039063f}) x.push_back(value);
  run({x.data(), y.data()}, 2);
  for (size_t i = 0; i < x.size(); i++) {
    double operand = x[i];
    ASSERT_EQ(y[i], float(index::findScalar("bf16")->evaluate(&operand))) << x[i];
  }
}

// Codes and numbers of dynamic quantization, read and written as bytes.
TEST_P(VectorMathTest, DynamicQuantization) {
  for (std::string suffix : {"", "_positive"}) {
    SCOPED_TRACE(suffix);
    auto reference = [&](const char *stem, double x) { return index::findScalar(stem + suffix)->evaluate(&x); };
    auto spec = [&](const std::string &stem, DType from, DType to) {
      return RowProgramSpec{{{"x", {-1, 64}, from}},
                            {{"y", {-1, 64}, to}},
                            {},
                            index::parse("y[ti] = " + stem + suffix + "(x[ti])")->statements};
    };
    std::vector<uint8_t> all(256), codes;
    std::iota(all.begin(), all.end(), uint8_t(0));
    std::vector<float> numbers(256), x;
    compile([&](Emitter &e) { return emitRowProgram(e, spec("dynamic_value", DType::u8, DType::f32)); });
    run({all.data(), numbers.data()}, 4);
    for (size_t code = 0; code < 256; code++) {
      double want = reference("dynamic_value", double(code));
      EXPECT_NEAR(numbers[code], want, 1e-6 * std::abs(want)) << code;
    }
    // Numbers of the map, what lies closely beside the middle between two, and whatever else.
    for (size_t code = 0; code < 256; code++)
      for (float weight : {1.f, 0.5005f, 0.4995f})
        x.push_back(numbers[code] * weight + numbers[std::min<size_t>(code + 1, 255)] * (1 - weight));
    for (float value : randomFloats(508, 3, 1)) x.push_back(suffix.empty() ? value : std::abs(value));
    for (float value : {0.f, -0.f, 1.f, 1e-30f}) x.push_back(value);
    codes.resize(x.size());
    compile([&](Emitter &e) { return emitRowProgram(e, spec("dynamic_code", DType::f32, DType::u8)); });
    run({x.data(), codes.data()}, int64_t(x.size()) / 64);
    for (size_t i = 0; i < x.size(); i++) ASSERT_EQ(double(codes[i]), reference("dynamic_code", x[i])) << x[i];
  }
}

// Bit for bit the reference's.
TEST_P(VectorMathTest, RandomRounding) {
  RowProgramSpec spec{{{"x", {-1, 67}}, {"i", {-1}}, {"k", {-1, 67}}},
                      {{"u", {-1, 67}}, {"y", {-1, 67}}},
                      {},
                      index::parse("u[ti] = random(i[t],k[ti],5); y[ti] = stochastic_bf16(x[ti],u[ti])")->statements};
  compile([&](Emitter &e) { return emitRowProgram(e, spec); });
  constexpr size_t rows = 64;
  std::vector<float> x = randomFloats(67 * rows, 5, 1e-3f), row(rows), column(x.size()), u(x.size()), y(x.size());
  for (size_t i = 0; i < x.size(); i++) row[i / 67] = float(i / 67 * 262143), column[i] = float(i);
  x[0] = INFINITY, x[1] = -INFINITY, x[2] = -0.f, x[3] = 1e-40f;
  run({x.data(), row.data(), column.data(), u.data(), y.data()}, rows);
  for (size_t i = 0; i < x.size(); i++) {
    double operands[] = {row[i / 67], column[i], 5}, pair[] = {x[i], u[i]};
    ASSERT_EQ(u[i], index::findScalar("random")->evaluate(operands)) << i;
    ASSERT_EQ(y[i], index::findScalar("stochastic_bf16")->evaluate(pair)) << x[i];
  }
}

TEST(VectorMathTable, EveryScalarFunctionHasCode) {
  for (const index::ScalarFunction &function : index::scalarTable()) {
    std::vector<index::ExprPtr> operands;
    for (int i = 0; i < function.arity; i++) operands.push_back(index::operand(i));
    Status known = checkExpr(index::call(function.name, operands));
    EXPECT_TRUE(known.ok()) << known.error().text();
  }
}

INSTANTIATE_TEST_SUITE_P(Levels, VectorMathTest, testing::ValuesIn(testTargets()), targetName);

}  // namespace
}  // namespace llc::kernels
