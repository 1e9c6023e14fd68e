// The interpreter end to end on small modules.
#include <gtest/gtest.h>

#include "tests/dialect/ops/support.h"

namespace llc::llm::test {
namespace {

const char *const blockModule = R"(
module {
  llm.parameter @"embed.weight" : tensor<8x4xf32>
  llm.parameter @"norm.weight" : tensor<4xf32>
  func.func private @block(%x: tensor<?x4xf32>, %w: tensor<4xf32>, %cos: tensor<?x1xf32>, %sin: tensor<?x1xf32>,
                           %batch: !llm.batch, %positions: tensor<?xi32>,
                           %kv: !llm.kv<1, 2, 2, f32>) -> tensor<?x4xf32> {
    %n = llm.rms_norm %x, %w : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
    %q = llm.reshape %n : (tensor<?x4xf32>) -> tensor<?x2x2xf32>
    %qr = llm.rotary %q, %cos, %sin : (tensor<?x2x2xf32>, tensor<?x1xf32>, tensor<?x1xf32>) -> tensor<?x2x2xf32>
    %k = llm.slice %qr {dim = 1 : i64, start = 0 : i64, size = 1 : i64} : (tensor<?x2x2xf32>) -> tensor<?x1x2xf32>
    %v = llm.slice %q {dim = 1 : i64, start = 1 : i64, size = 1 : i64} : (tensor<?x2x2xf32>) -> tensor<?x1x2xf32>
    %next = llm.cache_append %kv, %k, %v, %batch
        : (!llm.kv<1, 2, 2, f32>, tensor<?x1x2xf32>, tensor<?x1x2xf32>, !llm.batch) -> !llm.kv<1, 2, 2, f32>
    %a = llm.paged_attention %qr, %next, %batch, %positions {scale = 0.7}
        : (tensor<?x2x2xf32>, !llm.kv<1, 2, 2, f32>, !llm.batch, tensor<?xi32>) -> tensor<?x2x2xf32>
    %f = llm.reshape %a : (tensor<?x2x2xf32>) -> tensor<?x4xf32>
    %y = llm.add %x, %f : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
    return %y : tensor<?x4xf32>
  }
  func.func @step(%tokens: tensor<?xi32> {llm.dim = "tokens"}, %positions: tensor<?xi32> {llm.dim = "tokens"},
                  %batch: !llm.batch, %rows: tensor<?xi32> {llm.dim = "rows"}) -> tensor<?x8xf32> {
    %e = llm.use @"embed.weight" : tensor<8x4xf32>
    %w = llm.use @"norm.weight" : tensor<4xf32>
    %f = llm.constant dense<[1.0]> : tensor<1xf32>
    %x0 = llm.gather_rows %e, %tokens : (tensor<8x4xf32>, tensor<?xi32>) -> tensor<?x4xf32>
    %cos, %sin = llm.rotary_table %positions, %f : (tensor<?xi32>, tensor<1xf32>) -> (tensor<?x1xf32>, tensor<?x1xf32>)
    %kv0 = llm.cache_layer {layer = 0 : i64} : !llm.kv<1, 2, 2, f32>
    %kv1 = llm.cache_layer {layer = 1 : i64} : !llm.kv<1, 2, 2, f32>
    %x1 = func.call @block(%x0, %w, %cos, %sin, %batch, %positions, %kv0)
        : (tensor<?x4xf32>, tensor<4xf32>, tensor<?x1xf32>, tensor<?x1xf32>, !llm.batch, tensor<?xi32>, !llm.kv<1, 2,
           2, f32>) -> tensor<?x4xf32>
    %x2 = func.call @block(%x1, %w, %cos, %sin, %batch, %positions, %kv1)
        : (tensor<?x4xf32>, tensor<4xf32>, tensor<?x1xf32>, tensor<?x1xf32>, !llm.batch, tensor<?xi32>, !llm.kv<1, 2,
           2, f32>) -> tensor<?x4xf32>
    %last = llm.take %x2, %rows : (tensor<?x4xf32>, tensor<?xi32>) -> tensor<?x4xf32>
    %y = llm.linear %last, %e : (tensor<?x4xf32>, tensor<8x4xf32>) -> tensor<?x8xf32>
    return %y : tensor<?x8xf32>
  }
})";

Result<Tensor> parameterOf(llvm::StringRef name) {
  if (name == "norm.weight") return Tensor({4}, {1, 1.5, 0.5, 1});
  Tensor table({8, 4});
  int place = 0;
  for (double &value : table.mutableValues()) value = std::sin(++place);
  return table;
}

Tensor integers(std::vector<double> values) { return Tensor({static_cast<int64_t>(values.size())}, values); }

std::vector<double> logitsOf(mlir::ModuleOp module, Environment &environment, std::vector<double> tokens,
                             int64_t start) {
  int64_t count = static_cast<int64_t>(tokens.size());
  std::vector<double> positions;
  for (int64_t i = 0; i < count; ++i) positions.push_back(static_cast<double>(start + i));
  std::vector<Datum> arguments = {integers(tokens), integers(positions), Batch::contiguous(start, count),
                                  integers({count - 1.0})};
  auto results = interpret(module, "step", arguments, environment);
  if (mlir::failed(results)) return {};
  auto values = results->front().tensor.values();
  return {values.begin(), values.end()};
}

TEST(Interpreter, PrefillEqualsStepByStep) {
  Workbench bench;
  auto module = bench.parse(blockModule);
  ASSERT_TRUE(module) << bench.takeMessages();
  Environment whole, steps;
  whole.parameters = steps.parameters = parameterOf;
  std::vector<double> expected = logitsOf(*module, whole, {1, 5, 2, 7}, 0);
  ASSERT_EQ(expected.size(), 8u) << bench.takeMessages();
  std::vector<double> last;
  int64_t position = 0;
  for (double token : {1.0, 5.0, 2.0, 7.0}) last = logitsOf(*module, steps, {token}, position++);
  ASSERT_EQ(last.size(), 8u) << bench.takeMessages();
  for (size_t i = 0; i < 8; ++i) EXPECT_NEAR(last[i], expected[i], 1e-6);
  EXPECT_NE(expected[0], expected[1]);
}

TEST(Interpreter, ObserverSeesEveryOpAndItsCallers) {
  Workbench bench;
  auto module = bench.parse(blockModule);
  ASSERT_TRUE(module) << bench.takeMessages();
  Environment environment;
  environment.parameters = parameterOf;
  int rotaries = 0;
  environment.observer = [&](mlir::Operation *op, llvm::ArrayRef<Datum>,
                             llvm::ArrayRef<Datum> results) -> llvm::LogicalResult {
    EXPECT_EQ(results.size(), op->getNumResults());
    if (mlir::isa<RotaryOp>(op)) {
      ++rotaries;
      EXPECT_EQ(environment.callers.size(), 1u);
    }
    return mlir::success();
  };
  logitsOf(*module, environment, {3, 4}, 0);
  EXPECT_EQ(rotaries, 2);
}

TEST(Interpreter, SequencesDoNotMix) {
  Workbench bench;
  auto module = bench.parse(blockModule);
  ASSERT_TRUE(module) << bench.takeMessages();
  Environment alone, together;
  alone.parameters = together.parameters = parameterOf;
  std::vector<double> expected = logitsOf(*module, alone, {6, 2}, 0);
  auto batch = std::make_shared<Batch>();
  batch->positions = {0, 1, 2, 0, 1};
  batch->sequenceOf = {9, 9, 9, 4, 4};
  batch->sequenceLengths = {3, 3, 3, 2, 2};
  std::vector<Datum> arguments = {integers({1, 2, 3, 6, 2}), integers({0, 1, 2, 0, 1}),
                                  std::shared_ptr<const Batch>(batch), integers({4})};
  auto results = interpret(*module, "step", arguments, together);
  ASSERT_TRUE(mlir::succeeded(results)) << bench.takeMessages();
  for (size_t i = 0; i < 8; ++i) EXPECT_NEAR(results->front().tensor.values()[i], expected[i], 1e-6);
}

TEST(Interpreter, RefusesSlotsThatWereNeverWritten) {
  Workbench bench;
  auto module = bench.parse(blockModule);
  ASSERT_TRUE(module) << bench.takeMessages();
  Environment environment;
  environment.parameters = parameterOf;
  EXPECT_TRUE(logitsOf(*module, environment, {1}, 3).empty());
  EXPECT_NE(bench.takeMessages().find("never written"), std::string::npos);
}

TEST(Interpreter, RoundsToTheResultType) {
  mlir::MLIRContext context;
  mlir::Builder builder(&context);
  Tensor x({3}, {1.0 + 1e-9, 257.0 / 256 + 1e-6, -2.7});
  Tensor f32 = roundedTo(builder.getF32Type(), x), bf16 = roundedTo(builder.getBF16Type(), x),
         i32 = roundedTo(builder.getI32Type(), x);
  EXPECT_EQ(f32.values()[0], 1.0);
  EXPECT_EQ(bf16.values()[1], 1.0078125);
  EXPECT_EQ(i32.values()[2], -2.0);
}

}  // namespace
}  // namespace llc::llm::test
