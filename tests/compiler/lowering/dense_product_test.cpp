// Products whose factors are copied before: the copies' stages, their memory, and what a team computes with them.
#include "compiler/lowering/profile.h"
#include "tests/compiler/pipelines/program_harness.h"

using namespace llc;
using namespace llc::compiler;
using namespace llc::compiler::testing_support;

namespace {
constexpr int64_t rows = 270, columns = 410, depth = 70;

// Two products side by side share a left factor; both wait for copies.
constexpr const char *products = R"(
module attributes {llm.max_tokens = 8 : i64, llm.max_rows = 8 : i64} {
  func.func @step(%x: tensor<270x70xbf16>, %w: tensor<410x70xbf16>, %v: tensor<70x410xbf16>)
      -> (tensor<270x410xf32>, tensor<270x410xf32>) {
    %y = llm.linear %x, %w : (tensor<270x70xbf16>, tensor<410x70xbf16>) -> tensor<270x410xf32>
    %z = llm.contract %x, %v {signature = "tk,kn->tn"} : (tensor<270x70xbf16>, tensor<70x410xbf16>) -> tensor<270x410xf32>
    return %y, %z : tensor<270x410xf32>, tensor<270x410xf32>
  }
}
)";

CompiledModule compiled(const std::string &target) {
  auto context = makeContext();
  auto module = mlir::parseSourceString<mlir::ModuleOp>(products, context.get());
  EXPECT_TRUE(module);
  auto code = compile(*module, {.targets = {target}, .profile = true});
  EXPECT_TRUE(code.ok()) << code.error().text();
  return code.ok() ? std::move(*code) : CompiledModule();
}

struct Halves {
  std::vector<char> bytes;
  Halves(int64_t count, uint32_t seed) : bytes(size_t(count) * 2) {
    std::mt19937 random(seed);
    std::normal_distribution<float> normal(0, 1);
    for (int64_t i = 0; i < count; ++i) storeElement(bytes.data(), DType::bf16, size_t(i), normal(random));
  }
  double operator[](int64_t i) const { return loadElement(bytes.data(), DType::bf16, size_t(i)); }
};

void *aligned(std::vector<char> &memory) {
  return reinterpret_cast<void *>((reinterpret_cast<uintptr_t>(memory.data()) + 63) / 64 * 64);
}

void run(const JitProgram &program, std::vector<const void *> inputs, std::vector<void *> outputs, int64_t threads) {
  int64_t stride = program.manifest.scratchBytes + 64, sizes[] = {1, 1, 1};
  std::vector<char> arena(size_t(program.manifest.arenaBytes + 128)), scratch(size_t(stride * threads + 128));
  llc_sync sync{};
  llc_batch batch{};
  llc_context context{};
  context.arena = aligned(arena), context.scratch = aligned(scratch), context.scratch_stride = (stride + 63) / 64 * 64;
  context.parameters = program.parameters.data(), context.batch = &batch;
  context.inputs = inputs.data(), context.outputs = outputs.data(), context.sizes = sizes, context.sync = &sync;
  context.relax = [](llc_context *) { sched_yield(); };
  std::vector<std::thread> team;
  auto entry = program.entries.begin()->second;
  for (int64_t thread = 1; thread < threads; ++thread)
    team.emplace_back([&, thread] { entry(&context, thread, threads); });
  entry(&context, 0, threads);
  for (auto &thread : team) thread.join();
}

class DenseProducts : public testing::TestWithParam<std::string> {};
TEST_P(DenseProducts, equalSumsInDouble) {
  CompiledModule code = compiled(GetParam());
  TensorSource none{
      [](std::string_view name) -> Result<SourceTensor> {
        return diagnose(ErrorKind::notFound, std::string(name)).says("no such tensor").toFix("mend the test");
      },
      {}};
  auto program = loadProgram(code, none, {2});
  ASSERT_TRUE(program.ok()) << program.error().text();
  Halves x(rows * depth, 1), w(columns * depth, 2), v(depth * columns, 3);
  for (int64_t threads : {1, 2}) {
    std::vector<float> y(size_t(rows * columns), NAN), z = y;
    run(*program, {x.bytes.data(), w.bytes.data(), v.bytes.data()}, {y.data(), z.data()}, threads);
    for (int64_t i = 0; i < rows; ++i)
      for (int64_t j = 0; j < columns; ++j) {
        double first = 0, second = 0;
        for (int64_t k = 0; k < depth; ++k)
          first += x[i * depth + k] * w[j * depth + k], second += x[i * depth + k] * v[k * columns + j];
        ASSERT_NEAR(y[size_t(i * columns + j)], first, 2e-4) << i << "," << j;
        ASSERT_NEAR(z[size_t(i * columns + j)], second, 2e-4) << i << "," << j;
      }
  }
}
INSTANTIATE_TEST_SUITE_P(Levels, DenseProducts, testing::Values("generic", "native"),
                         [](const auto &info) { return info.param; });

// Where the target multiplies pairs: two copies for each product, one for the product itself, all named by the table.
TEST(DenseProductStages, copiesAreStages) {
  bool copies = targetOf(hostCpu().level).pairDots;
  std::map<std::string, int> kernels;
  for (const StageSpec &stage : compiled("native").stages) ++kernels[stage.kernel.substr(0, stage.kernel.find('_'))];
  EXPECT_EQ(kernels["copy"], copies ? 4 : 0);
  EXPECT_EQ(kernels["product"], 2);
}
}  // namespace
