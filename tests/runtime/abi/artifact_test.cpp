#include "runtime/abi/artifact.h"

#include <gtest/gtest.h>

#include "runtime/base/json_read.h"
#include "tests/runtime/temporary_directory.h"

namespace llc {
namespace {

std::span<const std::byte> bytesOf(std::string_view text) { return std::as_bytes(std::span(text.data(), text.size())); }

Manifest example() {
  Manifest m;
  m.model = "llama", m.name = "tiny \"model\"", m.dtype = "bf16";
  m.levels = {"avx2", "generic"};
  m.vocabulary = 32000, m.hidden = 64, m.layers = 2;
  m.maxTokens = 512, m.maxRows = 64, m.maxSequences = 16, m.maxContext = 2048;
  m.arenaBytes = 1 << 20, m.scratchBytes = 4096, m.flopsPerToken = 1.5e9, m.bytesPerToken = 123456789012;
  m.entries = {{"step",
                {{"tokens", DType::i32, {dynamicSize(LLC_DIM_TOKENS)}}},
                {{"logits", DType::f32, {dynamicSize(LLC_DIM_ROWS), 32000}}}}};
  m.caches = {{0, 2, 16, 16, DType::f32, 0}, {1, 2, 16, 32, DType::bf16, 4096}};
  m.generation = {0.7, 40, 0.9, 0.05, 1.1, {2, 7}, 1, -1};
  m.prepare = {"pack w"};
  m.versions = {{"llc-model", "0.1.0"}};
  return m;
}

TEST(Manifest, SurvivesTheRoundTrip) {
  Manifest m = example();
  m.parameters = {{"w", DType::bf16, {64, 32}, "panel", 64, 4096}};
  m.files = {{"tokenizer.json", 4160, 10, "ab"}};
  m.hashes = {{"code", "cd"}};
  std::string text = toJson(m);
  auto again = parseManifest(text, "m");
  ASSERT_TRUE(again) << again.error().text();
  EXPECT_EQ(toJson(*again), text);
  EXPECT_EQ(again->name, m.name);
  EXPECT_EQ(again->caches[1].window, 4096);
  EXPECT_EQ(again->caches[1].pageBytes(), 2u * 32 * 48 * 2);
  EXPECT_EQ(again->generation.eos, (std::vector<int32_t>{2, 7}));
  EXPECT_EQ(again->generation.minP, 0.05);
  EXPECT_EQ(again->parameters[0].offset, 64u);
  EXPECT_EQ(again->entry("step")->outputs[0].shape[0], dynamicSize(LLC_DIM_ROWS));
  EXPECT_EQ(again->entry("stop"), nullptr);
  EXPECT_EQ(again->bytesPerToken, 123456789012u);
}

TEST(Manifest, RefusesAnotherVersionAndMissingOrWrongKeys) {
  Json json = *parseJson(toJson(example()), "m");
  Json other = json;
  other["abi_version"] = LLC_ABI_VERSION + 1;
  auto refused = parseManifest(other.dump(), "m");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::unsupported);
  EXPECT_NE(refused.error().remedy.find("compile the model again"), std::string::npos);
  for (auto &[key, value] : json.items()) {
    Json wrong = json;
    wrong[key] = Json::array({Json::array()});
    EXPECT_FALSE(parseManifest(wrong.dump(), "m")) << key << " of a wrong type is accepted";
  }
  for (const char *key :
       {"vocabulary", "max_tokens", "arena_bytes", "parameters", "caches", "entries", "generation", "abi_version"}) {
    Json without = json;
    without.erase(key);
    EXPECT_FALSE(parseManifest(without.dump(), "m")) << key;
  }
}

Result<ArtifactWriter> writeParts(const std::string &path, ArtifactKind kind) {
  LLC_ASSIGN(ArtifactWriter writer, ArtifactWriter::create(path, kind,
                                                           bytesOf("\x7f"
                                                                   "ELF code")));
  LLC_TRY(writer.beginParameter({"a", DType::f32, {2}, "rows", 0, 8}));
  LLC_TRY(writer.write(bytesOf("1234")));
  LLC_TRY(writer.write(bytesOf("5678")));
  LLC_TRY(writer.beginParameter({"b", DType::u8, {3}, "rows", 0, 3}));
  LLC_TRY(writer.write(bytesOf("xyz")));
  LLC_TRY(writer.addFile("tokenizer.json", "{}"));
  return writer;
}

Status writeExample(const std::string &path, ArtifactKind kind) {
  LLC_ASSIGN(ArtifactWriter writer, writeParts(path, kind));
  return writer.finish(example());
}

std::string textOf(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char *>(bytes.data()), bytes.size()};
}

