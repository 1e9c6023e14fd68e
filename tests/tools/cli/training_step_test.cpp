// The compiled training step against the interpreter, and what must not make a difference.
#include "tools/cli/training_step.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "models/optimizer_registry.h"
#include "tests/runtime/temporary_directory.h"
#include "tools/cli/interpreted.h"
#include "tools/cli/new_model.h"

namespace llc::cli {
namespace {
constexpr int64_t vocabulary = 32, length = 8;

const char *const llama = R"({"model_type": "llama", "architectures": ["LlamaForCausalLM"], "vocab_size": 32,
    "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2,
    "num_key_value_heads": 1, "max_position_embeddings": 32})";

// Rows of tokens, the last of each row padding.
struct Tokens {
  explicit Tokens(int64_t rows, uint64_t seed = 1) : rows(rows), ids(rows * length), segments(rows * length, 1) {
    std::mt19937_64 bits(seed);
    for (int32_t &id : ids) id = int32_t(bits() % vocabulary);
    for (int64_t row = 0; row < rows; ++row) segments[(row + 1) * length - 1] = row % 2;
    labels = ids;
    for (size_t i = 0; i < ids.size(); ++i)
      if (!segments[i]) labels[i] = -100;
  }
  train::Batch batch() const { return {rows, length, ids, segments, labels}; }
  train::Batch part(int64_t first, int64_t count) const {
    auto cut = [&](const std::vector<int32_t> &all) {
      return std::span<const int32_t>(all).subspan(first * length, count * length);
    };
    return {count, length, cut(ids), cut(segments), cut(labels)};
  }
  int64_t rows;
  std::vector<int32_t> ids, segments, labels;
};

// What step number `step` is given.
struct StepInput {
  explicit StepInput(int64_t step) : tokens(2, uint64_t(step)), scalars{.learningRate = 0.01, .step = step} {}
  Tokens tokens;
  train::Batch batch = tokens.batch();
  train::StepScalars scalars;
};

std::span<float> floats(const train::TensorState &state) {
  return {reinterpret_cast<float *>(state.data.data()), state.data.size() / sizeof(float)};
}

double largestDifference(std::span<const float> left, std::span<const float> right) {
  double most = 0, size = 1e-30;
  for (size_t i = 0; i < left.size(); ++i) {
    most = std::max(most, std::fabs(double(left[i]) - right[i]));
    size = std::max(size, std::fabs(double(right[i])));
  }
  return most / size;
}

class TrainingStep : public testing::Test {
 protected:
  TrainingStep() {
    directory.write("config.json", llama);
    auto written = writeNewWeights(directory.path(), 3, 0.2);
    EXPECT_TRUE(written.ok()) << written.error().text();
  }
  std::unique_ptr<train::StepProgram> make(const StepOptions &options) {
    auto program = makeTrainingStep(directory.path(), options, progress);
    EXPECT_TRUE(program.ok()) << program.error().text();
    return program.ok() ? std::move(*program) : nullptr;
  }
  TemporaryDirectory directory;
  Progress progress{/*quiet=*/true};
};

// Steps of a traced program in the interpreter.
class Interpreted {
 public:
  Interpreted(TracedModel &traced, const train::StepProgram &like)
      : traced_(traced), weights_(*traced.source, *traced.module) {
    for (const train::TensorState &state : like.state())
      if (!state.isWeight) state_[state.name] = llm::Tensor(state.shape);
  }

  // The loss. All that is updated is kept for the next step. `draw`: of programs with dropout.
  double step(const train::Batch &batch, const train::StepScalars &scalars, std::optional<double> draw = {}) {
    auto matrix = [&](std::span<const int32_t> values) {
      return llm::Tensor({batch.rows, batch.length}, std::vector<double>(values.begin(), values.end()));
    };
    auto number = [](double value) { return llm::Tensor({1}, value); };
    std::vector<llm::Datum> inputs = {matrix(batch.ids), matrix(batch.segments), matrix(batch.labels)};
    if (draw) inputs.push_back(number(*draw));
    inputs.insert(inputs.end(), {number(scalars.learningRate), number(double(scalars.step))});
    llm::Environment environment;
    environment.parameters = [&](llvm::StringRef name) -> Result<llm::Tensor> {
      if (auto found = state_.find(name.str()); found != state_.end()) return found->second;
      return weights_.get(name);
    };
    auto results = llm::interpret(*traced_.module, "train_step", inputs, environment);
    if (failed(results)) return NAN;
    auto function = traced_.module->lookupSymbol<mlir::func::FuncOp>("train_step");
    for (unsigned i = 0; i < function.getNumResults(); ++i)
      if (auto name = function.getResultAttrOfType<mlir::StringAttr>(i, "llm.updates"))
        state_[name.str()] = (*results)[i].tensor;
    return (*results)[0].tensor.values()[0];
  }
  std::vector<float> value(const std::string &name) const {
    auto values = state_.at(name).values();
    return {values.begin(), values.end()};
  }

