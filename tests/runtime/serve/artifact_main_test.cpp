// Whole artifacts, as the compiler writes them, around the fake program: run as a process, loaded as a library.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "runtime/base/cpu.h"
#include "runtime/serve/session.h"
#include "tests/runtime/serve/fake_program.h"
#include "tests/runtime/temporary_directory.h"

namespace llc {
namespace {

Status makeArtifact(const std::string &path, ArtifactKind kind, Manifest manifest = fakeManifest()) {
  const char *code =
      kind == ArtifactKind::executable ? LLC_BINARY_DIR "/bin/fake_artifact" : LLC_BINARY_DIR "/lib/fake_library.so";
  LLC_ASSIGN(MappedFile file, MappedFile::open(code));
  LLC_ASSIGN(ArtifactWriter writer, ArtifactWriter::create(path, kind, file.bytes()));
  LLC_TRY(writer.beginParameter({"w", DType::u8, {5}, "rows", 0, 5}));
  LLC_TRY(writer.write(std::as_bytes(std::span("hello", 5))));
  return writer.finish(std::move(manifest));
}

struct Ended {
  int code;
  std::string output;
};
Ended shell(const std::string &command) {
  FILE *pipe = popen((command + " 2>&1").c_str(), "r");
  std::string output;
  char buffer[4096];
  for (size_t count; (count = fread(buffer, 1, sizeof(buffer), pipe)) > 0;) output.append(buffer, count);
  int status = pclose(pipe);
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, output};
}

class Executable : public testing::Test {
 protected:
  Executable() {
    Status made = makeArtifact(directory.file("out"), ArtifactKind::executable);
    EXPECT_TRUE(made) << made.error().text();
  }
  Ended run(const std::string &arguments) { return shell(directory.file("out") + " " + arguments); }
  TemporaryDirectory directory;
};

TEST_F(Executable, GeneratesFromIds) {
  auto [code, output] = run("run --ids 1,2,3 -n 4 --temp 0 --ignore-eos --threads 2 --json");
  ASSERT_EQ(code, 0) << output;
  std::vector<int32_t> expected, all = {1, 2, 3};
  for (int i = 0; i < 4; ++i) {
    expected.push_back(fakeNextOf(all));
    all.push_back(expected.back());
  }
  auto json = nlohmann::json::parse(output);
  // The fake logits favour token 1 a little by the length, never enough to win.
  EXPECT_EQ(json["ids"], nlohmann::json(expected));
  EXPECT_EQ(json["finish_reason"], "length");
  EXPECT_EQ(run("run --ids 1,2,3 -n 4").output, fmt::format("{}\n", fmt::join(expected, ",")));
}

TEST_F(Executable, StartsFromTheModelsOwnDefaults) {
  Manifest manifest = fakeManifest();
  manifest.generation.eos = {fakeNextOf({1, 2, 3})};
  ASSERT_TRUE(makeArtifact(directory.file("out"), ArtifactKind::executable, manifest));
  EXPECT_EQ(nlohmann::json::parse(run("run --ids 1,2,3 --json").output)["finish_reason"], "eos");
  manifest.generation.temperature = 0.5;
  ASSERT_TRUE(makeArtifact(directory.file("out"), ArtifactKind::executable, manifest));
  EXPECT_NE(run("run --help").output.find("--temperature FLOAT=0.5"), std::string::npos) << run("run --help").output;
}

TEST_F(Executable, ScoresIds) {
  auto [code, output] = run("score --ids 1,2,3 --json --preload");
  ASSERT_EQ(code, 0) << output;
  auto json = nlohmann::json::parse(output);
  ASSERT_EQ(json["log_probs"].size(), 2u);
  EXPECT_NEAR(json["log_probs"][0].get<double>(), -1.002, 1e-4);
  EXPECT_NEAR(json["perplexity"].get<double>(), std::exp(-json["sum"].get<double>() / 2), 1e-6);
  EXPECT_EQ(run("score --ids 1").code, 2);
}

TEST_F(Executable, MeasuresItself) {
  auto [code, output] = run("bench --prompt-tokens 20 --gen-tokens 3 --repeats 1 --threads 1 --json");
  ASSERT_EQ(code, 0) << output;
  constexpr std::string_view threads = "1 thread: asked for with --threads\n";  // on stderr, which comes first here
  ASSERT_EQ(output.substr(0, threads.size()), threads);
  auto json = nlohmann::json::parse(output.substr(threads.size()));
  for (const char *key : {"prefill_tok_s", "decode_tok_s", "bytes_per_token", "decode_bandwidth_share",
                          "prefill_flop_share", "peak_rss_gb"})
    EXPECT_GT(json[key].get<double>(), 0) << key;
  EXPECT_EQ(json["compile_s"], 0);
  EXPECT_GE(json["start_s"].get<double>(), 0);
  EXPECT_EQ(json["threads"], 1);
  EXPECT_EQ(run("bench --prompt-tokens 99 --gen-tokens 99").code, 2);
}

TEST_F(Executable, SaysWhatItIs) {
  auto [code, output] = run("info --json");
  ASSERT_EQ(code, 0) << output;
  EXPECT_EQ(nlohmann::json::parse(output)["parameters"][0]["name"], "w");
  EXPECT_NE(run("info").output.find("model       fake"), std::string::npos);
  EXPECT_NE(run("--help").output.find("bench"), std::string::npos);
  EXPECT_EQ(run("info --check").code, 0);
  std::string whole = directory.read("out");
  whole[whole.rfind("hello")] = 'j';
  directory.write("out", whole);
  EXPECT_EQ(run("info --check").code, 2);
}

TEST_F(Executable, ErrorsHaveARemedyAndAnExitCode) {
  auto expect = [&](const std::string &arguments, int code, const std::string &says) {
    auto ended = run(arguments);
    EXPECT_EQ(ended.code, code) << arguments << ": " << ended.output;
    EXPECT_NE(ended.output.find(says), std::string::npos) << arguments << ": " << ended.output;
  };
  expect("run -p hello", 2, "give token ids with --ids");
  expect("run --ids 1,99", 2, "outside the vocabulary of 16");
  expect("run --ids 1 --context 200", 2, "--max-context 200");
  expect("run --ids 1 --top-p 3", 2, "top-p");
  expect("genrate --ids 1", 2, "genrate: is no command");
  expect("socre --ids 1", 2, "'score'");
  expect("run --ids 1 --tpo-k 3", 2, "'--top-k'");
  expect("run --ids 1 --top-k x", 2, "--top-k: expected a whole number, found 'x'");
  expect("run --ids 1 --temp x", 2, "--temp: expected a number, found 'x'");
  expect("run --ids 1 --log-probs", 2, "--json");
  expect("bench --repeats 0", 2, "expected a whole number from 1, found '0'");
  EXPECT_NE(run("run").code, 0);
  EXPECT_NE(run("run --ids 1 -p x").code, 0);
  EXPECT_NE(run("").code, 0);
  EXPECT_EQ(shell("LLC_ISA=generic " + directory.file("out") + " run --ids 1 -n 1").code, 0);
  EXPECT_EQ(shell("LLC_ISA=nonsense " + directory.file("out") + " run --ids 1 -n 1").code != 0, true);
}

TEST_F(Executable, RefusesToStartWhenDamaged) {
  std::string whole = directory.read("out");
  directory.write("out", whole.substr(0, whole.size() - 100));
  auto ended = run("run --ids 1");
  EXPECT_EQ(ended.code, 2) << ended.output;
  EXPECT_NE(ended.output.find("cut short"), std::string::npos) << ended.output;
  auto bare = shell(LLC_BINARY_DIR "/bin/fake_artifact run --ids 1");
  EXPECT_EQ(bare.code, 2);
}

class Libraries : public testing::TestWithParam<ArtifactKind> {};
INSTANTIATE_TEST_SUITE_P(Program, Libraries, testing::Values(ArtifactKind::sharedLibrary, ArtifactKind::bundle));

TEST_P(Libraries, AreLoadedAndRun) {
  TemporaryDirectory directory;
  Status made = makeArtifact(directory.file("model.so"), GetParam());
  ASSERT_TRUE(made) << made.error().text();
  for (bool preload : {false, true}) {
    auto program = Program::open(directory.file("model.so"), {.preload = preload});
    ASSERT_TRUE(program) << program.error().text();
    EXPECT_EQ(program->level(), "generic");
    EXPECT_EQ(std::memcmp(program->parameters()[0], "hello", 5), 0);
    auto session = Session::create(std::make_shared<Program>(std::move(*program)));
    ASSERT_TRUE(session) << session.error().text();
    std::vector<int32_t> tokens = {4, 5, 6};
    EXPECT_EQ((*session)->embed(tokens, Wanted::last)->row(0)[0], float(fakeNextOf(tokens)));
  }
}

TEST(ProgramOpen, SaysWhichMachineCodeIsFor) {
  TemporaryDirectory directory;
  Manifest manifest = fakeManifest();
  Architecture other = hostArchitecture == Architecture::x86_64 ? Architecture::aarch64 : Architecture::x86_64;
  manifest.levels = {std::string(isaName(lowestLevel(other)))};
  ASSERT_TRUE(makeArtifact(directory.file("out.so"), ArtifactKind::sharedLibrary, manifest));
  auto program = Program::open(directory.file("out.so"));
  ASSERT_FALSE(program);
  EXPECT_EQ(program.error().kind, ErrorKind::unsupported);
  EXPECT_NE(program.error().what.find(manifest.levels[0] + " alone"), std::string::npos) << program.error().text();
}

TEST(ProgramOpen, SaysWhyCodeIsNotLoaded) {
  TemporaryDirectory directory;
  // What the compiler links can be loaded; this one is a position-independent executable, which the loader refuses.
  ASSERT_TRUE(makeArtifact(directory.file("out"), ArtifactKind::executable));
  auto program = Program::open(directory.file("out"));
  ASSERT_FALSE(program);
  EXPECT_EQ(program.error().kind, ErrorKind::invalidInput);
  EXPECT_NE(program.error().what.find("cannot be loaded"), std::string::npos) << program.error().text();
  EXPECT_FALSE(Program::open(directory.file("none")));
}

}  // namespace
}  // namespace llc
