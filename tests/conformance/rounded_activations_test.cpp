// What products read is rounded to bf16 by the program, so it means the same everywhere: the interpreter, code of every
// level, many rows in a step and one, any number of threads.
#include <gtest/gtest.h>

#include "runtime/serve/session.h"
#include "tests/compiler/kernels/emulation.h"
#include "tests/conformance/program.h"
#include "tests/models/interpreted_model.h"

namespace llc::conformance {
namespace {
namespace fs = std::filesystem;

// Of the largest logit. Sums in other orders differ by some 1e-7; a value that lies so close to the middle between two
// numbers of bf16 becomes the other one, which is 2^-8 away: seldom enough that it stays far below the rounding itself,
// but no product of ten matrices is without.
constexpr double tolerance = 1e-3;

class RoundedActivations : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    fs::path directory = fs::path(LLC_SOURCE_DIR) / "tests/golden/architectures" / GetParam();
    auto opened = test::InterpretedModel::open(directory, {.dtype = DType::bf16});
    ASSERT_TRUE(opened.ok()) << opened.error().text();
    model = std::move(*opened);
    model->environment.roundToType = true;
    const dsl::Model &m = model->source.model;
    int64_t length = m.positionsAreLearned ? std::min<int64_t>(40, m.maxPositions) : 40;
    for (int64_t i = 0; i < length; ++i) ids.push_back(int32_t((i * 37 + 11) % m.vocabulary));
  }
  // Of all rows.
  std::vector<double> interpreted() {
    auto logits = model->run("step", {{std::vector<int64_t>(ids.begin(), ids.end()), 0}});
    EXPECT_TRUE(logits.ok()) << logits.error().text();
    return logits.ok() ? std::vector<double>(logits->values().begin(), logits->values().end()) : std::vector<double>();
  }
  // The code of a level above the host's, its instructions for bf16 in software. It holds addresses of this process.
  static Result<compiler::CompiledModule> compileEmulated(mlir::ModuleOp module, const std::string &level) {
    mlir::OwningOpRef<mlir::ModuleOp> copy(module.clone());
    LLC_ASSIGN(compiler::CompiledModule vectors,
               compiler::compile(*copy, {.targets = {level}, .stopAfter = compiler::Phase::vector}));
    auto code = parse(vectors.text, "emulated");
    emulation::emulateInstructions(*code);
    (*code)->setAttr("llm.target", mlir::StringAttr::get(code->getContext(), "avx2"));
    std::string text;
    llvm::raw_string_ostream(text) << *code;
    return compiler::compileText(text, "emulated", {.startAt = compiler::Phase::vector});
  }
  void compileFor(const std::string &level) {
    std::string text;
    llvm::raw_string_ostream(text) << *model->module;
    auto module = parse(text, GetParam());  // in a context with the dialects of code
    bool emulated = !contains(hostCpu().level, *parseIsa(level));
    auto compiled = emulated ? compileEmulated(*module, level) : compiler::compile(*module, {.targets = {level}});
    ASSERT_TRUE(compiled.ok()) << compiled.error().text();
    if (!emulated) EXPECT_EQ(compiled->manifest.versions["activations"], "bf16");
    auto jit = compiler::loadProgram(*compiled, tensorsOf(model->source), {1, {"none"}});
    ASSERT_TRUE(jit.ok()) << jit.error().text();
    auto made = Program::fromPointers(jit->manifest, jit->entries, jit->parameters, jit->level, jit->keepAlive);
    ASSERT_TRUE(made.ok()) << made.error().text();
    program = std::make_shared<const Program>(std::move(*made));
  }
  std::vector<double> computed(size_t piece, int64_t threads) {
    auto session = Session::create(program, {.threads = threads, .sequences = 1});
    EXPECT_TRUE(session.ok());
    auto sequence = (*session)->open();
    std::vector<double> all;
    for (size_t at = 0; at < ids.size(); at += piece) {
      std::vector<SequenceTokens> batch = {
          {*sequence, std::span(ids).subspan(at, std::min(piece, ids.size() - at)), Wanted::all}};
      auto rows = (*session)->step(batch);
      EXPECT_TRUE(rows.ok());
      if (!rows.ok()) return {};
      all.insert(all.end(), rows->data, rows->data + rows->rows * rows->columns);
    }
    return all;
  }
  static double difference(const std::vector<double> &expected, const std::vector<double> &found) {
    if (expected.size() != found.size()) return INFINITY;
    double largest = 0, worst = 0;
    for (size_t i = 0; i < expected.size(); ++i) {
      largest = std::max(largest, std::abs(expected[i]));
      double error = std::abs(expected[i] - found[i]);
      worst = std::isnan(error) ? INFINITY : std::max(worst, error);
    }
    return worst / largest;
  }

  std::unique_ptr<test::InterpretedModel> model;
  std::vector<int32_t> ids;
  std::shared_ptr<const Program> program;
};

TEST_P(RoundedActivations, meanTheSameEverywhere) {
  std::vector<double> exact = interpreted();
  ASSERT_TRUE(compiler::roundActivations(*model->module));
  std::vector<double> expected = interpreted();
  EXPECT_GT(difference(exact, expected), 2 * tolerance) << "rounding changes nothing";
  for (IsaLevel level : {IsaLevel::generic, IsaLevel::avx2, IsaLevel::avx512bf16, IsaLevel::amx}) {
    bool hasIt = contains(hostCpu().level, level), emulated = contains(hostCpu().level, IsaLevel::avx2);
    if (!hasIt && !(emulated && targetOf(level).pairDots)) continue;
    SCOPED_TRACE(isaName(level));
    compileFor(std::string(isaName(level)));
    if (HasFatalFailure()) return;
    EXPECT_LT(difference(expected, computed(ids.size(), 1)), tolerance);
    EXPECT_LT(difference(expected, computed(1, 2)), tolerance);
    EXPECT_LT(difference(expected, computed(23, 3)), tolerance);
  }
}

INSTANTIATE_TEST_SUITE_P(Models, RoundedActivations, testing::Values("llama", "gpt2", "gemma2", "qwen3", "gpt_neox"),
                         [](const auto &info) { return info.param; });

}  // namespace
}  // namespace llc::conformance