 private:
  TracedModel &traced_;
  InterpretedWeights weights_;
  std::map<std::string, llm::Tensor> state_;
};

// Three steps of both, from the same weights.
void expectEqualLosses(train::StepProgram &program, Interpreted &interpreted, double tolerance) {
  for (int64_t step = 1; step <= 3; ++step) {
    StepInput in(step);
    auto result = program.step({&in.batch, 1}, in.scalars);
    ASSERT_TRUE(result.ok()) << result.error().text();
    EXPECT_TRUE(result->applied);
    EXPECT_NEAR(result->loss, interpreted.step(in.batch, in.scalars), tolerance) << step;
  }
}

class Optimizers : public TrainingStep, public testing::WithParamInterface<std::string> {};

TEST_P(Optimizers, CompiledStepsAreThoseOfTheInterpreter) {
  StepOptions options{.rows = 2, .length = length, .optimizer = GetParam(), .maxGradNorm = 0.5, .weightDecay = 0.1};
  if (options.optimizer == "adafactor") options.optimizerSettings["min_dim_size_to_factor"] = 16;
  auto program = make(options);
  ASSERT_TRUE(program);
  auto traced = traceTrainingStep(directory.path(), options, progress);
  ASSERT_TRUE(traced.ok()) << traced.error().text();
  Interpreted interpreted(*traced, *program);
  ASSERT_NO_FATAL_FAILURE(expectEqualLosses(*program, interpreted, 1e-4));
  for (const train::TensorState &state : program->state())
    EXPECT_LT(largestDifference(floats(state), interpreted.value(state.name)), 2e-4) << state.name;
}

std::vector<std::string> optimizerNames() {
  std::vector<std::string> names;
  for (const models::Optimizer &optimizer : models::optimizers()) names.push_back(optimizer.name);
  return names;
}
INSTANTIATE_TEST_SUITE_P(All, Optimizers, testing::ValuesIn(optimizerNames()),
                         [](const auto &info) { return info.param; });

// A model whose larger matrices are kept in blocks: of 256 elements, embedding and head (300 x 64) too; norms are not.
class EightBitState : public TrainingStep, public testing::WithParamInterface<std::string> {
 protected:
  EightBitState() {
    std::string config = llama;
    for (auto [from, to] : {std::pair("32,\n", "300,\n"), {"\"hidden_size\": 16", "\"hidden_size\": 64"}})
      config.replace(config.find(from), std::string(from).size(), to);
    directory.write("config.json", config);
    auto written = writeNewWeights(directory.path(), 3, 0.05);
    EXPECT_TRUE(written.ok()) << written.error().text();
  }
  static std::vector<double> valuesOf(const train::TensorState &state) {
    std::vector<double> values(state.data.size() / byteSize(state.type));
    for (size_t i = 0; i < values.size(); ++i) values[i] = loadElement(state.data.data(), state.type, i);
    return values;
  }
};

// Moments a rounding error apart may get neighbouring codes, and then lie as far apart as these.
TEST_P(EightBitState, CompiledStepsAreThoseOfTheInterpreter) {
  StepOptions options{.rows = 2,
                      .length = length,
                      .optimizer = GetParam(),
                      .maxGradNorm = 0.5,
                      .weightDecay = 0.1,
                      .optimizerState = "8bit"};
  auto program = make(options);
  ASSERT_TRUE(program);
  auto traced = traceTrainingStep(directory.path(), options, progress);
  ASSERT_TRUE(traced.ok()) << traced.error().text();
  Interpreted interpreted(*traced, *program);
  ASSERT_NO_FATAL_FAILURE(expectEqualLosses(*program, interpreted, 1e-3));
  size_t inBlocks = 0, others = 0;
  for (const train::TensorState &state : program->state()) {
    std::vector<double> ours = valuesOf(state);
    std::vector<float> theirs = interpreted.value(state.name);
    ASSERT_EQ(ours.size(), theirs.size());
    size_t apart = 0;
    for (size_t i = 0; i < ours.size(); ++i) {
      bool code = state.type == DType::u8;
      apart += std::fabs(ours[i] - theirs[i]) > (code ? 1 : 2e-3 * std::fabs(theirs[i]) + 1e-4);
    }
    EXPECT_LE(apart, ours.size() / 200) << state.name;
    inBlocks += state.type == DType::u8, others += state.type == DType::f32 && !state.isWeight;
  }
  EXPECT_GT(inBlocks, 0u);
  EXPECT_GT(others, inBlocks);
}
INSTANTIATE_TEST_SUITE_P(All, EightBitState, testing::Values("adamw", "lion", "muon", "adafactor"),
                         [](const auto &info) { return info.param; });

