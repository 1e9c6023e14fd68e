// Which layers an adapter is for, and whose adapter it is. Files and values: tests/end_to_end/adapters_test.py.
#include "frontends/huggingface/adapter.h"

#include <gtest/gtest.h>

#include <fstream>

#include "models/registry.h"
#include "tests/runtime/temporary_directory.h"

namespace llc::huggingface {
namespace fs = std::filesystem;
namespace {
const fs::path llama = fs::path(LLC_SOURCE_DIR) / "tests/golden/architectures/llama";

const std::vector<dsl::Projection> modules = {{"model.layers.0.self_attn.q_proj", 16, 16},
                                              {"model.layers.0.self_attn.xq_proj", 16, 16},
                                              {"model.layers.10.self_attn.q_proj", 16, 16},
                                              {"model.layers.10.mlp.up_proj", 16, 24}};

std::string chosen(const std::vector<std::string> &targets) {
  Result<AdapterTargets> found = chooseTargets(targets, modules);
  if (!found.ok()) return found.error().text();
  std::string places;
  for (const dsl::Projection &module : found->modules)
    for (size_t i = 0; i < modules.size(); ++i)
      if (modules[i].name == module.name) places += std::to_string(i);
  return places;
}

TEST(AdapterTargets, AreChosenAsByPeft) {
  EXPECT_EQ(chosen({"q_proj"}), "02");  // whole parts of names
  EXPECT_EQ(chosen({"self_attn.q_proj", "up_proj"}), "023");
  EXPECT_EQ(chosen({"model.layers.0.self_attn.q_proj"}), "0");
  EXPECT_EQ(chosen({"all-linear"}), "0123");
  EXPECT_EQ(chosen({R"(re:.*\.1\d\..*)"}), "23");
  EXPECT_EQ(chosen({"re:.*q_proj"}), "012");
  EXPECT_NE(chosen({"re:q_proj"}).find("no linear layer of the model fits 'q_proj'"), std::string::npos);
  EXPECT_NE(chosen({"q_proj", "up_prj"}).find("fits 'up_prj', near are 'up_proj'"), std::string::npos);
  EXPECT_NE(chosen({"re:("}).find("to fix"), std::string::npos);
}

TEST(AdapterTargets, AreWrittenAsPeftReadsThem) {
  dsl::NewAdapter made{{{"r", int64_t(4)}, {"lora_alpha", 0.5}, {"rank_pattern", std::map<std::string, int64_t>()}},
                       {}};
  AdapterTargets endings{modules, {"q_proj", "up_proj"}, ""}, expression{modules, {}, "a.*"};
  std::string list = adapterConfig("LORA", made, &endings, "base");
  auto config = dsl::Config::parse(list, "list");
  ASSERT_TRUE(config.ok());
  EXPECT_EQ(config->text("peft_type", ""), "LORA");
  EXPECT_EQ(config->text("base_model_name_or_path", ""), "base");
  EXPECT_EQ(config->integer("r", 0), 4);
  EXPECT_EQ(config->number("lora_alpha", 0), 0.5);
  EXPECT_EQ(config->texts("target_modules"), (std::vector<std::string>{"q_proj", "up_proj"}));
  EXPECT_NE(list.find("\"rank_pattern\": {}"), std::string::npos);
  EXPECT_NE(adapterConfig("LORA", made, &expression, "").find("\"target_modules\": \"a.*\""), std::string::npos);
  EXPECT_EQ(adapterConfig("PROMPT_TUNING", made, nullptr, "").find("target_modules"), std::string::npos);
}

// The golden model with its weights in another type, or one of them changed.
std::string fingerprintOf(DType type, bool changed = false) {
  TemporaryDirectory folder;
  fs::copy_file(llama / "config.json", fs::path(folder.path()) / "config.json");
  auto from = SafeTensors::open(llama.string());
  EXPECT_TRUE(from.ok());
  SafeTensorsWriter writer(folder.path() + "/model.safetensors");
  for (const TensorView &tensor : from->tensors()) EXPECT_TRUE(writer.declare(tensor.name, type, tensor.shape).ok());
  for (const TensorView &tensor : from->tensors()) {
    std::vector<std::byte> bytes(size_t(tensor.elements()) * byteSize(type));
    for (size_t i = 0; i < size_t(tensor.elements()); ++i)
      storeElement(bytes.data(), type, i, loadElement(tensor.bytes.data(), tensor.type, i) + (changed ? 0.01 : 0));
    EXPECT_TRUE(writer.write(bytes).ok());
  }
  EXPECT_TRUE(writer.finish().ok());
  auto source = openHuggingFace(folder.path(), models::architectures());
  EXPECT_TRUE(source.ok()) << source.error().text();
  return source.ok() ? baseFingerprint(*source) : "";
}

TEST(BaseFingerprint, IsOfTheNumbersNotOfTheirType) {
  std::string plain = fingerprintOf(DType::f32);
  EXPECT_EQ(plain.size(), 32u);
  EXPECT_EQ(plain, fingerprintOf(DType::bf16));
  EXPECT_NE(plain, fingerprintOf(DType::f32, /*changed=*/true));
}

}  // namespace
}  // namespace llc::huggingface
