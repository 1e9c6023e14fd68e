// Calls of blocks that repeat: loops over tables, which compute what the calls do one by one.
#include "compiler/lowering/call_runs.h"

#include "../pipelines/program_harness.h"

using namespace llc;
using namespace llc::compiler;
using namespace llc::compiler::testing_support;

namespace {
constexpr const char *type = "tensor<8xf32>";

// An entry that calls a block for each letter: m multiplies by a parameter of its own, a adds one, A adds always the
// same.
std::string programText(const std::string &letters) {
  std::string types = fmt::format("({0}, {0}) -> {0}", type), parameters, calls, blocks;
  parameters = fmt::format("llm.parameter @start : {0}\nllm.parameter @shared : {0}\n", type);
  for (size_t i = 0; i < letters.size(); ++i) {
    parameters += fmt::format("llm.parameter @p{} : {}\n", i, type);
    calls += fmt::format("%w{0} = llm.use @{1} : {2}\n", i, letters[i] == 'A' ? "shared" : fmt::format("p{}", i), type);
    calls += fmt::format("%y{} = call @{}(%y{}, %w{}) : {}\n", i + 1, letters[i] == 'm' ? "mul" : "add", i, i, types);
  }
  for (const char *op : {"mul", "add"})
    blocks += fmt::format(
        "func.func private @{0}(%x: {1}, %w: {1}) -> {1} {{\n%y = llm.{0} %x, %w : {2}\nreturn %y : {1}\n}}\n", op,
        type, types);
  return fmt::format(
      "module attributes {{llm.max_tokens = 8 : i64, llm.max_rows = 8 : i64}} {{\n{0}{1}func.func @f() -> {2} {{\n"
      "%y0 = llm.use @start : {2}\n{3}return %y{4} : {2}\n}}\n}}\n",
      parameters, blocks, type, calls, letters.size());
}

// Calls of blocks in the entry's code.
size_t callsIn(const std::string &letters) {
  auto compiled = compileText(programText(letters), letters, {.stopAfter = Phase::vector});
  EXPECT_TRUE(compiled.ok()) << compiled.error().text();
  std::string code = compiled->text.substr(compiled->text.find("func.func @f"));
  size_t count = 0;
  for (const char *name : {"call @mul(", "call @add("})
    for (size_t at = code.find(name); at != std::string::npos; at = code.find(name, at + 1)) ++count;
  return count;
}

// The first call differs from the others: no barrier is before it. The last one, too: it writes the entry's result.
struct Case {
  const char *letters;
  size_t calls;
};
class CallRuns : public testing::TestWithParam<Case> {};

TEST_P(CallRuns, areOneLoopEach) { EXPECT_EQ(callsIn(GetParam().letters), GetParam().calls); }

TEST_P(CallRuns, computeWhatTheCallsDo) {
  auto context = makeContext();
  auto module = mlir::parseSourceString<mlir::ModuleOp>(programText(GetParam().letters), context.get());
  ASSERT_TRUE(module);
  RandomParameters parameters(*module);
  Ragged batch({0}, {8}, 0);
  std::vector<double> expected = ReferenceProgram(*module, parameters).run("f", batch);
  auto compiled = compile(*module, {});
  ASSERT_TRUE(compiled.ok()) << compiled.error().text();
  for (int threads : {1, 3}) {
    auto loaded = loadProgram(*compiled, parameters.source(), {threads});
    ASSERT_TRUE(loaded.ok()) << loaded.error().text();
    expectNear(CompiledProgram(std::move(*loaded), threads).run("f", batch, 8), expected, 1e-6, GetParam().letters);
  }
}

INSTANTIATE_TEST_SUITE_P(Orders, CallRuns,
                         testing::Values(Case{"m", 1}, Case{"ma", 2}, Case{"mmmmmmmm", 3}, Case{"mAAAAA", 3},
                                         Case{"amamamama", 5}, Case{"maaaaaammm", 4}, Case{"mmmammmammma", 7}),
                         [](const auto &info) { return std::string(info.param.letters) + "_"; });
}  // namespace