// 200 steps on 8 batches, with both. Where the loss falls by a tenth in a step, rounding decides in which: single steps
// say nothing, the whole curve and where it ends do.
TEST_F(EightBitState, CurvesStayNearThoseOfF32) {
  for (const char *optimizer : {"adamw", "lion"}) {
    StepOptions options{.rows = 2, .length = length, .optimizer = optimizer, .maxGradNorm = 1, .weightDecay = 0.1};
    auto exact = make(options);
    options.optimizer += "_bnb_8bit";
    auto program = make(options);
    ASSERT_TRUE(exact && program);
    double distances = 0, first = 0, ends[2] = {};
    for (int64_t step = 1; step <= 200; ++step) {
      Tokens tokens(2, uint64_t(step % 8));
      train::Batch batch = tokens.batch();
      train::StepScalars scalars{.learningRate = 1e-3, .step = step};
      auto one = exact->step({&batch, 1}, scalars), other = program->step({&batch, 1}, scalars);
      ASSERT_TRUE(one.ok() && other.ok());
      distances += std::fabs(other->loss - one->loss) / 200;
      if (step == 1) first = one->loss;
      if (step > 160) ends[0] += one->loss / 40, ends[1] += other->loss / 40;
    }
    RecordProperty(optimizer, fmt::format("mean distance {}, from {} to {} and {}", distances, first, ends[0], ends[1]));
    EXPECT_LT(ends[0], 0.5 * first);
    EXPECT_LT(distances, 0.03 * (first - ends[0])) << optimizer;
    EXPECT_NEAR(ends[0], ends[1], 0.05 * (first - ends[0])) << optimizer;
  }
}

std::vector<std::byte> bytesOf(const train::StepProgram &program) {
  std::vector<std::byte> all;
  for (const train::TensorState &state : program.state()) all.insert(all.end(), state.data.begin(), state.data.end());
  return all;
}

// Matrices in bf16 and nothing beside them: the same random numbers in the interpreter, and for any number of threads.
TEST_F(TrainingStep, WeightsInBf16AreTheInterpreters) {
  StepOptions options{
      .rows = 2, .length = length, .maxGradNorm = 0.5, .weightDecay = 0.1, .weightType = "bf16", .seed = 7};
  options.threads = 1;
  auto program = make(options);
  options.threads = 2;
  auto other = make(options);
  options.seed = 8;
  auto reseeded = make(options);
  ASSERT_TRUE(program && other && reseeded);
  options.seed = 7;
  auto traced = traceTrainingStep(directory.path(), options, progress);
  ASSERT_TRUE(traced.ok()) << traced.error().text();
  Interpreted interpreted(*traced, *program);
  ASSERT_NO_FATAL_FAILURE(expectEqualLosses(*program, interpreted, 1e-3));
  for (int64_t step = 1; step <= 3; ++step) {
    StepInput in(step);
    ASSERT_TRUE(other->step({&in.batch, 1}, in.scalars).ok() && reseeded->step({&in.batch, 1}, in.scalars).ok());
  }
  EXPECT_EQ(bytesOf(*program), bytesOf(*other));
  EXPECT_NE(bytesOf(*program), bytesOf(*reseeded));
  for (const train::TensorState &state : program->state()) {
    EXPECT_EQ(state.type, state.isWeight && state.shape.size() > 1 ? DType::bf16 : DType::f32) << state.name;
    if (state.type != DType::bf16) continue;
    std::vector<float> theirs = interpreted.value(state.name);
    size_t apart = 0;
    for (size_t i = 0; i < theirs.size(); ++i)
      apart += std::fabs(loadElement(state.data.data(), state.type, i) - theirs[i]) > 0x1p-12 * std::fabs(theirs[i]);
    EXPECT_LE(apart, 1 + theirs.size() / 50) << state.name;  // a rounding error may decide which way one goes
  }
}

