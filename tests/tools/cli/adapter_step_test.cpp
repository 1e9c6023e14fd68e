// A training step of an adapter: what it computes, and what it leaves alone.
#include <gtest/gtest.h>

#include <fstream>

#include "dialect/ops/llm.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "models/registry.h"
#include "tests/runtime/temporary_directory.h"
#include "tools/cli/new_adapter.h"
#include "tools/cli/new_model.h"
#include "tools/cli/training_step.h"

namespace llc::cli {
namespace {
constexpr int64_t vocabulary = 40, length = 8, rank = 3;

// Sizes that tell the weights' shapes from all others.
const char *const llama = R"({"model_type": "llama", "architectures": ["LlamaForCausalLM"], "vocab_size": 40,
    "hidden_size": 20, "intermediate_size": 28, "num_hidden_layers": 2, "num_attention_heads": 2,
    "num_key_value_heads": 1, "max_position_embeddings": 32})";

class AdapterStep : public testing::TestWithParam<DType> {
 protected:
  AdapterStep() {
    directory.write("config.json", llama);
    EXPECT_TRUE(writeNewWeights(directory.path(), 3, 0.2, GetParam()).ok());
    EXPECT_TRUE(write("adapter", 5).ok());
    options = {.rows = 2, .length = length, .optimizer = "adamw", .maxGradNorm = 1, .threads = 1};
    options.adapter = directory.path() + "/adapter";
  }
  Status write(const std::string &name, uint64_t seed, double dropout = 0, bool hasMagnitudes = false) {
    LLC_ASSIGN(huggingface::ModelSource source,
               huggingface::openHuggingFace(directory.path(), models::architectures()));
    AdapterRequest request{.settings = {.rank = rank, .alpha = 6, .hasMagnitudes = hasMagnitudes, .dropout = dropout},
                           .targets = {"all-linear"},
                           .base = "base"};
    LLC_ASSIGN(AdapterPlan plan, planAdapter(source, request));
    return writeNewAdapter(source, plan, directory.path() + "/" + name, seed);
  }
  std::string bytes(const std::string &name) {
    std::ifstream file(directory.path() + "/" + name + "/adapter_model.safetensors", std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  TemporaryDirectory directory;
  StepOptions options;
  Progress progress{/*quiet=*/true};
};

TEST_P(AdapterStep, ANewAdapterFollowsFromItsSeed) {
  ASSERT_TRUE(write("same", 5).ok() && write("other", 6).ok());
  EXPECT_EQ(bytes("same"), bytes("adapter"));
  EXPECT_NE(bytes("other"), bytes("adapter"));
  auto file = SafeTensors::open(directory.path() + "/adapter/adapter_model.safetensors");
  ASSERT_TRUE(file.ok());
  double most = 0;
  for (const TensorView &tensor : file->tensors())
    for (int64_t i = 0; i < tensor.elements(); ++i) {
      double value = std::fabs(loadElement(tensor.bytes.data(), tensor.type, size_t(i)));
      if (tensor.name.ends_with("lora_B.weight")) {
        EXPECT_EQ(value, 0);
      } else {
        EXPECT_LT(value, 1 / std::sqrt(double(tensor.shape[1])));
        most = std::max(most, value * std::sqrt(double(tensor.shape[1])));
      }
    }
  EXPECT_GT(most, 0.9);
}

TEST_P(AdapterStep, NothingIsComputedForFrozenWeights) {
  auto traced = traceTrainingStep(directory.path(), options, progress);
  ASSERT_TRUE(traced.ok()) << traced.error().text();
  std::set<std::vector<int64_t>> weights;
  mlir::Type stored;
  traced->module->walk([&](llm::ParameterOp op) {
    auto type = mlir::cast<mlir::RankedTensorType>(op.getType());
    if (type.getRank() != 2 || op.getSymName().contains("lora")) return;
    weights.insert(type.getShape().vec());
    stored = type.getElementType();
  });
  EXPECT_TRUE(GetParam() == DType::f32 ? stored.isF32() : stored.isBF16());
  ASSERT_GE(weights.size(), 5u);
  int products = 0;
  traced->module->walk([&](mlir::Operation *op) {
    if (mlir::isa<llm::UseOp>(op)) return;
    for (mlir::Value result : op->getResults())
      // What nobody reads goes where the op is taken apart.
      if (auto type = mlir::dyn_cast<mlir::RankedTensorType>(result.getType()); type && !result.use_empty()) {
        EXPECT_FALSE(weights.contains(type.getShape().vec())) << op->getName().getStringRef().str();
        ++products;
      }
  });
  EXPECT_GT(products, 50);
}

TEST_P(AdapterStep, OnlyTheAdapterMovesAndLearns) {
  auto made = makeTrainingStep(directory.path(), options, progress);
  ASSERT_TRUE(made.ok()) << made.error().text();
  train::StepProgram &program = **made;
  for (const train::TensorState &state : program.state()) {
    EXPECT_NE(state.name.find("base_model.model.model.layers."), std::string::npos) << state.name;
    EXPECT_NE(state.name.find(".lora_"), std::string::npos) << state.name;
    EXPECT_EQ(state.type, DType::f32);
  }
  EXPECT_EQ(program.state().size(), 3u * 2 * 2 * 7);  // A and B with two moments, 7 layers in 2 blocks
  std::vector<int32_t> ids(2 * length), segments(ids.size(), 1);
  for (size_t i = 0; i < ids.size(); ++i) ids[i] = int32_t(i * 7 % vocabulary);
  train::Batch batch{2, length, ids, segments, ids};
  double first = 0, last = 0;
  for (int64_t step = 1; step <= 60; ++step) {
    auto result = program.step({&batch, 1}, {.learningRate = 0.02, .step = step});
    ASSERT_TRUE(result.ok());
    (step == 1 ? first : last) = result->loss;
  }
  EXPECT_LT(last, 0.5 * first);
}

// Zeros in B: what A reads makes no difference yet. Later it does, and evaluation leaves nothing out.
TEST_P(AdapterStep, DropoutIsOfWhatAReads) {
  std::vector<int32_t> ids(2 * length), segments(ids.size(), 1);
  for (size_t i = 0; i < ids.size(); ++i) ids[i] = int32_t(i * 7 % vocabulary);
  train::Batch batch{2, length, ids, segments, ids};
  for (bool hasMagnitudes : {false, true}) {
    ASSERT_TRUE(write("drops", 5, 0.4, hasMagnitudes).ok() && write("plain", 5, 0, hasMagnitudes).ok());
    std::vector<double> losses[2], evaluated;
    for (int drops = 0; drops < 2; ++drops) {
      options.adapter = directory.path() + (drops ? "/drops" : "/plain");
      auto made = makeTrainingStep(directory.path(), options, progress);
      ASSERT_TRUE(made.ok()) << made.error().text();
      evaluated.push_back((*made)->evaluate(batch)->sum);
      for (int64_t step = 1; step <= 3; ++step) {
        auto result = (*made)->step({&batch, 1}, {.learningRate = 0.02, .step = step});
        ASSERT_TRUE(result.ok());
        losses[drops].push_back(result->loss);
      }
      if (!drops) continue;
      // The same elements are left out where the number is the same.
      double again[2];
      for (double &loss : again) loss = (*made)->step({&batch, 1}, {.learningRate = 0, .step = 9})->loss;
      EXPECT_EQ(again[0], again[1]);
      EXPECT_NE(again[0], (*made)->step({&batch, 1}, {.learningRate = 0, .step = 10})->loss);
    }
    EXPECT_EQ(evaluated[0], evaluated[1]);
    EXPECT_NEAR(losses[0][0], losses[1][0], 1e-5);
    EXPECT_GT(std::fabs(losses[0][2] - losses[1][2]), 1e-4);
  }
}

INSTANTIATE_TEST_SUITE_P(Bases, AdapterStep, testing::Values(DType::f32, DType::bf16),
                         [](const auto &info) { return std::string(dtypeName(info.param)); });

}  // namespace
}  // namespace llc::cli
