// Directories that are wrong: each mistake gets one message that names the file, the tensor or key, and the remedy.
#include "frontends/huggingface/import.h"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "mlir/IR/MLIRContext.h"
#include "models/registry.h"

namespace llc::huggingface {
namespace fs = std::filesystem;
namespace {
using Json = nlohmann::json;

// A copy of a golden model that a test may spoil.
class Import : public testing::Test {
 protected:
  void SetUp() override { copy("llama"); }
  void TearDown() override { fs::remove_all(folder); }
  void copy(const std::string &golden) {
    folder = fs::temp_directory_path() /
             ("llc_import_" + std::string(testing::UnitTest::GetInstance()->current_test_info()->name()));
    fs::remove_all(folder);
    fs::create_directories(folder);
    for (const char *file : {"config.json", "model.safetensors"})
      fs::copy_file(fs::path(LLC_SOURCE_DIR) / "tests/golden/architectures" / golden / file, folder / file);
  }
  void write(const std::string &file, const std::string &text) {
    std::ofstream(folder / file, std::ios::binary) << text;
  }
  void change(const Json &patch) {
    Json config = Json::parse(std::ifstream(folder / "config.json"));
    config.merge_patch(patch);
    write("config.json", config.dump());
  }
  // Everything that is said: the error's text, or the warnings of a success, one per line.
  std::string outcome(const TraceOptions &options = {}) {
    Result<ModelSource> source = openHuggingFace(folder, models::architectures());
    if (!source.ok()) return "error " + source.error().text();
    mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
    auto module = traceModel(*source, context, options);
    if (!module.ok()) return "error " + module.error().text();
    std::string warnings = "traced\n";
    for (const std::string &warning : source->warnings) warnings += warning + "\n";
    return warnings;
  }
  void expectError(const std::vector<std::string> &parts, const TraceOptions &options = {}) {
    std::string text = outcome(options);
    EXPECT_TRUE(text.starts_with("error ")) << text;
    EXPECT_NE(text.find("; to fix: "), std::string::npos) << text;
    for (const std::string &part : parts)
      EXPECT_NE(text.find(part), std::string::npos) << "'" << part << "' in: " << text;
  }
  fs::path folder;
};

TEST_F(Import, TheUnspoiltCopyIsFine) { EXPECT_EQ(outcome(), "traced\n"); }

TEST_F(Import, NoSuchDirectory) {
  fs::remove_all(folder);
  expectError({"is not a directory"});
  fs::create_directories(folder);
  expectError({"has no config.json"});
}
TEST_F(Import, DamagedConfiguration) {
  write("config.json", R"({"model_type": "llama", )");
  expectError({"config.json", "is not usable JSON"});
  write("config.json", R"({"model_type": 7})");
  expectError({"model_type", "expected a text, found 7"});
}
TEST_F(Import, UnknownArchitecture) {
  change({{"model_type", "lama"}});
  expectError({"unknown architecture 'lama'", "'llama'", "models/architectures", "docs/guides/add-an-architecture.md"});
  change({{"model_type", nullptr}, {"architectures", {"LlamaForCausalLM"}}});
  EXPECT_EQ(outcome(), "traced\n");
  change({{"architectures", nullptr}});
  expectError({"names no model_type"});
}
TEST_F(Import, AnotherHeadIsReported) {
  change({{"architectures", {"LlamaForTokenClassification"}}});
  EXPECT_NE(outcome().find("'LlamaForTokenClassification' is read as 'LlamaForCausalLM'"), std::string::npos)
      << outcome();
}
TEST_F(Import, AClassifierNeedsItsHead) {
  change({{"architectures", {"LlamaForSequenceClassification"}}, {"num_labels", 3}});
  expectError({"'score.weight' [3, 16]", "is missing"});
}
TEST_F(Import, UnsupportedRope) {
  change({{"rope_parameters", {{"rope_type", "spiral"}, {"rope_theta", 10000.0}}}});
  expectError({"rope_parameters.rope_type", "unsupported rope type 'spiral'", "yarn", "longrope"});
  change({{"rope_parameters", {{"rope_type", "linear"}}}});
  expectError({"rope_parameters.factor", "is missing"});
  change(
      {{"rope_parameters", {{"rope_type", "longrope"}, {"factor", 2}, {"short_factor", {1}}, {"long_factor", {1}}}}});
  expectError({"rope_parameters.short_factor", "has 1 numbers, the heads need 2"});
  change({{"rope_parameters", {{"full_attention", {{"rope_type", "default"}}}}}});
  expectError({"rope_parameters.full_attention", "not supported by this architecture"});
}
TEST_F(Import, KeysThatNobodyUnderstandsAreReported) {
  change({{"attention_sparsity", 4}});
  EXPECT_NE(outcome().find("attention_sparsity: architecture 'llama' does not know this key"), std::string::npos)
      << outcome();
  change({{"quantization_config", {{"bits", 4}}}});
  expectError({"quantization_config", "quantized"});
}
TEST_F(Import, ValuesThatMakeNoSense) {
  for (auto &[patch, parts] : std::vector<std::pair<Json, std::vector<std::string>>>{
           {{{"num_key_value_heads", 3}}, {"num_key_value_heads", "4 query heads can't share 3"}},
           {{{"hidden_act", "wavelet"}}, {"hidden_act", "unknown activation 'wavelet'", "silu"}},
           {{{"num_hidden_layers", 1000000}}, {"num_hidden_layers", "more than 4096"}},
           {{{"hidden_size", nullptr}}, {"hidden_size", "is missing"}},
           {{{"num_attention_heads", 0}}, {"num_attention_heads", "expected a size"}},
           {{{"num_attention_heads", 5}, {"head_dim", nullptr}},
            {"num_attention_heads", "5 heads can't share a hidden size of 16"}},
           {{{"rms_norm_eps", -1}}, {"rms_norm_eps"}},
           {{{"head_dim", 2000000000}}, {"head_dim", "elements per head are more than 65536"}},
           {{{"is_encoder_decoder", true}}, {"encoder-decoder"}}}) {
    copy("llama");
    change(patch);
    expectError(parts);
  }
}
TEST_F(Import, ShapesThatDoNotFitNameTheKey) {
  change({{"vocab_size", 65}});
  expectError({"model.safetensors: model.embed_tokens.weight", "the file has shape [64, 16]",
               "config.json needs [65, 16]", "65 is vocab_size"});
  copy("llama");
  change({{"head_dim", 8}});
  expectError({"layers.0.self_attn.q_proj.weight", "[16, 16]", "[32, 16]", "32 is num_attention_heads x head_dim"});
}
TEST_F(Import, MissingTensors) {
  change({{"num_hidden_layers", 3}});
  expectError({"'model.layers.2.input_layernorm.weight' [16] is missing", "num_hidden_layers"});
  copy("llama-linear");
  change({{"tie_word_embeddings", false}});
  expectError({"'lm_head.weight' [64, 16] is missing", "tie_word_embeddings"});
}
TEST_F(Import, TensorsWithoutUse) {
  change({{"num_hidden_layers", 1}});
  expectError({"holds 16 tensors that config.json gives no use for", "model.layers.1.", "..."});
  copy("llama");
  change({{"attention_bias", false}});
  expectError({"q_proj.bias", "biases?"});
}
TEST_F(Import, DamagedWeights) {
  fs::resize_file(folder / "model.safetensors", fs::file_size(folder / "model.safetensors") - 100);
  expectError({"model.safetensors"});
  fs::remove(folder / "model.safetensors");
  expectError({folder.string()});
}
TEST_F(Import, ContextBeyondLearnedPositions) {
  copy("gpt2");
  expectError({"n_positions", "learned positions for 32 only", "--max-context 32"},
              {.dtype = {}, .bounds = {.maxContext = 33}});
  EXPECT_EQ(outcome({.dtype = {}, .bounds = {.maxContext = 32}}), "traced\n");
}
TEST_F(Import, PrefixesThatBareModelsLack) {
  copy("gpt2");
  Result<ModelSource> source = openHuggingFace(folder, models::architectures());
  ASSERT_TRUE(source.ok());
  SafeTensorsWriter writer((folder / "bare.safetensors").string());
  for (const TensorView &tensor : source->checkpoint.tensors())
    ASSERT_TRUE(writer.declare(tensor.name.substr(std::string("transformer.").size()), tensor.type, tensor.shape).ok());
  for (const TensorView &tensor : source->checkpoint.tensors()) ASSERT_TRUE(writer.write(tensor.bytes).ok());
  ASSERT_TRUE(writer.finish().ok());
  fs::rename(folder / "bare.safetensors", folder / "model.safetensors");
  EXPECT_EQ(outcome({.dtype = {}, .bounds = {.maxContext = 32}}), "traced\n");
}
TEST_F(Import, GenerationDefaults) {
  write("generation_config.json",
        R"({"eos_token_id": [2, 5], "do_sample": true, "temperature": 0.6, "top_p": 0.9, "top_k": 20})");
  Result<ModelSource> source = openHuggingFace(folder, models::architectures());
  ASSERT_TRUE(source.ok()) << source.error().text();
  EXPECT_EQ(source->generation.eosIds, (std::vector<int64_t>{2, 5}));
  EXPECT_EQ(source->generation.bosId, 1);  // from config.json
  EXPECT_EQ(source->generation.temperature, 0.6);
  EXPECT_EQ(source->generation.topK, 20);
  EXPECT_TRUE(source->generation.sample);
  write("generation_config.json", R"({"eos_token_id": "two"})");
  expectError({"generation_config.json: eos_token_id"});
}
TEST_F(Import, TypesOfWeights) {
  copy("llama-linear");
  Result<ModelSource> source = openHuggingFace(folder, models::architectures());
  ASSERT_TRUE(source.ok());
  EXPECT_EQ(source->storedType, DType::bf16);
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  auto typesIn = [&](std::optional<DType> wanted) {
    auto module = traceModel(*source, context, {.dtype = wanted});
    std::string text;
    llvm::raw_string_ostream stream(text);
    if (module.ok()) (*module)->print(stream);
    return text;
  };
  EXPECT_NE(typesIn({}).find("@model.embed_tokens.weight : tensor<64x16xbf16>"), std::string::npos);
  EXPECT_NE(typesIn({}).find("@model.norm.weight : tensor<16xf32>"), std::string::npos);
  EXPECT_NE(typesIn(DType::f32).find("@model.embed_tokens.weight : tensor<64x16xf32>"), std::string::npos);
  std::vector<std::byte> bytes(64 * 16 * 4);
  ASSERT_TRUE(source->copyWeight("model.embed_tokens.weight", DType::f32, bytes).ok());
  const TensorView *stored = source->checkpoint.find("model.embed_tokens.weight");
  EXPECT_EQ(loadElement(bytes.data(), DType::f32, 77), loadElement(stored->bytes.data(), stored->type, 77));
  EXPECT_FALSE(source->copyWeight("model.embed_tokens.weight", DType::f16, bytes).ok());
  EXPECT_NE(outcome({.dtype = DType::i8}).find("use f32, f16 or bf16"), std::string::npos);
}
}  // namespace
}  // namespace llc::huggingface