// The same is left out in the interpreter, for any number of threads, and where the backward computes things again.
TEST_F(TrainingStep, DropoutFollowsFromItsNumbers) {
  StepOptions options{
      .rows = 2, .length = length, .weightDecay = 0.1, .seed = 7, .dropout = {0.2, 0.2, 0.25}, .threads = 1};
  auto program = make(options);
  auto traced = traceTrainingStep(directory.path(), options, progress);
  ASSERT_TRUE(traced.ok()) << traced.error().text();
  Interpreted interpreted(*traced, *program);
  for (int64_t step = 1; step <= 3; ++step) {
    StepInput in(step);
    auto result = program->step({&in.batch, 1}, in.scalars);
    ASSERT_TRUE(result.ok());
    EXPECT_NEAR(result->loss, interpreted.step(in.batch, in.scalars, double(step + 1)), 1e-4) << step;
  }
  for (const train::TensorState &state : program->state())
    EXPECT_LT(largestDifference(floats(state), interpreted.value(state.name)), 2e-4) << state.name;
  auto after = [&](const StepOptions &other) {
    auto made = make(other);
    for (int64_t step = 1; made && step <= 3; ++step) {
      StepInput in(step);
      EXPECT_TRUE(made->step({&in.batch, 1}, in.scalars).ok());
    }
    return made ? bytesOf(*made) : std::vector<std::byte>();
  };
  StepOptions threads = options, recomputed = options, reseeded = options, none = options, whole = options,
              embeddings = options;
  whole.dropout.attention = 0, embeddings.dropout.embeddings = 0.3;
  threads.threads = 3, recomputed.gradientCheckpointing = "nothing_saveable", reseeded.seed = 8;
  none.dropout = {.attention = 0.25};
  EXPECT_EQ(after(threads), bytesOf(*program));
  EXPECT_EQ(after(recomputed), bytesOf(*program));
  EXPECT_NE(after(reseeded), bytesOf(*program));
  EXPECT_NE(after(none), bytesOf(*program));
  EXPECT_NE(after(whole), bytesOf(*program));
  EXPECT_NE(after(embeddings), bytesOf(*program));
}

// Gradients against differences of the loss with the same elements left out; evaluation leaves nothing out.
TEST_F(TrainingStep, DropoutsGradientsAreThoseOfItsLoss) {
  StepOptions options{.rows = 2, .length = length, .optimizer = "sgd", .maxGradNorm = 0};
  options.optimizerSettings["momentum"] = 0;
  StepOptions none = options;
  for (bool ofAttention : {false, true}) {
    none.accumulate = options.accumulate = !ofAttention;
    double whole = ofAttention ? 0 : 0.3;
    options.dropout = {whole, whole, 0.3 - whole};
    auto program = make(options), plain = make(none);
    ASSERT_TRUE(program && plain);
    Tokens tokens(2);
    train::Batch batch = tokens.batch();
    auto step = [&](double rate, int64_t number) {
      auto result = program->step({&batch, 1}, {.learningRate = rate, .step = number});
      EXPECT_TRUE(result.ok());
      return result.ok() ? *result : train::StepResult();
    };
    EXPECT_EQ(program->evaluate(batch)->sum, plain->evaluate(batch)->sum);
    EXPECT_NE(step(0, 5).loss, step(0, 6).loss);
    double rate = 1e-3;
    train::StepResult first = step(rate, 5), second = step(0, 5);
    // To second order: the mean of the squared norms at both ends.
    double expected = rate * (std::pow(first.gradientNorm, 2) + std::pow(second.gradientNorm, 2)) / 2;
    EXPECT_GT(expected, 1e-3);
    EXPECT_NEAR(first.loss - second.loss, expected, 0.02 * expected);
  }
}

// Steps far below the spacing of bf16: to the nearest, weights stay what they are.
TEST_F(TrainingStep, StochasticRoundingGoesOnWhereTheNearestStalls) {
  StepOptions options{.rows = 2, .length = length};
  auto inF32 = make(options);
  options.weightType = "bf16";
  auto stochastic = make(options);
  options.stochasticRounding = false;
  auto nearest = make(options);
  ASSERT_TRUE(inF32 && stochastic && nearest);
  EXPECT_LT(stochastic->plannedBytes(), inF32->plannedBytes());
  auto learned = [](train::StepProgram &program) {
    double first = 0, last = 0;
    for (int64_t step = 1; step <= 300; ++step) {
      Tokens tokens(2);
      train::Batch batch = tokens.batch();
      auto result = program.step({&batch, 1}, {.learningRate = 5e-5, .step = step});
      if (!result.ok()) return 0.0;
      last = result->loss;
      if (step == 1) first = last;
    }
    return first - last;
  };
  double exact = learned(*inF32), random = learned(*stochastic), stalled = learned(*nearest);
  RecordProperty("learned", fmt::format("{}, stochastically {}, to the nearest {}", exact, random, stalled));
  EXPECT_NEAR(random, exact, 0.1 * exact);
  EXPECT_LT(stalled, 0.5 * exact);
}

