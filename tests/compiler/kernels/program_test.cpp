// Row programs and derived loops against the evaluation of the same statements in double.
#include "harness.h"

namespace llc::kernels {
namespace {

struct ProgramCase {
  std::string name, text;
  std::vector<RowProgramSpec::Value> inputs, outputs;
  int64_t integerLimit = 0;  // values of integer inputs: [-1, integerLimit)
};

struct ProgramTest : KernelTest {
  static RowProgramSpec specOf(const ProgramCase &test) {
    auto parsed = index::parse(test.text);
    EXPECT_TRUE(parsed.ok()) << parsed.error().text();
    return {test.inputs, test.outputs, {}, parsed->statements};
  }

  // Static shapes: by the kernel for those.
  void checkStatic(const ProgramCase &test, Status (*fits)(const RowProgramSpec &),
                   KernelFunction (*emit)(Emitter &, const RowProgramSpec &)) {
    SCOPED_TRACE(test.name);
    RowProgramSpec spec = specOf(test);
    Status status = fits(spec);
    ASSERT_TRUE(status.ok()) << status.error().text();
    compile([&](Emitter &e) { return emit(e, spec); });
    if (!HasFatalFailure()) compare(spec, test, 1);
  }

  void check(const ProgramCase &test, bool loops, std::vector<int64_t> rowCounts) {
    SCOPED_TRACE(test.name + (loops ? " by loops" : " by rows"));
    RowProgramSpec spec = specOf(test);
    if (!loops) {
      Status fits = checkRowProgram(spec);
      ASSERT_TRUE(fits.ok()) << fits.error().text();
    }
    compile([&](Emitter &e) { return loops ? emitLoops(e, spec) : emitRowProgram(e, spec); });
    for (int64_t rows : rowCounts)
      if (!HasFatalFailure()) compare(spec, test, rows);
  }

