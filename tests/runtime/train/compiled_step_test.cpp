// What the step program does around the generated code: padding, numbers by name, several batches. The code is C++
// here.
#include "runtime/train/compiled_step.h"

#include <gtest/gtest.h>

#include <numeric>

namespace llc::train {
namespace {
constexpr int64_t rows = 2, length = 3;

// The sum of ids where labels are not negative; the weight is their number.
void sumOfIds(const llc_context *context, float &sum, float &weight) {
  auto *ids = static_cast<const int32_t *>(context->inputs[0]),
       *labels = static_cast<const int32_t *>(context->inputs[2]);
  sum = weight = 0;
  for (int64_t i = 0; i < rows * length; ++i)
    if (labels[i] >= 0) sum += float(ids[i]), ++weight;
}
float &number(const void *place) { return *static_cast<float *>(const_cast<void *>(place)); }

void loss(llc_context *context, int64_t thread, int64_t) {
  if (thread) return;
  float sum, weight;
  sumOfIds(context, sum, weight);
  number(context->outputs[0]) = sum / weight, number(context->outputs[1]) = weight;
}
void lossWeight(llc_context *context, int64_t thread, int64_t) {
  float sum;
  if (!thread) sumOfIds(context, sum, number(context->outputs[0]));
}
// gradient += ids / normalizer
void accumulate(llc_context *context, int64_t thread, int64_t) {
  if (thread) return;
  float sum, weight, &gradient = number(context->parameters[1]);
  sumOfIds(context, sum, weight);
  float share = sum / number(context->inputs[3]);
  number(context->outputs[0]) = share;
  gradient = (number(context->inputs[4]) != 0 ? gradient : 0) + share;
}
void apply(llc_context *context, int64_t thread, int64_t) {
  if (thread) return;
  float gradient = number(context->parameters[1]);
  number(context->outputs[0]) = gradient;
  number(context->parameters[0]) -= number(context->inputs[1]) * gradient + number(context->inputs[2]);
}

TensorSpec scalar(const char *name) { return {name, DType::f32, {1}}; }
std::vector<TensorSpec> batchSpecs() {
  return {{"input_ids", DType::i32, {rows, length}},
          {"segments", DType::i32, {rows, length}},
          {"labels", DType::i32, {rows, length}}};
}

class CompiledStep : public testing::Test {
 protected:
  CompiledStep() {
    manifest.vocabulary = manifest.maxTokens = manifest.maxRows = manifest.maxSequences = manifest.maxContext = 64;
    auto more = [](std::vector<TensorSpec> all, std::initializer_list<const char *> names) {
      for (const char *name : names) all.push_back(scalar(name));
      return all;
    };
    manifest.entries = {
        {"loss", batchSpecs(), {scalar("loss"), scalar("weight")}},
        {"loss_weight", batchSpecs(), {scalar("weight")}},
        {"accumulate", more(batchSpecs(), {"normalizer", "keep"}), {scalar("loss")}},
        {"apply", {scalar("loss"), scalar("learning_rate"), scalar("step")}, {scalar("gradient_norm")}}};
    manifest.parameters = {{.name = "w", .shape = {1}, .bytes = 4, .updated = true},
                           {.name = "gradient/w", .shape = {1}, .bytes = 4, .updated = true}};
  }
  Result<std::unique_ptr<StepProgram>> make() {
    auto program = Program::fromPointers(manifest, entries, {&weight, &gradient}, "generic", nullptr);
    if (!program.ok()) return std::move(program.error());
    return makeStepProgram(std::make_shared<Program>(std::move(*program)), 2);
  }
  Manifest manifest;
  Program::Entries entries = {
      {"loss", loss}, {"loss_weight", lossWeight}, {"accumulate", accumulate}, {"apply", apply}};
  float average = 0;
  float weight = 10, gradient = NAN;  // what stands there before the first batch does not matter
};

TEST_F(CompiledStep, BatchesCountByTheirTokens) {
  auto program = make();
  ASSERT_TRUE(program.ok()) << program.error().text();
  ASSERT_EQ((*program)->state().size(), 1u);
  EXPECT_EQ((*program)->state()[0].name, "w");
  std::vector<int32_t> ids = {1, 2, 3, 4}, ones(4, 1);
  Batch batches[] = {{1, 3, {ids.data(), 3}, {ones.data(), 3}, {ids.data(), 3}},
                     {1, 1, {ids.data() + 3, 1}, {ones.data(), 1}, {ids.data() + 3, 1}}};
  auto result = (*program)->step(batches, {.learningRate = 2, .step = 1});
  ASSERT_TRUE(result.ok()) << result.error().text();
  EXPECT_FLOAT_EQ(float(result->loss), 2.5f);  // (1 + 2 + 3 + 4) / 4
  EXPECT_FLOAT_EQ(float(result->gradientNorm), 2.5f);
  EXPECT_TRUE(result->applied);
  EXPECT_FLOAT_EQ(weight, 10 - 2 * 2.5f - 1);
  auto evaluation = (*program)->evaluate(batches[0]);
  ASSERT_TRUE(evaluation.ok());
  EXPECT_EQ(evaluation->targets, 3);
  EXPECT_FLOAT_EQ(float(evaluation->sum), 6);
}

// What the last call of `lossThatLooks` was given: ids, segments, labels.
std::vector<int32_t> seen[3];
void lossThatLooks(llc_context *context, int64_t thread, int64_t) {
  if (thread) return;
  for (int part = 0; part < 3; ++part) {
    auto *values = static_cast<const int32_t *>(context->inputs[part]);
    seen[part].assign(values, values + rows * length);
  }
  number(context->outputs[0]) = number(context->outputs[1]) = 1;
}

TEST_F(CompiledStep, VirtualTokensStandBeforeEachText) {
  manifest.virtualTokens = 1;
  entries["loss"] = lossThatLooks;
  auto program = make();
  ASSERT_TRUE(program.ok()) << program.error().text();
  EXPECT_EQ((*program)->length(), length - 1);
  std::vector<int32_t> ids = {5, 6, 7, 0}, segments = {1, 1, 1, 0}, labels = {-100, 6, -100, -100};
  ASSERT_TRUE((*program)->evaluate({2, 2, ids, segments, labels}).ok());
  EXPECT_EQ(seen[0], (std::vector<int32_t>{64, 5, 6, 64, 7, 0}));  // ids from the vocabulary's size on
  EXPECT_EQ(seen[1], (std::vector<int32_t>{1, 1, 1, 1, 1, 0}));
  EXPECT_EQ(seen[2], (std::vector<int32_t>{-100, -100, 6, -100, -100, -100}));
  segments = {1, 2, 1, 1};
  auto two = (*program)->evaluate({2, 2, ids, segments, labels});
  ASSERT_FALSE(two.ok());
  EXPECT_NE(two.error().text().find("a row of its own"), std::string::npos);
  ids.resize(6), segments.assign(6, 1), labels.resize(6);
  EXPECT_FALSE((*program)->evaluate({2, 3, ids, segments, labels}).ok());  // no room
}

// A program with a column, which it adds to a metric, and with a reference.
void lossWithColumn(llc_context *context, int64_t thread, int64_t) {
  if (thread) return;
  float sum, weight;
  sumOfIds(context, sum, weight);
  number(context->outputs[0]) = sum / weight, number(context->outputs[1]) = weight;
  auto *column = static_cast<const float *>(context->inputs[3]);
  number(context->outputs[2]) = (column[0] + column[1]) / weight;
}
void stepWithColumn(llc_context *context, int64_t thread, int64_t threads) {
  lossWithColumn(context, thread, threads);
  if (!thread) number(context->outputs[3]) = 1;
}
void referenceOfRows(llc_context *context, int64_t thread, int64_t) {
  if (thread) return;
  auto *ids = static_cast<const int32_t *>(context->inputs[0]);
  auto *out = static_cast<float *>(context->outputs[0]);
  for (int64_t row = 0; row < rows; ++row) out[row] = float(ids[row * length]);
}

TEST_F(CompiledStep, ColumnsGoInAndMetricsComeOut) {
  auto withColumn = batchSpecs();
  withColumn.push_back({"reference", DType::f32, {rows}});
  auto stepInputs = withColumn;
  for (const char *name : {"learning_rate", "step"}) stepInputs.push_back(scalar(name));
  std::vector<TensorSpec> results = {scalar("loss"), scalar("weight"), scalar("metric/rewards/chosen")};
  auto stepResults = results;
  stepResults.push_back(scalar("gradient_norm"));
  manifest.entries = {{"loss", withColumn, results},
                      {"train_step", stepInputs, stepResults},
                      {"reference", batchSpecs(), {{"reference", DType::f32, {rows}}}}};
  entries = {{"loss", lossWithColumn}, {"train_step", stepWithColumn}, {"reference", referenceOfRows}};
  auto program = make();
  ASSERT_TRUE(program.ok()) << program.error().text();
  ASSERT_EQ((*program)->columns().size(), 1u);
  EXPECT_EQ((*program)->columns()[0], "reference");
  std::vector<int32_t> ids = {5, 2, 3, 7, 1, 1}, ones(6, 1);
  std::vector<float> column = {10, 2};
  Batch batch{rows, length, ids, ones, ids}, half{1, length, {ids.data(), 3}, {ones.data(), 3}, {ids.data(), 3}};
  EXPECT_FALSE((*program)->step({&batch, 1}, {}).ok());  // without its column
  std::vector<float> reference(2);
  ASSERT_TRUE((*program)->reference(batch, reference).ok());
  EXPECT_EQ(reference, (std::vector<float>{5, 7}));
  batch.columns = {column};
  auto result = (*program)->step({&batch, 1}, {});
  ASSERT_TRUE(result.ok()) << result.error().text();
  EXPECT_FLOAT_EQ(float(result->metrics.at("rewards/chosen")), 2);  // 12 / 6
  half.columns = {std::span(column).first(1)};
  auto evaluation = (*program)->evaluate(half);  // what is missing counts nothing
  ASSERT_TRUE(evaluation.ok());
  EXPECT_FLOAT_EQ(float(evaluation->metrics.at("rewards/chosen")), 10);
}

TEST_F(CompiledStep, BatchesThatDoNotFitAreRefused) {
  auto program = make();
  ASSERT_TRUE(program.ok());
  std::vector<int32_t> many(12, 1);
  for (const Batch &batch : {Batch{3, 3, {many.data(), 9}, {many.data(), 9}, {many.data(), 9}},
                             Batch{1, 4, {many.data(), 4}, {many.data(), 4}, {many.data(), 4}},
                             Batch{2, 3, {many.data(), 6}, {many.data(), 5}, {many.data(), 6}}})
    EXPECT_FALSE((*program)->step({&batch, 1}, {}).ok());
  EXPECT_FALSE((*program)->step({}, {}).ok());
}

TEST_F(CompiledStep, StateHasTheNamesOfTheCheckpoint) {
  manifest.parameters.push_back({.name = "exp_avg/w", .shape = {1}, .bytes = 4, .updated = true});
  auto program = Program::fromPointers(manifest, entries, {&weight, &gradient, &average}, "generic", nullptr);
  ASSERT_TRUE(program.ok());
  auto step = makeStepProgram(std::make_shared<Program>(std::move(*program)), 1, {{"w", "model.w"}});
  ASSERT_TRUE(step.ok());
  ASSERT_EQ((*step)->state().size(), 2u);
  EXPECT_EQ((*step)->state()[0].name, "model.w");
  EXPECT_EQ((*step)->state()[1].name, "exp_avg/model.w");
}

// The average begins as the weight; evaluation is its, and it is the model unless the latest weights are asked for.
TEST_F(CompiledStep, Averages) {
  manifest.parameters.push_back({.name = "ema/w", .shape = {1}, .bytes = 4, .updated = true});
  entries["loss"] = [](llc_context *context, int64_t thread, int64_t) {
    if (thread) return;
    number(context->outputs[0]) = *static_cast<const float *>(context->parameters[0]);
    number(context->outputs[1]) = 1;
  };
  std::vector<int32_t> ids = {1};
  Batch batch{1, 1, ids, ids, ids};
  using Names = std::vector<std::pair<std::string, bool>>;
  for (auto [model, expected] : {std::pair(ModelWeights::averages, Names{{"model.w", true}, {"weight/model.w", false}}),
                                 {ModelWeights::latest, Names{{"model.w", true}, {"ema/model.w", false}}}}) {
    average = NAN, weight = 10;
    auto program = Program::fromPointers(manifest, entries, {&weight, &gradient, &average}, "generic", nullptr);
    ASSERT_TRUE(program.ok());
    auto step = makeStepProgram(std::make_shared<Program>(std::move(*program)), 1, {{"w", "model.w"}}, model);
    ASSERT_TRUE(step.ok()) << step.error().text();
    EXPECT_EQ(average, 10);
    Names names;
    for (const TensorState &state : (*step)->state()) names.emplace_back(state.name, state.isWeight);
    EXPECT_EQ(names, expected);
    bool ofAverage = model == ModelWeights::averages;
    EXPECT_EQ(static_cast<void *>((*step)->state()[0].data.data()), ofAverage ? &average : &weight);
    weight = 20, average = 12;
    auto evaluation = (*step)->evaluate(batch);
    ASSERT_TRUE(evaluation.ok());
    EXPECT_EQ(evaluation->sum, 12);
  }
}

TEST_F(CompiledStep, OtherProgramsAreRefused) {
  manifest.entries.pop_back();
  auto program = make();
  ASSERT_FALSE(program.ok());
  EXPECT_NE(program.error().text().find("no training program"), std::string::npos) << program.error().text();
}
}  // namespace
}  // namespace llc::train