// Weights and what is kept for them stay f32. Where a value is rounded, the last bit of f32 may decide.
TEST_F(TrainingStep, MixedPrecisionIsTheInterpreters) {
  struct Case {
    const char *precision;
    double ofState, fromF32;
  };
  for (Case one : {Case{"bf16", 3e-2, 0x1p-8}, Case{"fp8", 1e-1, 0x1p-4}}) {
    SCOPED_TRACE(one.precision);
    StepOptions options{.rows = 2, .length = length, .maxGradNorm = 0.5, .weightDecay = 0.1};
    auto plain = make(options);
    options.precision = one.precision;
    auto program = make(options);
    ASSERT_TRUE(program && plain);
    auto traced = traceTrainingStep(directory.path(), options, progress);
    ASSERT_TRUE(traced.ok()) << traced.error().text();
    Interpreted interpreted(*traced, *program);
    for (int64_t step = 1; step <= 3; ++step) {
      StepInput in(step);
      auto result = program->step({&in.batch, 1}, in.scalars), inF32 = plain->step({&in.batch, 1}, in.scalars);
      ASSERT_TRUE(result.ok() && inF32.ok());
      EXPECT_NEAR(result->loss, interpreted.step(in.batch, in.scalars), one.ofState / 10) << step;
      EXPECT_NE(result->loss, inF32->loss);
      EXPECT_NEAR(result->loss, inF32->loss, one.fromF32 * inF32->loss);
    }
    for (const train::TensorState &state : program->state()) {
      EXPECT_EQ(state.type, DType::f32) << state.name;
      EXPECT_LT(largestDifference(floats(state), interpreted.value(state.name)), one.ofState) << state.name;
    }
  }
}

// A scale of any size changes nothing but what gets lost; one that is too large leaves the step out and halves itself.
TEST_F(TrainingStep, LossScaling) {
  StepOptions options{.rows = 2, .length = length, .maxGradNorm = 0.5, .weightDecay = 0.1, .precision = "f16"};
  auto plain = make({.rows = 2, .length = length, .maxGradNorm = 0.5, .weightDecay = 0.1});
  for (bool accumulate : {false, true}) {
    options.accumulate = accumulate;
    auto program = make(options);
    ASSERT_TRUE(program && plain);
    std::span<float> scale = floats(program->state().back());
    ASSERT_EQ(program->state().back().name, "loss_scale/state");
    Tokens tokens(2);
    train::Batch batch = tokens.batch();
    auto norm = [&](train::StepProgram &of) {
      auto result = of.step({&batch, 1}, {.learningRate = 0, .step = 1});
      EXPECT_TRUE(result.ok() && result->applied);
      return result.ok() ? result->gradientNorm : NAN;
    };
    double exact = norm(*plain);
    for (float given : {1.f, 1024.f}) {
      scale[0] = given;
      EXPECT_NEAR(norm(*program), exact, 0x1p-9 * exact) << given;
      EXPECT_EQ(scale[0], given);
    }
    scale[0] = 0x1p120f;
    auto result = program->step({&batch, 1}, {.learningRate = 1, .step = 2});
    ASSERT_TRUE(result.ok());
    EXPECT_FALSE(result->applied);
    EXPECT_EQ(result->lossScale, 0x1p120);
    EXPECT_EQ(scale[0], 0x1p119f);
    scale[0] = 65536;
    EXPECT_NEAR(norm(*program), exact, 0x1p-9 * exact);  // the weights are what they were
  }
}

TEST_F(TrainingStep, PartsOfABatchMakeTheSameStep) {
  auto whole = make({.rows = 4, .length = length, .weightDecay = 0.1});
  auto parts = make({.rows = 2, .length = length, .weightDecay = 0.1, .accumulate = true});
  ASSERT_TRUE(whole && parts);
  for (int64_t step = 1; step <= 2; ++step) {
    Tokens tokens(4, uint64_t(step));
    train::Batch all = tokens.batch(), cut[] = {tokens.part(0, 2), tokens.part(2, 1), tokens.part(3, 1)};
    auto one = whole->step({&all, 1}, {.learningRate = 0.01, .step = step});
    auto other = parts->step(cut, {.learningRate = 0.01, .step = step});
    ASSERT_TRUE(one.ok() && other.ok());
    EXPECT_NEAR(one->loss, other->loss, 1e-5 * one->loss);
    EXPECT_NEAR(one->gradientNorm, other->gradientNorm, 1e-5 * one->gradientNorm);
  }
  for (size_t i = 0; i < whole->state().size(); ++i)
    EXPECT_LT(largestDifference(floats(whole->state()[i]), floats(parts->state()[i])), 1e-4) << whole->state()[i].name;
}

