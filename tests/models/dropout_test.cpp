// Dropout: what share is left out, what the rest becomes, and that equal numbers leave out the same.
#include "models/blocks/dropout.h"

#include <gtest/gtest.h>

#include <cmath>

#include "dialect/reference/interpreter.h"
#include "frontends/dsl/program.h"
#include "frontends/dsl/sugar.h"
#include "mlir/IR/MLIRContext.h"

namespace llc::models {
namespace {
using namespace dsl;
constexpr int64_t rows = 96, columns = 80;
using Body = std::function<Tensor(Tensor x, Tensor draw)>;

mlir::OwningOpRef<mlir::ModuleOp> trace(mlir::MLIRContext &context, const Body &body) {
  Program program(
      makeState(context, "test", {}, DType::f32, [](const std::string &, const Shape &) { return DType::f32; }));
  std::vector<Input> inputs = {{.name = "x", .type = DType::f32, .shape = {rows, columns}},
                               {.name = "draw", .type = DType::f32, .shape = {1}}};
  Status status = program.entry("main", inputs, [&](const std::vector<Value> &values) {
    return body(Tensor(values[0].handle()), Tensor(values[1].handle()));
  });
  EXPECT_TRUE(status.ok()) << status.error().text();
  auto module = takeModule(program);
  EXPECT_TRUE(module.ok());
  return std::move(*module);
}

std::vector<double> run(mlir::ModuleOp module, double draw, double value = 2) {
  llm::Datum inputs[] = {llm::Tensor({rows, columns}, value), llm::Tensor({1}, draw)};
  llm::Environment environment;
  auto results = llm::interpret(module, "main", inputs, environment);
  if (failed(results)) return {};
  auto values = (*results)[0].tensor.values();
  return {values.begin(), values.end()};
}

// One call of dropped() in a part of a model.
Body once(double rate, uint64_t seed = 1, int64_t part = 3) {
  return [=](Tensor x, Tensor draw) {
    Dropping now({.draw = draw, .seed = seed}, part);
    return dropped(x, rate);
  };
}

class DropoutTest : public testing::Test {
 protected:
  std::vector<double> of(const Body &body, double draw) { return run(*trace(context, body), draw); }
  mlir::MLIRContext context{mlir::MLIRContext::Threading::DISABLED};
};

TEST_F(DropoutTest, RateAndScale) {
  for (double rate : {0.1, 0.5, 0.9}) {
    std::vector<double> values = of(once(rate), 7);
    ASSERT_EQ(values.size(), size_t(rows * columns));
    double zeros = 0, sum = 0, count = double(values.size());
    std::vector<double> perRow(rows), perColumn(columns);
    for (size_t i = 0; i < values.size(); ++i) {
      EXPECT_TRUE(values[i] == 0 || std::fabs(values[i] - 2 / (1 - rate)) < 1e-5) << values[i];
      zeros += values[i] == 0, sum += values[i];
      perRow[i / columns] += values[i] == 0, perColumn[i % columns] += values[i] == 0;
    }
    double deviation = std::sqrt(rate * (1 - rate));
    EXPECT_NEAR(zeros / count, rate, 4 * deviation / std::sqrt(count));
    EXPECT_NEAR(sum / count, 2, 8 * deviation / (1 - rate) / std::sqrt(count));
    // No row and no column is treated in another way.
    for (double zerosOfRow : perRow) EXPECT_NEAR(zerosOfRow / columns, rate, 5 * deviation / std::sqrt(columns));
    for (double zerosOfColumn : perColumn) EXPECT_NEAR(zerosOfColumn / rows, rate, 5 * deviation / std::sqrt(rows));
  }
}

TEST_F(DropoutTest, FollowsFromItsNumbers) {
  std::vector<double> first = of(once(0.3), 7);
  EXPECT_EQ(of(once(0.3), 7), first);
  EXPECT_NE(of(once(0.3), 8), first);
  EXPECT_NE(of(once(0.3, /*seed=*/2), 7), first);
  EXPECT_NE(of(once(0.3, 1, /*part=*/4), 7), first);
  std::vector<double> second = of(
      [](Tensor x, Tensor draw) {
        Dropping now({.draw = draw, .seed = 1}, 3);
        dropped(x, 0.3);
        return dropped(x, 0.3);
      },
      7);
  EXPECT_NE(second, first);
  // Two masks of the same rate agree by chance alone.
  double equal = 0;
  for (size_t i = 0; i < first.size(); ++i) equal += (first[i] == 0) == (second[i] == 0);
  EXPECT_NEAR(equal / double(first.size()), 0.3 * 0.3 + 0.7 * 0.7, 0.025);
}

// Attention of equal weights, over values that tell them apart.
Body weights(double rate) {
  return [=](Tensor x, Tensor draw) {
    Dropping now({.draw = draw, .seed = 1}, 3);
    Tensor zeros = reshape(x * 0, {1, rows, 1, columns});
    Tensor one = generic({iota({rows}, DType::f32)}, {.signature = "t->te", .body = "eq(@t,@e)", .combiner = ""},
                         {rows, rows}, DType::f32);
    Tensor key = dropKey(rate);
    return attention(zeros, zeros, reshape(one, {1, rows, 1, rows}),
                     {.drop_key = key, .scale = 1.0, .causal = false, .drop_rate = key ? rate : 0})
        .y;
  };
}

TEST_F(DropoutTest, OfAttentionsWeights) {
  double rate = 0.25, zeros = 0;
  std::vector<double> values = of(weights(rate), 7);
  ASSERT_EQ(values.size(), size_t(rows * rows));
  std::vector<double> perQuery(rows), perKey(rows);
  for (size_t i = 0; i < values.size(); ++i) {
    EXPECT_TRUE(values[i] == 0 || std::fabs(values[i] * rows - 1 / (1 - rate)) < 1e-5) << values[i];
    zeros += values[i] == 0, perQuery[i / rows] += values[i] == 0, perKey[i % rows] += values[i] == 0;
  }
  double deviation = std::sqrt(rate * (1 - rate));
  EXPECT_NEAR(zeros / double(values.size()), rate, 4 * deviation / rows);
  for (double count : perQuery) EXPECT_NEAR(count / rows, rate, 5 * deviation / std::sqrt(rows));
  for (double count : perKey) EXPECT_NEAR(count / rows, rate, 5 * deviation / std::sqrt(rows));
  EXPECT_EQ(of(weights(rate), 7), values);
  EXPECT_NE(of(weights(rate), 8), values);
  for (double value : of(weights(rate), 0)) EXPECT_NEAR(value * rows, 1, 1e-5);
  for (double value : of(weights(0), 7)) EXPECT_NEAR(value * rows, 1, 1e-5);
}

TEST_F(DropoutTest, IsOffInEvaluationAndOutsideOfTraining) {
  for (double value : of(once(0.3), 0)) EXPECT_EQ(value, 2);
  mlir::OwningOpRef<mlir::ModuleOp> module = trace(context, [](Tensor x, Tensor) {
    Dropping now({}, 3);
    Tensor y = dropped(x, 0.3);
    EXPECT_EQ(y.handle(), x.handle());
    return y;
  });
}

TEST_F(DropoutTest, LayersStayEqualFunctions) {
  mlir::OwningOpRef<mlir::ModuleOp> module = trace(context, [](Tensor x, Tensor draw) {
    for (int64_t layer = 0; layer < 3; ++layer) {
      Dropping now({.draw = draw, .seed = 1}, layer);
      x = block("layer", [](Tensor inner) { return dropped(dropped(inner, 0.2), 0.2); }, x);
    }
    return x;
  });
  int functions = 0;
  module->walk([&](mlir::func::FuncOp function) { functions += function.isPrivate(); });
  EXPECT_EQ(functions, 1);
  // What six masks leave: a share of 0.8 to the power of 6.
  std::vector<double> values = run(*module, 5);
  double left = 0;
  for (double value : values) left += value != 0;
  EXPECT_NEAR(left / double(values.size()), std::pow(0.8, 6), 0.03);
}

}  // namespace
}  // namespace llc::models