  void compare(const RowProgramSpec &spec, const ProgramCase &test, int64_t rows) {
    std::map<std::string, index::Tensor> tensors;
    std::vector<Buffer> buffers;
    std::vector<void *> pointers;
    buffers.reserve(spec.inputs.size() + spec.outputs.size());
    auto concrete = [&](std::vector<int64_t> shape) {
      for (auto &extent : shape) extent = extent < 0 ? rows : extent;
      return shape;
    };
    auto sizeOf = [](const std::vector<int64_t> &shape) {
      size_t size = 1;
      for (int64_t extent : shape) size *= size_t(extent);
      return size;
    };
    for (auto &input : spec.inputs) {
      auto shape = concrete(input.shape);
      auto values = randomFloats(sizeOf(shape), uint32_t(buffers.size()) + 1);
      std::mt19937 generator(3);
      if (input.type == DType::i32)
        for (auto &value : values) value = float(int64_t(generator() % uint64_t(test.integerLimit + 1)) - 1);
      buffers.emplace_back(input.type, values);
      std::vector<double> exact;
      for (size_t i = 0; i < values.size(); i++) exact.push_back(buffers.back()[i]);
      tensors[input.name] = index::Tensor(shape, exact);
    }
    for (auto &output : spec.outputs) buffers.emplace_back(output.type, sizeOf(concrete(output.shape)));
    for (auto &buffer : buffers) pointers.push_back(buffer.data());
    run(pointers, rows);
    for (auto &statement : spec.statements) {
      std::vector<index::Tensor> operands;
      for (auto &name : statement.inputNames) operands.push_back(tensors.at(name));
      std::vector<int64_t> declared;
      for (auto &output : spec.outputs)
        if (output.name == statement.name) declared = concrete(output.shape);
      auto value = index::evaluate(statement, operands, declared.empty() ? nullptr : &declared);
      ASSERT_TRUE(value.ok()) << value.error().text();
      tensors[statement.name] = *value;
    }
    for (size_t o = 0; o < spec.outputs.size(); o++) {
      Buffer &buffer = buffers[spec.inputs.size() + o];
      ASSERT_TRUE(buffer.intact());
      auto want = tensors.at(spec.outputs[o].name).values();
      double tolerance = spec.outputs[o].type == DType::f32 ? 2e-5 : spec.outputs[o].type == DType::f16 ? 2e-3 : 1e-2;
      for (size_t i = 0; i < want.size(); i++)
        ASSERT_NEAR(buffer[i], want[i], tolerance * std::max(1.0, std::abs(want[i])))
            << spec.outputs[o].name << " " << i << " rows " << rows;
    }
  }
};

const std::vector<ProgramCase> rowCases = {
    {"rms_norm",
     "q[t] = sum[i] x[ti]*x[ti]/#i; r[t] = rsqrt(q[t]+0.00001); y[ti] = x[ti]*r[t]*w[i]",
     {{"x", {-1, 103}}, {"w", {103}, DType::bf16}},
     {{"y", {-1, 103}}}},
    {"layer_norm",
     "m[t] = sum[i] x[ti]/#i; d[ti] = x[ti]-m[t]; v[t] = sum[i] d[ti]*d[ti]/#i; y[ti] = "
     "d[ti]*rsqrt(v[t]+0.001)*w[i]+b[i]",
     {{"x", {-1, 64}}, {"w", {64}, DType::f16}, {"b", {64}}},
     {{"y", {-1, 64}}}},
    {"softmax",
     "m[t] = max[i] x[ti]; e[ti] = exp(x[ti]-m[t]); s[t] = sum[i] e[ti]; y[ti] = e[ti]/s[t]",
     {{"x", {-1, 200}}},
     {{"y", {-1, 200}}}},
    {"logsumexp",
     "m[t] = max[i] x[ti]; s[t] = sum[i] exp(x[ti]-m[t]); y[t] = log(s[t])+m[t]",
     {{"x", {-1, 77}}},
     {{"y", {-1}}}},
    {"silu_chain",
     "a[ti] = x[ti]*logistic(x[ti]); c[ti] = a[ti]*u[ti]; y[ti] = c[ti]+r[ti]; z[ti] = tanh(y[ti])",
     {{"x", {-1, 50}}, {"u", {-1, 50}}, {"r", {-1, 50}}},
     {{"y", {-1, 50}}, {"z", {-1, 50}, DType::bf16}}},
    {"head_norm",
     "q[th] = sum[d] x[thd]*x[thd]; y[thd] = x[thd]*rsqrt(q[th]/#d+0.00001)*(1+w[d])",
     {{"x", {-1, 3, 40}}, {"w", {40}}},
     {{"y", {-1, 3, 40}, DType::f16}}},
    {"two_reduced", "y[t] = sum[hd] x[thd]*w[dh]", {{"x", {-1, 5, 24}}, {"w", {24, 5}}}, {{"y", {-1}}}},
    {"transpose", "y[tdh] = x[thd]", {{"x", {-1, 6, 20}}}, {{"y", {-1, 20, 6}}}},
    {"columns", "y[tn] = sum[k] x[tk]*w[kn]", {{"x", {-1, 9}}, {"w", {9, 37}}}, {{"y", {-1, 37}}}},
    {"minimum_product",
     "p[t] = prod[i] (1+x[ti]*0.01); m[t] = min[i] x[ti]; y[ti] = p[t]+m[t]*x[ti]",
     {{"x", {-1, 35}}},
     {{"y", {-1, 35}}}},
    {"positions", "y[ti] = cos(p[t]*f[i])*0.5 + @i/#i", {{"p", {-1}, DType::i32}, {"f", {20}}}, {{"y", {-1, 20}}}, 40},
    {"row_invariant",
     "g[i] = exp(w[i]); s[] = sum[i] w[i]; y[ti] = x[ti]*g[i]+s[]",
     {{"x", {-1, 30}}, {"w", {30}}},
     {{"y", {-1, 30}}}},
    {"unit_dimension", "s[t1] = max[i] x[ti]; y[ti] = x[ti]-s[t1]", {{"x", {-1, 21}}}, {{"y", {-1, 21}}}},
    {"row_number", "y[t] = 2*x[t]+1; z[t] = y[t]*y[t]", {{"x", {-1}}}, {{"y", {-1}}, {"z", {-1}}}},
    {"choice",
     "y[ti] = select(lt(x[ti],0), 0-x[ti], pow(x[ti],3)) + eq(@i,l[t]) + floor(x[ti]) + min(x[ti],0.25)",
     {{"x", {-1, 18}}, {"l", {-1}, DType::i32}},
     {{"y", {-1, 18}}},
     17},
};

TEST_P(ProgramTest, RowPrograms) {
  for (auto &test : rowCases)
    if (!HasFatalFailure()) check(test, false, {1, 5, 70});
}
TEST_P(ProgramTest, SingleStatementsByLoops) {
  for (auto &test : rowCases)
    if (!HasFatalFailure() && test.text.find(';') == std::string::npos) check(test, true, {1, 9});
}

const std::vector<ProgramCase> loopCases = {
    {"convolution", "y[bid] = sum[kc] x[b(2i+k-1)c]*w[kcd]", {{"x", {3, 11, 2}}, {"w", {3, 2, 4}}}, {{"y", {3, 5, 4}}}},
    {"gather", "y[nd] = x[{1}d]*g[n]", {{"x", {10, 7}}, {"g", {-1}, DType::i32}}, {{"y", {-1, 7}}}, 10},
    {"scatter_add", "y[{1}d] = sum[n] x[nd]+0*i[n]", {{"x", {-1, 6}}, {"i", {-1}, DType::i32}}, {{"y", {9, 6}}}, 9},
    {"column_sum", "y[i] = sum[t] x[ti]", {{"x", {-1, 12}}}, {{"y", {12}}}},
    {"row_extent", "y[i] = sum[t] x[ti]/#t+@t", {{"x", {-1, 12}}}, {{"y", {12}}}},
    {"static_steps",
     "m[i] = max[j] x[ij]; s[i] = sum[j] exp(x[ij]-m[i]); y[ij] = exp(x[ij]-m[i])/s[i]",
     {{"x", {4, 9}}},
     {{"y", {4, 9}}}},
    {"causal_scores", "y[ts] = select(ge(@t,@s), sum_of[ts], -1)", {{"sum_of", {-1, 16}}}, {{"y", {-1, 16}}}},
};

TEST_P(ProgramTest, Loops) {
  for (auto &test : loopCases)
    if (!HasFatalFailure()) check(test, true, {1, 6});
}

const std::vector<ProgramCase> elementCases = {
    {"update",  // a momentum and a step: two results, numbers made on the way
     "c[] = 1-b[]*b[]; m[ij] = 0.9*n[ij]+0.1*g[ij]; y[ij] = x[ij]-r[1]*m[ij]/(c[]+sqrt(abs(m[ij])))",
     {{"x", {130, 67}}, {"g", {130, 67}}, {"n", {130, 67}}, {"b", {}}, {"r", {1}}},
     {{"m", {130, 67}}, {"y", {130, 67}, DType::bf16}}},
    {"vector", "y[i] = tanh(x[i])*#i", {{"x", {8200}, DType::f16}}, {{"y", {8200}}}},
    {"letters_differ", "a[pqr] = x[pqr]+1; y[abc] = a[abc]*x[abc]", {{"x", {3, 5, 2}}}, {{"y", {3, 5, 2}}}},
};
TEST_P(ProgramTest, ElementByElement) {
  for (auto &test : elementCases)
    if (!HasFatalFailure()) checkStatic(test, checkElementwise, emitElementwise);
}
// Every output over an input, also one that a later statement reads.
TEST_P(ProgramTest, ElementsInPlace) {
  ProgramCase test{"swap", "u[i] = a[i]+b[i]; v[i] = a[i]-b[i]", {{"a", {20000}}, {"b", {20000}}}, {{"u", {20000}}, {"v", {20000}}}};
  RowProgramSpec spec = specOf(test);
  compile([&](Emitter &e) { return emitElementwise(e, spec); });
  auto a = randomFloats(20000, 1), b = randomFloats(20000, 2), u = a, v = b;
  run({u.data(), v.data(), u.data(), v.data()}, 1);
  for (size_t i = 0; i < a.size(); i++) {
    ASSERT_EQ(u[i], a[i] + b[i]) << i;
    ASSERT_EQ(v[i], a[i] - b[i]) << i;
  }
}

const std::vector<ProgramCase> columnCases = {
    {"bias", "y[i] = sum[t] x[ti]", {{"x", {37, 1030}}}, {{"y", {1030}}}},
    {"norm_weight",
     "y[i] = sum[ts] g[tsi]*((x[tsi]-m[ts])*r[t]+#t)",
     {{"g", {4, 5, 45}}, {"x", {4, 5, 45}, DType::bf16}, {"m", {4, 5}}, {"r", {4}}},
     {{"y", {45}}}},
    {"largest", "y[i] = max[t] x[ti]*w[i]", {{"x", {9, 3}}, {"w", {3}}}, {{"y", {3}, DType::f16}}},
};
TEST_P(ProgramTest, SumsOfColumns) {
  for (auto &test : columnCases)
    if (!HasFatalFailure()) checkStatic(test, checkColumnSums, emitColumnSums);
}

TEST(ProgramCheck, StaticKernelsRefuseTheRest) {
  for (auto &test : rowCases) {
    EXPECT_FALSE(checkElementwise(ProgramTest::specOf(test)).ok()) << test.name;
    EXPECT_FALSE(checkColumnSums(ProgramTest::specOf(test)).ok()) << test.name;
  }
  for (const char *text : {"y[ij] = x[ji]", "y[ij] = x[ij]+@i", "y[ij] = x[ij]+w[j]", "y[ij] = sum[k] x[ik]*x[kj]"}) {
    ProgramCase test{text, text, {{"x", {4, 4}}, {"w", {4}}}, {{"y", {4, 4}}}};
    EXPECT_FALSE(checkElementwise(ProgramTest::specOf(test)).ok()) << text;
  }
}

TEST(ProgramCheck, SaysWhatDoesNotFit) {
  for (auto &test : loopCases) {
    bool isRowProgram = test.name == "static_steps" || test.name == "causal_scores";
    Status fits = checkRowProgram(ProgramTest::specOf(test));
    EXPECT_EQ(fits.ok(), isRowProgram) << test.name;
    if (!fits.ok()) EXPECT_NE(fits.error().text().find("emitLoops"), std::string::npos);
  }
}

INSTANTIATE_TEST_SUITE_P(Levels, ProgramTest, testing::ValuesIn(testTargets()), targetName);

}  // namespace
}  // namespace llc::kernels