TEST(Artifact, StoresNothingOfParametersThatAreUpdated) {
  TemporaryDirectory directory;
  auto writer = writeParts(directory.file("out"), ArtifactKind::sharedLibrary);
  ASSERT_TRUE(writer.ok());
  writer->addUpdated({"c", DType::f32, {1 << 20}, "rows", 0, 4 << 20, true});
  ASSERT_TRUE(writer->finish(example()));
  auto artifact = openArtifact(directory.file("out"));
  ASSERT_TRUE(artifact) << artifact.error().text();
  EXPECT_LT(artifact->payload.size(), 1000u);
  EXPECT_EQ(artifact->manifest.parameters.back().bytes, 4u << 20);
}

class Kinds : public testing::TestWithParam<ArtifactKind> {};
INSTANTIATE_TEST_SUITE_P(Artifact, Kinds,
                         testing::Values(ArtifactKind::executable, ArtifactKind::sharedLibrary, ArtifactKind::bundle));

TEST_P(Kinds, HoldWhatWasWritten) {
  TemporaryDirectory directory;
  ASSERT_TRUE(writeExample(directory.file("out"), GetParam()));
  EXPECT_EQ(directory.entries(), 1u);
  EXPECT_TRUE(isArtifact(directory.file("out")));
  auto artifact = openArtifact(directory.file("out"));
  ASSERT_TRUE(artifact) << artifact.error().text();
  EXPECT_EQ(artifact->kind, GetParam());
  EXPECT_EQ(textOf(artifact->parameter(0)), "12345678");
  EXPECT_EQ(textOf(artifact->parameter(1)), "xyz");
  EXPECT_EQ(reinterpret_cast<uintptr_t>(artifact->parameter(1).data()) % 64, 0u);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(artifact->payload.data()) % 4096, 0u);
  EXPECT_EQ(artifact->file("tokenizer.json"), "{}");
  EXPECT_FALSE(artifact->file("none"));
  EXPECT_EQ(artifact->manifest.model, "llama");
  EXPECT_EQ(artifact->manifest.hashes.at("code").size(), 64u);
  EXPECT_TRUE(artifact->verify());
  // Written once more over itself: the same bytes.
  std::string name = GetParam() == ArtifactKind::bundle ? "out/manifest.json" : "out", before = directory.read(name);
  ASSERT_TRUE(writeExample(directory.file("out"), GetParam()));
  EXPECT_EQ(directory.read(name), before);
}

TEST_P(Kinds, LeaveNothingWhenAbandoned) {
  TemporaryDirectory directory;
  {
    ASSERT_TRUE(writeParts(directory.file("out"), GetParam()));
  }
  EXPECT_EQ(directory.entries(), 0u);
}

TEST(Artifact, AChangedPayloadIsNoticedWhenAsked) {
  TemporaryDirectory directory;
  ASSERT_TRUE(writeExample(directory.file("out"), ArtifactKind::bundle));
  std::string payload = directory.read("out/payload.bin");
  payload[3] ^= 1;
  directory.write("out/payload.bin", payload);
  auto artifact = openArtifact(directory.file("out"));
  ASSERT_TRUE(artifact);
  Status verified = artifact->verify();
  ASSERT_FALSE(verified);
  EXPECT_NE(verified.error().text().find("SHA-256"), std::string::npos);
}

TEST(Artifact, EveryTruncationIsRefused) {
  TemporaryDirectory directory;
  ASSERT_TRUE(writeExample(directory.file("out"), ArtifactKind::executable));
  std::string whole = directory.read("out");
  for (size_t length = 0; length < whole.size(); length += 61)
    EXPECT_FALSE(openArtifact(directory.write("cut", whole.substr(0, length)))) << length;
  EXPECT_FALSE(openArtifact(directory.write("cut", whole.substr(100)))) << "the front is missing";
  EXPECT_FALSE(isArtifact(directory.write("text", "hello")));
}

TEST(Artifact, PartsBeyondThePayloadAreRefused) {
  TemporaryDirectory directory;
  ASSERT_TRUE(writeExample(directory.file("out"), ArtifactKind::bundle));
  Json json = *readJsonFile(directory.file("out/manifest.json"));
  Json original = json;
  json["parameters"][1]["bytes"] = 1 << 20;
  directory.write("out/manifest.json", json.dump());
  EXPECT_FALSE(openArtifact(directory.file("out")));
  json = original;
  json["parameters"][1]["offset"] = int64_t(1) << 61;
  directory.write("out/manifest.json", json.dump());
  EXPECT_FALSE(openArtifact(directory.file("out")));
  json = original;
  json["parameters"][1]["offset"] = 1;
  directory.write("out/manifest.json", json.dump());
  EXPECT_FALSE(openArtifact(directory.file("out"))) << "not aligned";
  directory.write("out/manifest.json", original.dump());
  EXPECT_TRUE(openArtifact(directory.file("out")));
}

TEST(Artifact, ABundleDoesNotReplaceAnythingElse) {
  TemporaryDirectory directory;
  directory.write("out/precious.txt", "keep me");
  EXPECT_FALSE(writeExample(directory.file("out"), ArtifactKind::bundle));
  EXPECT_EQ(directory.read("out/precious.txt"), "keep me");
  EXPECT_EQ(directory.entries(), 1u);
}

}  // namespace
}  // namespace llc