// Several blocks of attention, documents that end inside of them, padding.
TEST_F(TrainingStep, ThreadsMakeNoDifference) {
  constexpr int64_t rows = 2, tokens = 150;
  std::vector<int32_t> ids, segments, labels;
  for (int64_t i = 0; i < rows * tokens; ++i) {
    int64_t place = i % tokens;
    ids.push_back(int32_t(i * 7 % vocabulary));
    segments.push_back(place < 40 ? 1 : place < 101 ? 2 : place < 140 ? 3 : 0);
    labels.push_back(segments.back() ? ids.back() : -100);
  }
  train::Batch batch{rows, tokens, ids, segments, labels};
  std::vector<std::vector<float>> states;
  for (int64_t threads : {1, 2, 3, 3}) {
    auto program = make({.rows = rows, .length = tokens, .threads = threads});
    ASSERT_TRUE(program);
    for (int64_t step = 1; step <= 2; ++step)
      ASSERT_TRUE(program->step({&batch, 1}, {.learningRate = 0.01, .step = step}).ok());
    std::vector<float> all;
    for (const train::TensorState &state : program->state()) {
      std::span<float> values = floats(state);
      all.insert(all.end(), values.begin(), values.end());
    }
    states.push_back(std::move(all));
  }
  for (const std::vector<float> &other : states) EXPECT_EQ(other, states.front());
}

// Nothing is as large as all pairs of positions.
TEST_F(TrainingStep, MemoryGrowsWithTheSequenceAndNotWithItsSquare) {
  auto planned = [&](int64_t tokens) {
    auto program = make({.rows = 1, .length = tokens});
    return program ? double(program->plannedBytes()) : 0;
  };
  double first = planned(1024), second = planned(4096), third = planned(7168);
  EXPECT_GT(first, 0);
  EXPECT_NEAR(third - second, second - first, 0.01 * (second - first));
}

// When weights move makes no difference to them, whatever is kept for them.
TEST_F(EightBitState, EarlyUpdatesChangeNoBit) {
  StepOptions plain{.rows = 2, .length = length, .maxGradNorm = 0, .weightDecay = 0.1, .seed = 7};
  std::vector<StepOptions> all;
  auto with = [&](auto change) { change(all.emplace_back(plain)); };
  with([](StepOptions &o) { o.optimizer = "muon"; });
  with([](StepOptions &o) { o.optimizer = "lion_8bit", o.emaDecay = 0.9; });
  with([](StepOptions &o) { o.weightType = "bf16", o.precision = "bf16"; });
  with([](StepOptions &o) {
    o.optimizer = "adafactor", o.groups = {{"model.layers.*", 0.5, 0}}, o.frozen = {"*.q_proj.weight"};
  });
  for (StepOptions &options : all) {
    SCOPED_TRACE(options.optimizer + " " + options.weightType);
    auto early = make(options);
    options.earlyUpdates = "never";
    auto late = make(options);
    ASSERT_TRUE(early && late);
    EXPECT_TRUE(early->movesEarly());
    EXPECT_FALSE(late->movesEarly());
    for (int64_t step = 1; step <= 3; ++step) {
      StepInput in(step);
      auto one = early->step({&in.batch, 1}, in.scalars), other = late->step({&in.batch, 1}, in.scalars);
      ASSERT_TRUE(one.ok() && other.ok());
      EXPECT_TRUE(one->applied);
      EXPECT_EQ(one->loss, other->loss);
      EXPECT_EQ(one->gradientNorm, other->gradientNorm);
      auto weights = std::ranges::count_if(early->state(), [](auto &state) { return state.isWeight; });
      EXPECT_EQ(one->movedWeights, weights);
      EXPECT_EQ(other->movedWeights, 0);
    }
    EXPECT_EQ(bytesOf(*early), bytesOf(*late));
  }
}

// Logits of zero, from weights of the head that are so large that the gradient of the last norm overflows, and it
// alone.
TEST_F(TrainingStep, EarlyUpdatesLeaveOutWeightsWithoutAFiniteGradient) {
  StepOptions options{.rows = 2, .length = length, .maxGradNorm = 0, .weightDecay = 0.1};
  auto program = make(options);
  ASSERT_TRUE(program);
  auto values = [&](const std::string &name) {
    auto found = std::ranges::find(program->state(), name, &train::TensorState::name);
    return found == program->state().end() ? std::span<float>() : floats(*found);
  };
  std::ranges::fill(values("model.norm.weight"), 0);
  for (float &weight : values("lm_head.weight")) weight = std::copysign(1e38f, weight);
  std::vector<float> head(values("lm_head.weight").begin(), values("lm_head.weight").end());
  StepInput in(1);
  auto result = program->step({&in.batch, 1}, in.scalars);
  ASSERT_TRUE(result.ok());
  EXPECT_NEAR(result->loss, std::log(double(vocabulary)), 1e-5);
  EXPECT_FALSE(std::isfinite(result->gradientNorm));
  EXPECT_FALSE(result->applied);
  auto weights = std::ranges::count_if(program->state(), [](auto &state) { return state.isWeight; });
  EXPECT_EQ(result->movedWeights, weights - 1);
  for (const char *name : {"model.norm.weight", "exp_avg/model.norm.weight", "exp_avg_sq/model.norm.weight"}) {
    ASSERT_FALSE(values(name).empty()) << name;
    EXPECT_TRUE(std::ranges::all_of(values(name), [](float value) { return value == 0; })) << name;
  }
  EXPECT_FALSE(std::ranges::equal(values("lm_head.weight"), head));
  for (const train::TensorState &state : program->state())
    EXPECT_TRUE(std::ranges::all_of(floats(state), [](float value) { return std::isfinite(value); })) << state.name;
}

