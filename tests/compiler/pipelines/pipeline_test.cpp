// Whole programs: every phase computes what the traced module means; compiled code equals the interpreter for every
// instruction set level, thread count and kind of batch.
#include "compiler/memory/frames.h"
#include "compiler/targets/target.h"
#include "mlir/IR/Verifier.h"
#include "program_harness.h"
#include "runtime/base/cpu.h"

using namespace llc;
using namespace llc::compiler;
using namespace llc::compiler::testing_support;

namespace {
std::string tinyText() { return readFile(LLC_SOURCE_DIR "/tests/compiler/pipelines/tiny_llama.mlir"); }
// The same with weights in another type.
std::string tinyText(const std::string &type) {
  std::string text = tinyText();
  for (const char *shape : {"48x32", "32x32", "16x32", "40x32", "32x40"})
    for (size_t at = 0; (at = text.find(std::string(shape) + "xf32", at)) != std::string::npos;)
      text.replace(at, std::string(shape).size() + 4, std::string(shape) + "x" + type);
  return text;
}
// Prefill of two sequences, decode of both, one goes on with a chunk while a third starts.
std::vector<Ragged> conversation() {
  return {Ragged({0, 0, 0}, {5, 9, 0}, 1), Ragged({5, 9, 0}, {1, 1, 0}, 2), Ragged({6, 10, 0}, {1, 3, 7}, 3),
          Ragged({7, 13, 7}, {1, 1, 1}, 4)};
}

struct Model {
  std::unique_ptr<mlir::MLIRContext> context = makeContext();
  mlir::OwningOpRef<mlir::ModuleOp> module, traced;
  explicit Model(const std::string &text) {
    module = mlir::parseSourceString<mlir::ModuleOp>(text, context.get());
    if (module) traced = mlir::OwningOpRef<mlir::ModuleOp>(module->clone());
  }
};

void expectProgramIsRight(const std::string &text, const std::string &target, int threads, double tolerance) {
  Model model(text);
  ASSERT_TRUE(model.module);
  RandomParameters parameters(*model.traced);
  CompileOptions options{.targets = {target}};
  options.verifyEach = true;
  auto compiled = compile(*model.module, options);
  ASSERT_TRUE(compiled.ok()) << compiled.error().text();
  auto program = loadProgram(*compiled, parameters.source(), {threads});
  ASSERT_TRUE(program.ok()) << program.error().text();
  CompiledProgram code(std::move(*program), threads);
  ReferenceProgram reference(*model.traced, parameters);
  for (const Ragged &batch : conversation()) {
    auto logits = reference.run("step", batch);
    expectNear(code.run("step", batch, int64_t(logits.size())), logits, tolerance, "step");
  }
  Ragged fresh({0}, {12}, 5);
  ReferenceProgram again(*model.traced, parameters);
  auto scores = again.run("score", fresh);
  expectNear(code.run("score", fresh, int64_t(scores.size())), scores, tolerance, "score");
  auto rows = ReferenceProgram(*model.traced, parameters).run("embed", fresh);
  expectNear(code.run("embed", fresh, int64_t(rows.size())), rows, tolerance, "embed");
}

struct Case {
  std::string target, type;
  int threads;
  friend void PrintTo(const Case &c, std::ostream *out) {
    *out << c.target << " " << c.type << " " << c.threads << " threads";
  }
};
class Programs : public testing::TestWithParam<Case> {};
TEST_P(Programs, equalTheInterpreter) {
  const Case &c = GetParam();
  auto level = parseIsa(c.target);
  if (level.ok() && !contains(hostCpu().level, *level)) GTEST_SKIP() << "this machine lacks " << c.target;
  expectProgramIsRight(c.type == "f32" ? tinyText() : tinyText(c.type), c.target, c.threads, 2e-5);
}
INSTANTIATE_TEST_SUITE_P(Levels, Programs,
                         testing::Values(Case{"generic", "f32", 1}, Case{"avx2", "f32", 1}, Case{"avx512", "f32", 1},
                                         Case{"native", "f32", 2}, Case{"native", "f32", 5}, Case{"native", "bf16", 2},
                                         Case{"native", "f16", 2}, Case{"generic", "bf16", 1}),
                         [](const auto &info) {
                           return info.param.target + "_" + info.param.type + "_" + std::to_string(info.param.threads);
                         });

TEST(Pipeline, everyTensorPhaseMeansTheSame) {
  for (Phase phase : {Phase::differentiated, Phase::sharded, Phase::quantized, Phase::fused, Phase::scheduled}) {
    Model model(tinyText());
    RandomParameters parameters(*model.traced);
    auto compiled = compile(*model.module, {.stopAfter = phase});
    ASSERT_TRUE(compiled.ok()) << compiled.error().text();
    ReferenceProgram before(*model.traced, parameters), after(*model.module, parameters);
    for (const Ragged &batch : conversation()) {
      auto expected = before.run("step", batch), actual = after.run("step", batch);
      expectNear({actual.begin(), actual.end()}, expected, 1e-6, std::string(phaseName(phase)));
    }
  }
}

TEST(Pipeline, everyPhaseCanBeLeftAndEnteredAgain) {
  auto whole = compileText(tinyText(), "tiny", {.targets = {"generic"}});
  ASSERT_TRUE(whole.ok()) << whole.error().text();
  for (Phase phase : {Phase::traced, Phase::differentiated, Phase::sharded, Phase::quantized, Phase::fused,
                      Phase::scheduled, Phase::vector, Phase::llvm}) {
    auto stopped = compileText(tinyText(), "tiny", {.targets = {"generic"}, .stopAfter = phase});
    ASSERT_TRUE(stopped.ok()) << stopped.error().text();
    ASSERT_FALSE(stopped->text.empty());
    EXPECT_TRUE(stopped->objects.empty());
    auto resumed = compileText(stopped->text, "resumed", {.targets = {"generic"}, .startAt = phase});
    ASSERT_TRUE(resumed.ok()) << phaseName(phase) << ": " << resumed.error().text();
    ASSERT_EQ(resumed->objects.size(), 1u);
    EXPECT_EQ(resumed->objects[0].bytes, whole->objects[0].bytes) << phaseName(phase);
    EXPECT_EQ(toJson(resumed->manifest), toJson(whole->manifest)) << phaseName(phase);
  }
}

TEST(Pipeline, severalTargetsMakeSeveralObjects) {
  auto compiled = compileText(tinyText(), "tiny", {.targets = {"avx512", "generic", "avx2"}});
  ASSERT_TRUE(compiled.ok()) << compiled.error().text();
  ASSERT_EQ(compiled->objects.size(), 3u);
  EXPECT_EQ(compiled->objects[0].target, "generic");
  EXPECT_EQ(compiled->manifest.levels, (std::vector<std::string>{"avx512", "avx2", "generic"}));
}

TEST(Pipeline, deterministicCodeLeavesTheTileUnitOut) {
  auto text = [](const char *target, bool deterministic) {
    auto compiled = compileText(tinyText("bf16"), "tiny",
                                {.targets = {target}, .stopAfter = Phase::vector, .deterministic = deterministic});
    EXPECT_TRUE(compiled.ok()) << compiled.error().text();
    return compiled.ok() ? compiled->text : "";
  };
  const char *tileProduct = "llvm.x86.tdpbf16ps";
  EXPECT_NE(text("amx", false).find(tileProduct), std::string::npos);
  EXPECT_EQ(text("amx", true).find(tileProduct), std::string::npos);
  for (const char *level : {"avx512", "avx512bf16"}) EXPECT_EQ(text(level, true), text(level, false));
}

TEST(Pipeline, theManifestDescribesTheProgram) {
  auto compiled = compileText(tinyText(), "tiny", {});
  ASSERT_TRUE(compiled.ok()) << compiled.error().text();
  const Manifest &m = compiled->manifest;
  EXPECT_EQ(m.model, "tiny");
  EXPECT_EQ(m.vocabulary, 48);
  EXPECT_EQ(m.caches.size(), 2u);
  ASSERT_NE(m.entry("step"), nullptr);
  EXPECT_EQ(m.entry("step")->inputs.size(), 3u);
  EXPECT_EQ(m.entry("step")->inputs[2].name, "rows");
  EXPECT_EQ(m.entry("step")->outputs[0].shape, (std::vector<int64_t>{dynamicSize(LLC_DIM_ROWS), 48}));
  EXPECT_GT(m.flopsPerToken, 2.0 * (2 * (32 * 32 * 2 + 16 * 32 * 2 + 3 * 40 * 32) + 48 * 32) * 0.99);
  auto parsed = parseManifest(toJson(m), "test");
  EXPECT_TRUE(parsed.ok()) << parsed.error().text();
  EXPECT_NE(compiled->memoryReport.find("frame of @block"), std::string::npos) << compiled->memoryReport;
}

// The tiny model with `layers` layers in all: further calls of @block with the first layer's parameters and cache.
std::string deeperText(int layers) {
  std::string text = tinyText();
  size_t begin = text.find("    %z = call @block(%y,"), end = text.find("    %n = ", begin);
  std::string call = text.substr(begin, end - begin), calls;
  std::string previous = "%y";
  for (int i = 2; i < layers; ++i) {
    std::string name = "%y" + std::to_string(i), more = call;
    more.replace(more.find("%z"), 2, name);
    more.replace(more.find("(%y,"), 4, "(" + previous + ",");
    calls += more, previous = name;
  }
  call.replace(call.find("(%y,"), 4, "(" + previous + ",");
  return text.replace(begin, end - begin, calls + call);
}

TEST(Pipeline, codeDoesNotGrowWithDepth) {
  auto shallow = compileText(deeperText(2), "shallow", {.targets = {"generic"}});
  auto deep = compileText(deeperText(16), "deep", {.targets = {"generic"}});
  ASSERT_TRUE(shallow.ok()) << shallow.error().text();
  ASSERT_TRUE(deep.ok()) << deep.error().text();
  EXPECT_LT(double(deep->objects[0].bytes.size()), 1.01 * double(shallow->objects[0].bytes.size()));
}

TEST(Pipeline, refusesWhatIsMarkedForPassesThatAreNotThere) {
  std::string text = tinyText();
  text.replace(text.find("llm.model"), 0, "llm.mesh = array<i64: 2, 2>, ");
  auto compiled = compileText(text, "meshed", {});
  ASSERT_FALSE(compiled.ok());
  EXPECT_NE(compiled.error().what.find("4 devices"), std::string::npos) << compiled.error().text();
}

TEST(Pipeline, phaseNamesAreChecked) {
  EXPECT_EQ(*parsePhase("scheduled"), Phase::scheduled);
  auto wrong = parsePhase("schedule");
  ASSERT_FALSE(wrong.ok());
  EXPECT_NE(wrong.error().what.find("'scheduled'"), std::string::npos) << wrong.error().text();
  auto order = compileText(tinyText(), "tiny", {.startAt = Phase::fused, .stopAfter = Phase::traced});
  EXPECT_FALSE(order.ok());
}

TEST(Pipeline, aSyntaxErrorNamesTheFileAndLine) {
  auto compiled = compileText("module {\n  llm.nonsense\n}\n", "broken.mlir", {});
  ASSERT_FALSE(compiled.ok());
  EXPECT_NE(compiled.error().what.find("broken.mlir\":2"), std::string::npos) << compiled.error().text();
}
}  // namespace
