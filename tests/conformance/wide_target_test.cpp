// Whole models in the code that the generators make for AVX-512, run on machines that have AVX2 alone: every golden
// architecture, prompt and continuation, against the independent values that the interpreter is held to as well.
#include <gtest/gtest.h>

#include "runtime/serve/program.h"
#include "runtime/serve/session.h"
#include "tests/conformance/program.h"
#include "tests/models/interpreted_model.h"

namespace llc::conformance {
namespace {
namespace fs = std::filesystem;
constexpr double tolerance = 1e-4;  // of the largest logit: what compiled code is asked to keep

const fs::path &architectures() {
  static const fs::path folder = fs::path(LLC_SOURCE_DIR) / "tests/golden/architectures";
  return folder;
}

std::vector<std::string> names() {
  std::vector<std::string> list;
  for (auto &entry : fs::directory_iterator(architectures())) list.push_back(entry.path().filename().string());
  std::sort(list.begin(), list.end());
  return list;
}

class WideModels : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    if (hostCpu().level < IsaLevel::avx2) GTEST_SKIP() << "this machine has no avx2";
    auto opened = test::InterpretedModel::open(architectures() / GetParam());
    ASSERT_TRUE(opened.ok()) << opened.error().text();
    model = std::move(*opened);
    auto file = SafeTensors::open((architectures() / GetParam() / "expected.safetensors").string());
    ASSERT_TRUE(file.ok()) << file.error().text();
    expected = std::move(*file);
    std::string text;
    llvm::raw_string_ostream(text) << *model->module;
    auto module = parse(text, GetParam());
    auto wide = compileWideForAvx2(*module);
    ASSERT_TRUE(wide.ok()) << wide.error().text();
    auto jit = compiler::loadProgram(*wide, tensorsOf(model->source), {2});
    ASSERT_TRUE(jit.ok()) << jit.error().text();
    auto program = Program::fromPointers(jit->manifest, jit->entries, jit->parameters, jit->level, jit->keepAlive);
    ASSERT_TRUE(program.ok()) << program.error().text();
    auto made = Session::create(std::make_shared<const Program>(std::move(*program)), {.threads = 2, .sequences = 2});
    ASSERT_TRUE(made.ok()) << made.error().text();
    session = std::move(*made);
  }
  std::vector<int32_t> ids(int sequence) {
    auto values = test::idsOf(expected, "ids." + std::to_string(sequence));
    return {values.begin(), values.end()};
  }
  void expectLogits(const Rows &rows, std::span<const double> values) {
    ASSERT_EQ(size_t(rows.rows * rows.columns), values.size());
    double largest = 0, worst = 0;
    for (size_t i = 0; i < values.size(); ++i) {
      largest = std::max(largest, std::abs(values[i]));
      double error = std::abs(double(rows.data[i]) - values[i]);
      worst = std::isnan(error) ? INFINITY : std::max(worst, error);
    }
    EXPECT_LE(worst, tolerance * largest);
  }

  std::unique_ptr<test::InterpretedModel> model;
  SafeTensors expected;
  std::unique_ptr<Session> session;
};

TEST_P(WideModels, twoPromptsInOneStep) {
  std::vector<int32_t> first = ids(0), second = ids(1);
  auto a = session->open(), b = session->open();
  ASSERT_TRUE(a.ok() && b.ok());
  std::vector<SequenceTokens> batch = {{*a, first, Wanted::all}, {*b, second, Wanted::all}};
  auto rows = session->step(batch);
  ASSERT_TRUE(rows.ok()) << rows.error().text();
  std::vector<double> both = test::valuesOf(expected, "logits.0"), more = test::valuesOf(expected, "logits.1");
  both.insert(both.end(), more.begin(), more.end());
  expectLogits(*rows, both);
}

TEST_P(WideModels, oneTokenAfterTheOther) {
  // What depends on the length of the sequence (dynamic rope) differs from the whole prompt's logits.
  if (GetParam() == "llama-dynamic" || GetParam() == "llama-longrope") GTEST_SKIP() << "depends on the step's length";
  std::vector<int32_t> all = ids(0);
  std::vector<double> logits = test::valuesOf(expected, "logits.0");
  auto sequence = session->open();
  ASSERT_TRUE(sequence.ok());
  for (size_t i = 0; i < all.size(); ++i) {
    std::vector<SequenceTokens> batch = {{*sequence, std::span(all).subspan(i, 1), Wanted::last}};
    auto rows = session->step(batch);
    ASSERT_TRUE(rows.ok()) << rows.error().text();
    expectLogits(*rows, std::span(logits).subspan(i * size_t(rows->columns), size_t(rows->columns)));
  }
}

INSTANTIATE_TEST_SUITE_P(Goldens, WideModels, testing::ValuesIn(names()), [](const auto &info) {
  std::string name = info.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

}  // namespace
}  // namespace llc::conformance