TEST_F(TrainingStep, EarlyUpdatesAreRefusedWhereAllGradientsAreNeeded) {
  using Change = void (*)(StepOptions &);
  for (auto [change, what] :
       {std::pair<Change, const char *>{[](StepOptions &o) { o.maxGradNorm = 1; }, "max_grad_norm"},
        {[](StepOptions &o) { o.accumulate = true; }, "gradient_accumulation_steps"},
        {[](StepOptions &o) { o.precision = "f16"; }, "f16"},
        {[](StepOptions &o) { o.earlyUpdates = "often"; }, "often"}}) {
    StepOptions options{.rows = 2, .length = length, .maxGradNorm = 0, .earlyUpdates = "always"};
    change(options);
    auto made = makeTrainingStep(directory.path(), options, progress);
    ASSERT_FALSE(made.ok()) << what;
    EXPECT_NE(made.error().text().find(what), std::string::npos) << made.error().text();
    if (options.earlyUpdates == "often") continue;
    options.earlyUpdates = "auto";
    auto late = make(options);
    ASSERT_TRUE(late);
    EXPECT_FALSE(late->movesEarly());
  }
}

TEST_F(TrainingStep, WhatIsNotFiniteChangesNothing) {
  for (double clipping : {1, 0}) {
    SCOPED_TRACE(clipping);
    auto program = make(
        {.rows = 2, .length = length, .maxGradNorm = clipping, .emaDecay = 0.9, .model = train::ModelWeights::latest});
    ASSERT_TRUE(program);
    EXPECT_EQ(program->movesEarly(), clipping == 0);
    Tokens tokens(2);
    train::Batch batch = tokens.batch();
    ASSERT_TRUE(program->step({&batch, 1}, {.learningRate = 0.01, .step = 1}).ok());
    floats(program->state()[1])[0] = NAN;
    std::vector<std::byte> before = bytesOf(*program);
    auto result = program->step({&batch, 1}, {.learningRate = 0.01, .step = 2});
    ASSERT_TRUE(result.ok());
    EXPECT_FALSE(result->applied);
    EXPECT_EQ(result->movedWeights, 0);
    EXPECT_EQ(bytesOf(*program), before);
  }
}

TEST_F(TrainingStep, FrozenWeightsStay) {
  auto program = make({.rows = 2, .length = length, .frozen = {"model.layers.*", "model.embed_tokens.weight"}});
  ASSERT_TRUE(program);
  std::vector<std::string> names;
  for (const train::TensorState &state : program->state())
    if (state.isWeight) names.push_back(state.name);
  EXPECT_EQ(names, (std::vector<std::string>{"model.norm.weight", "lm_head.weight"}));
  auto none = makeTrainingStep(directory.path(), {.rows = 2, .length = length, .frozen = {"nothing*"}}, progress);
  ASSERT_FALSE(none.ok());
  EXPECT_NE(none.error().text().find("nothing*"), std::string::npos) << none.error().text();
}

// Of plain descent: the head stays, layers go half as far, all others as far as ever.
TEST_F(TrainingStep, ParameterGroups) {
  StepOptions options{.rows = 2,
                      .length = length,
                      .optimizer = "sgd",
                      .optimizerSettings = {{"momentum", 0}},
                      .maxGradNorm = 0,
                      .weightDecay = 0.1};
  auto start = make(options), plain = make(options);
  options.groups = {{"lm_head.*", 0, 5}, {"model.layers.*", 0.5, 0.1}, {"*norm.weight", 7, 0}};
  auto grouped = make(options);
  ASSERT_TRUE(start && plain && grouped);
  Tokens tokens(2);
  train::Batch batch = tokens.batch();
  for (auto *program : {plain.get(), grouped.get()})
    ASSERT_TRUE(program->step({&batch, 1}, {.learningRate = 0.1, .step = 1}).ok());
  for (size_t i = 0; i < start->state().size(); ++i) {
    const std::string &name = start->state()[i].name;
    std::span<float> from = floats(start->state()[i]), whole = floats(plain->state()[i]),
                     own = floats(grouped->state()[i]);
    bool head = name == "lm_head.weight", layer = name.starts_with("model.layers."), norm = name == "model.norm.weight";
    bool vector = start->state()[i].shape.size() == 1;
    for (size_t k = 0; k < from.size(); ++k) {
      double step = whole[k] - from[k], expected = head ? 0 : norm ? 7 * step : layer ? 0.5 * step : step;
      if (layer && vector) expected -= 0.5 * 0.1 * 0.1 * from[k];  // vectors decay where a group says so
      ASSERT_NEAR(own[k] - from[k], expected, 2e-6) << name;
    }
  }
  options.groups = {{"nothing*"}};
  auto none = makeTrainingStep(directory.path(), options, progress);
  ASSERT_FALSE(none.ok());
  EXPECT_NE(none.error().text().find("nothing*"), std::string::npos) << none.error().text();
}

