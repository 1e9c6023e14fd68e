// Tracing: blocks are shared, outer values become arguments, mistakes name their scope. No MLIR header is needed for
// this.
#include <gtest/gtest.h>

#include "frontends/dsl/sugar.h"

namespace llc::dsl {
namespace {
Program emptyProgram() {
  return Program("test", {}, DType::f32, [](const std::string &name, const Shape &) -> Result<DType> {
    if (name.find("absent") != name.npos)
      return diagnose(ErrorKind::invalidInput, "model.safetensors")
          .says("tensor '" + name + "' is missing")
          .toFix("download it");
    return DType::f32;
  });
}
const std::vector<Input> rowsInput = {
    {.name = "x", .type = DType::f32, .shape = {dynamicSize, 8}, .dimension = "tokens"}};
using Body = std::function<Tensor(Tensor)>;

Status trace(Program &program, const Body &body) {
  return program.entry("main", rowsInput,
                       [&](const std::vector<Value> &inputs) { return body(Tensor(inputs[0].handle())); });
}
int count(const std::string &text, const std::string &part) {
  int found = 0;
  for (size_t at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++found;
  return found;
}

TEST(Program, EqualBlocksAreOneFunctionAndParametersBecomeArguments) {
  Program program = emptyProgram();
  Status status = trace(program, [](Tensor x) {
    for (int i = 0; i < 3; ++i) {
      Scope scope("layers." + std::to_string(i));
      x = block("layer", [](Tensor inner) { return silu(linear(inner, parameter("w", {8, 8}))); }, x);
    }
    return x;
  });
  ASSERT_TRUE(status.ok()) << status.error().text();
  std::string text = program.print();
  EXPECT_EQ(count(text, "func.func private"), 1);
  EXPECT_EQ(count(text, "call @layer("), 3);
  EXPECT_EQ(count(text, "llm.parameter @layers."), 3);
  EXPECT_EQ(count(text, "llm.silu"), 1);
}

// The maxima of x w for rows of x [rows,8], where the products are `width` wide.
std::string tracedByRows(int64_t rows, int64_t width) {
  Program program = emptyProgram();
  std::vector<Input> input = {{.name = "x", .type = DType::f32, .shape = {rows, 8}, .dimension = "tokens"}};
  Status status = program.entry("main", input, [&](const std::vector<Value> &inputs) {
    Tensor bias = parameter("b", {width});
    return byRows({Tensor(inputs[0].handle())}, width, [&](const Tensors &tile) -> Tensors {
      Tensor wide = linear(tile[0], parameter("w", {width, 8})) + bias;
      return {reduce(wide, {.signature = "tv->t", .kind = "max"})};
    });
  });
  EXPECT_TRUE(status.ok()) << status.error().text();
  return program.print();
}

TEST(Program, WideRowsAreMadeTileByTile) {
  std::string text = tracedByRows(1536, 1 << 20);  // whole tiles of the least size
  EXPECT_EQ(count(text, "llm.by_rows("), 1);
  EXPECT_NE(text.find("(tensor<1536x8xf32>, tensor<1048576x8xf32>, tensor<1048576xf32>) -> tensor<1536xf32>"),
            text.npos)
      << text;
  EXPECT_EQ(count(text, "tensor<256x1048576xf32>") > 0, true);
  EXPECT_EQ(count(text, "llm.pad") + count(text, "llm.slice"), 0);
  EXPECT_EQ(count(text, "func.func private"), 0);
}

TEST(Program, TilesAreEqualAndNoLargerThanTheyNeedBe) {
  std::string text = tracedByRows(600, 1 << 20);  // 600 = 3 * 200
  EXPECT_NE(text.find("tensor<200x1048576xf32>"), text.npos);
  EXPECT_EQ(count(text, "llm.pad"), 0);
  text = tracedByRows(1201, 1 << 20);  // a prime: zeros follow the last row, and are cut off again
  EXPECT_NE(text.find("tensor<256x1048576xf32>"), text.npos);
  EXPECT_NE(text.find("high = 79 : i64"), text.npos);
  EXPECT_NE(text.find("-> tensor<1201xf32>"), text.npos);
}

TEST(Program, FewOrRaggedRowsAreNoTiles) {
  for (int64_t rows : {256l, dynamicSize}) EXPECT_EQ(count(tracedByRows(rows, 1 << 20), "llm.by_rows("), 0) << rows;
  EXPECT_EQ(count(tracedByRows(4096, 1024), "llm.by_rows("), 0);  // 16 MiB
  EXPECT_EQ(count(tracedByRows(4098, 1024), "llm.by_rows("), 1);
}

TEST(Program, DifferentAttributesOrShapesGiveAnotherFunction) {
  Program program = emptyProgram();
  Status status = trace(program, [](Tensor x) {
    for (double factor : {2.0, 3.0, 2.0}) x = block("layer", [&](Tensor inner) { return inner * factor; }, x);
    return block("layer", [](Tensor inner) { return slice(inner, {.dim = 1, .start = 0, .size = 4}); }, x);
  });
  ASSERT_TRUE(status.ok()) << status.error().text();
  std::string text = program.print();
  EXPECT_EQ(count(text, "func.func private"), 3);
  EXPECT_EQ(count(text, "call @layer("), 2);
  EXPECT_EQ(count(text, "call @layer_2("), 1);
  EXPECT_EQ(count(text, "call @layer_3("), 1);
}

TEST(Program, NestedBlocksReachOuterValues) {
  Program program = emptyProgram();
  Status status = trace(program, [](Tensor x) {
    Tensor table = exp(x);
    return block(
        "outer",
        [&](Tensor inner) {
          return block("inner", [&](Tensor y) { return y + table + parameter("bias", {8}); }, inner);
        },
        x);
  });
  ASSERT_TRUE(status.ok()) << status.error().text();
  std::string text = program.print();
  EXPECT_EQ(count(text, "func.func private"), 2);
  // The row dimension keeps its name on the way in: three arguments of the block, one of the entry more.
  EXPECT_EQ(count(text, "llm.dim = \"tokens\""), 5);
}

TEST(Program, CachesAreNamedInTheEntry) {
  Program program = emptyProgram();
  Status status = program.entry("main", {rowsInput[0], {.name = "batch", .kind = Input::batch}},
                                [](const std::vector<Value> &inputs) {
                                  Tensor x(inputs[0].handle());
                                  Batch batch(inputs[1].handle());
                                  for (int64_t i = 0; i < 2; ++i)
                                    x = block(
                                        "layer",
                                        [&](Tensor inner) {
                                          Tensor heads = reshape(inner, {dynamicSize, 2, 4});
                                          cache_append(cacheLayer(i, 2, 4, 4), heads, heads, batch);
                                          return inner;
                                        },
                                        x);
                                  return x;
                                });
  ASSERT_TRUE(status.ok()) << status.error().text();
  std::string text = program.print();
  EXPECT_EQ(count(text, "func.func private"), 1);
  EXPECT_EQ(count(text, "llm.cache_layer"), 2);
}

TEST(Program, MistakesNameTheirScopeAndLeaveTheProgramUsable) {
  Program program = emptyProgram();
  Status status = trace(program, [](Tensor x) {
    Scope layer("layers.3");
    return block(
        "layer",
        [](Tensor inner) {
          Scope scope("mlp.up_proj");
          return linear(inner, parameter("weight", {8, 9}));
        },
        x);
  });
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().where, "main: layers.3.mlp.up_proj");
  EXPECT_FALSE(status.error().remedy.empty());
  EXPECT_TRUE(trace(program, [](Tensor x) { return relu(x); }).ok());
  EXPECT_EQ(count(program.print(), "func.func"), 1);
}

TEST(Program, AMissingParameterIsTheFrontEndsError) {
  Program program = emptyProgram();
  Status status = trace(program, [](Tensor x) { return x + parameter("absent", {8}); });
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().where, "model.safetensors");
}

TEST(Program, AbsentAndEscapedValuesAreRefused) {
  Program program = emptyProgram();
  EXPECT_FALSE(trace(program, [](Tensor x) { return x + Tensor(); }).ok());
  EXPECT_FALSE(trace(program, [](Tensor x) { return reshape(Tensor(), {dynamicSize, 8}); }).ok());
  Tensor escaped;
  Status status = trace(program, [&](Tensor x) {
    x = block("layer", [&](Tensor inner) { return escaped = exp(inner); }, x);
    return x + escaped;
  });
  ASSERT_FALSE(status.ok());
  EXPECT_NE(status.error().text().find("outside of the block"), std::string::npos);
  EXPECT_FALSE(trace(program, [](Tensor x) { return reshape(x, {dynamicSize, 9}); }).ok());
  EXPECT_FALSE(trace(program, [](Tensor x) { return x + constant({1, 2}, {3}); }).ok());
}
}  // namespace
}  // namespace llc::dsl
