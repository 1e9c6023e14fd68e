// The logits of a text are the same bit for bit whatever else is in the step, however the text is cut into steps, and
// with every number of threads: llc-model's promise where no tile unit is at work, and everywhere with --deterministic.
// With bf16 weights activations are rounded, as they are by default.
#include <gtest/gtest.h>

#include "runtime/sampling/random.h"
#include "runtime/serve/session.h"
#include "tests/conformance/program.h"
#include "tests/models/interpreted_model.h"

namespace llc::conformance {
namespace {
namespace fs = std::filesystem;

struct Model {
  std::string name;  // of a golden architecture, or of a checkpoint of ../shared
  std::optional<DType> dtype;
  bool wide;  // the code made for AVX-512, by AVX2

  fs::path directory() const {
    fs::path golden = fs::path(LLC_SOURCE_DIR) / "tests/golden/architectures" / name;
    return fs::exists(golden) ? golden : fs::path(LLC_SOURCE_DIR) / "../shared/conformance" / name;
  }
};

class IndependentRows : public testing::TestWithParam<Model> {
 protected:
  void SetUp() override {
    if (!fs::exists(GetParam().directory())) GTEST_SKIP() << "no " << GetParam().name << " here";
    if (GetParam().wide && hostCpu().level < IsaLevel::avx2) GTEST_SKIP() << "this machine has no avx2";
    auto opened = test::InterpretedModel::open(GetParam().directory(), {.dtype = GetParam().dtype});
    ASSERT_TRUE(opened.ok()) << opened.error().text();
    model = std::move(*opened);
    if (GetParam().dtype == DType::bf16) ASSERT_TRUE(compiler::roundActivations(*model->module).ok());
    std::string text;
    llvm::raw_string_ostream(text) << *model->module;
    auto module = parse(text, GetParam().name);  // in a context with the dialects of code
    auto compiled = GetParam().wide ? compileWideForAvx2(*module) : compiler::compile(*module, {.deterministic = true});
    ASSERT_TRUE(compiled.ok()) << compiled.error().text();
    auto jit = compiler::loadProgram(*compiled, tensorsOf(model->source), {1, {"none"}});
    ASSERT_TRUE(jit.ok()) << jit.error().text();
    auto made = Program::fromPointers(jit->manifest, jit->entries, jit->parameters, jit->level, jit->keepAlive);
    ASSERT_TRUE(made.ok()) << made.error().text();
    program = std::make_shared<const Program>(std::move(*made));
    length = size_t(program->manifest().maxContext) * 5 / 6;
    first = ids(1), second = ids(2);
  }
  std::vector<int32_t> ids(uint64_t seed) const {
    Random random(seed);
    std::vector<int32_t> values(length);
    for (int32_t &id : values) id = int32_t(random.next() % uint64_t(program->manifest().vocabulary));
    return values;
  }
  std::unique_ptr<Session> session(int64_t threads) const {
    auto made = Session::create(program, {.threads = threads, .sequences = 2});
    EXPECT_TRUE(made.ok());
    return made.ok() ? std::move(*made) : nullptr;
  }
  static std::vector<float> step(Session &session, const std::vector<SequenceTokens> &batch) {
    auto rows = session.step(batch);
    EXPECT_TRUE(rows.ok()) << rows.error().text();
    return rows.ok() ? std::vector<float>(rows->data, rows->data + rows->rows * rows->columns) : std::vector<float>();
  }
  // The logits of `first`, `piece` tokens at a time; with each piece so many tokens of `second`.
  std::vector<float> logits(size_t piece, size_t beside, int64_t threads) const {
    auto running = session(threads);
    auto a = running->open(), b = running->open();
    std::vector<float> all;
    for (size_t at = 0, other = 0; at < length; at += piece) {
      size_t count = std::min(piece, length - at), more = std::min(beside, length - other);
      std::vector<SequenceTokens> batch = {{*a, std::span(first).subspan(at, count), Wanted::all}};
      // Before the text, so that its rows stand elsewhere in every tile.
      if (more) batch.insert(batch.begin(), {*b, std::span(second).subspan(other, more), Wanted::none});
      std::vector<float> some = step(*running, batch);
      all.insert(all.end(), some.begin(), some.end());
      other += more;
    }
    return all;
  }

  std::unique_ptr<test::InterpretedModel> model;
  std::shared_ptr<const Program> program;
  size_t length = 0;
  std::vector<int32_t> first, second;
};

TEST_P(IndependentRows, sameBitsHoweverTheyAreComputed) {
  std::vector<float> expected = logits(length, 0, 1);
  ASSERT_EQ(expected.size(), length * size_t(program->manifest().vocabulary));
  struct Way {
    size_t piece, beside;
    int64_t threads;
  };
  for (Way way : {Way{length, 0, 3},
                  {length, 13, 2},
                  {length, length, 1},
                  {1, 0, 2},
                  {1, 1, 1},
                  {5, 3, 3},
                  {17, 0, 1},
                  {19, 30, 2}}) {
    std::vector<float> found = logits(way.piece, way.beside, way.threads);
    ASSERT_EQ(found.size(), expected.size());
    size_t different = 0;
    for (size_t i = 0; i < found.size(); ++i) different += std::memcmp(&found[i], &expected[i], sizeof(float)) != 0;
    EXPECT_EQ(different, 0u) << "of " << found.size() << ": " << way.piece << " tokens at a time, " << way.beside
                             << " of another text beside them, " << way.threads << " threads";
  }
}

const Model models[] = {{"llama", DType::bf16, false},      {"llama", DType::f16, true}, {"gemma2", {}, false},
                        {"gpt2", DType::bf16, false},       {"gpt_neox", {}, true},      {"qwen3", DType::f16, false},
                        {"stories260K", DType::bf16, false}};
INSTANTIATE_TEST_SUITE_P(Models, IndependentRows, testing::ValuesIn(models), [](const auto &info) {
  return info.param.name + std::string(info.param.dtype ? "_" + std::string(dtypeName(*info.param.dtype)) : "") +
         (info.param.wide ? "_wide" : "");
});

}  // namespace
}  // namespace llc::conformance