// Of plain descent: from the head down each layer goes half as far as the one above it, but for a group's own rate.
TEST_F(TrainingStep, LayersLearnByTheirOwnRates) {
  StepOptions options{
      .rows = 2, .length = length, .optimizer = "sgd", .optimizerSettings = {{"momentum", 0}}, .maxGradNorm = 0};
  auto start = make(options), plain = make(options);
  options.layerDecay = 0.5;
  options.groups = {{"*.input_layernorm.weight", 3}, {"*.q_proj.weight", {}, 0}};
  options.frozen = {"model.embed_tokens.weight"};
  auto frozen = make(options);
  options.frozen.clear();
  auto decayed = make(options);
  ASSERT_TRUE(start && plain && decayed && frozen);
  Tokens tokens(2);
  train::Batch batch = tokens.batch();
  for (auto *program : {plain.get(), decayed.get(), frozen.get()})
    ASSERT_TRUE(program->step({&batch, 1}, {.learningRate = 0.1, .step = 1}).ok());
  int64_t last = 0;
  auto layerIn = [](const std::string &name) {
    return name.starts_with("model.layers.") ? std::stoll(name.substr(13)) : -1;
  };
  for (const train::TensorState &state : start->state()) last = std::max<int64_t>(last, layerIn(state.name));
  ASSERT_GE(last, 1);
  std::map<std::string, std::span<float>> ofFrozen;
  for (const train::TensorState &state : frozen->state()) ofFrozen[state.name] = floats(state);
  EXPECT_FALSE(ofFrozen.contains("model.embed_tokens.weight"));
  for (size_t i = 0; i < start->state().size(); ++i) {
    const std::string &name = start->state()[i].name;
    double share = layerIn(name) >= 0 ? std::pow(0.5, double(last - layerIn(name))) : 1;
    if (name == "model.embed_tokens.weight") share = std::pow(0.5, double(last + 1));
    if (name.ends_with("input_layernorm.weight")) share = 3;
    std::span<float> from = floats(start->state()[i]), whole = floats(plain->state()[i]),
                     own = floats(decayed->state()[i]);
    for (size_t k = 0; k < from.size(); ++k) {
      ASSERT_NEAR(own[k] - from[k], share * (whole[k] - from[k]), 2e-6) << name;
      if (ofFrozen.contains(name)) ASSERT_EQ(ofFrozen[name][k], own[k]) << name;
    }
  }
}

TEST_F(TrainingStep, EvaluationIsTheLossOfTheSameWeights) {
  auto program = make({.rows = 2, .length = length});
  ASSERT_TRUE(program);
  Tokens tokens(2);
  train::Batch batch = tokens.batch();
  auto evaluation = program->evaluate(batch);
  ASSERT_TRUE(evaluation.ok());
  EXPECT_EQ(evaluation->targets, 2 * (length - 1) - 1);
  auto result = program->step({&batch, 1}, {.learningRate = 0, .step = 1});
  ASSERT_TRUE(result.ok());
  EXPECT_NEAR(result->loss, evaluation->sum / double(evaluation->targets), 1e-5);
}

TEST_F(TrainingStep, UnknownNamesGetTheNearest) {
  auto text = [&](const StepOptions &options) {
    auto program = makeTrainingStep(directory.path(), options, progress);
    return program.ok() ? std::string() : program.error().text();
  };
  EXPECT_NE(text({.optimizer = "adamv"}).find("adamw"), std::string::npos);
  EXPECT_NE(text({.optimizer = "adamw_8bits"}).find("adamw"), std::string::npos);
  EXPECT_NE(text({.emaDecay = 0.9, .weightType = "bf16"}).find("averages need weights in f32"), std::string::npos);
  EXPECT_NE(text({.weightType = "f16"}).find("use f32 or bf16"), std::string::npos);
  EXPECT_NE(text({.optimizerState = "4bit"}).find("use f32 or 8bit"), std::string::npos);
  EXPECT_NE(text({.optimizerSettings = {{"beta_1", 0.9}}}).find("beta1"), std::string::npos);
  EXPECT_NE(text({.optimizerSettings = {{"beta1", 1.5}}}).find("out of range"), std::string::npos);
}
}  // namespace
}  // namespace llc::cli
