// The conformance cases of the decoder architectures, by the interpreter, where the cases are installed: folders with a
// Hugging Face model, expected.safetensors and case.json, under $LLC_SHARED/conformance/cases (or ../shared/...), or
// $LLC_CASES.
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/models/interpreted_model.h"

namespace llc::test {
namespace fs = std::filesystem;
namespace {
fs::path casesFolder() {
  if (const char *folder = std::getenv("LLC_CASES")) return folder;
  const char *shared = std::getenv("LLC_SHARED");
  return (shared ? fs::path(shared) : fs::path(LLC_SOURCE_DIR) / ".." / "shared") / "conformance" / "cases";
}

std::string read(const fs::path &path) {
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

bool generates(const fs::path &folder) {
  return nlohmann::json::parse(read(folder / "case.json"), nullptr, false).value("kind", "") != "masked";
}

// Cases whose architecture is one of ours; those that fill in are tests/end_to_end/encoders_test.py's.
std::vector<std::string> cases() {
  std::vector<std::string> list;
  std::error_code none;
  for (auto &entry : fs::directory_iterator(casesFolder(), none)) {
    std::string name = entry.path().filename().string(), architecture = name.substr(0, name.rfind('-'));
    for (const dsl::Architecture &known : models::architectures())
      if (known.name == architecture && generates(entry.path())) list.push_back(name);
  }
  std::sort(list.begin(), list.end());
  return list;
}

class Conformance : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    fs::path folder = casesFolder() / GetParam();
    Result<std::unique_ptr<InterpretedModel>> opened = InterpretedModel::open(folder);
    ASSERT_TRUE(opened.ok()) << opened.error().text();
    model = std::move(*opened);
    Result<SafeTensors> file = SafeTensors::open((folder / "expected.safetensors").string());
    ASSERT_TRUE(file.ok()) << file.error().text();
    expected = std::move(*file);
    description = nlohmann::json::parse(read(folder / "case.json"));
    dynamicRope = read(folder / "config.json").find("\"dynamic\"") != std::string::npos;
  }
  // Row `row` of a [B,S] tensor, only where the mask (if any) is 1.
  std::vector<int64_t> row(const std::string &name, size_t row, const std::vector<int64_t> &mask = {}) {
    std::vector<int64_t> all = idsOf(expected, name), kept;
    size_t width = size_t(expected.find(name)->shape[1]);
    for (size_t i = row * width; i < (row + 1) * width; ++i)
      if (mask.empty() || mask[i]) kept.push_back(all[i]);
    return kept;
  }

  std::unique_ptr<InterpretedModel> model;
  SafeTensors expected;
  nlohmann::json description;
  bool dynamicRope = false;
};

TEST_P(Conformance, Logits) {
  Result<llm::Tensor> logits = model->run("step", {{row("input_ids", 0)}, {row("input_ids", 1)}});
  ASSERT_TRUE(logits.ok()) << logits.error().text();
  EXPECT_LT(difference(*logits, valuesOf(expected, "logits")), 2e-5);
}

TEST_P(Conformance, PaddedLogits) {
  if (!expected.find("padded_logits")) GTEST_SKIP() << "no padded batch in this case";
  if (dynamicRope)
    GTEST_SKIP() << "the reference goes on with the base of the longest sequence it ever saw, here the greedy run's";
  std::vector<int64_t> mask = idsOf(expected, "padded_attention_mask");
  std::vector<double> padded = valuesOf(expected, "padded_logits"), kept;
  size_t vocabulary = size_t(model->source.model.vocabulary);
  for (size_t i = 0; i < mask.size(); ++i)
    if (mask[i])
      kept.insert(kept.end(), padded.begin() + int64_t(i * vocabulary), padded.begin() + int64_t((i + 1) * vocabulary));
  Result<llm::Tensor> logits =
      model->run("step", {{row("padded_input_ids", 0, mask)}, {row("padded_input_ids", 1, mask)}});
  ASSERT_TRUE(logits.ok()) << logits.error().text();
  EXPECT_LT(difference(*logits, kept), 2e-5) << description["padding"].dump();
}

TEST_P(Conformance, Greedy) {
  std::vector<int64_t> wanted = idsOf(expected, "greedy_ids"), ids = row("input_ids", 0), produced;
  Result<llm::Tensor> logits = model->run("step", {{ids}}, {int64_t(ids.size()) - 1});
  while (logits.ok()) {
    auto values = logits->values();
    produced.push_back(std::max_element(values.begin(), values.end()) - values.begin());
    if (produced.size() == wanted.size()) break;
    logits = model->run("step", {{{produced.back()}, int64_t(ids.size() + produced.size()) - 1}}, {0});
  }
  ASSERT_TRUE(logits.ok()) << logits.error().text();
  EXPECT_EQ(produced, wanted);
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(Conformance);
INSTANTIATE_TEST_SUITE_P(Cases, Conformance, testing::ValuesIn(cases()), [](const auto &info) {
  std::string name = info.param;
  for (char &c : name) c = c == '-' ? '_' : c;
  return name;
});
}  // namespace
}  // namespace llc::test
