// Artifacts: linked in process, need nothing but libc and libm, come out byte-identical, and hold every ISA level.
#include "compiler/aot/artifact.h"

#include <dlfcn.h>
#include <sys/wait.h>

#include <filesystem>

#include "../pipelines/program_harness.h"
#include "compiler/aot/link.h"

using namespace llc;
using namespace llc::compiler;
using namespace llc::compiler::testing_support;
namespace fs = std::filesystem;

namespace {
std::string tinyText() { return readFile(LLC_SOURCE_DIR "/tests/compiler/pipelines/tiny_llama.mlir"); }

class Artifacts : public testing::Test {
 protected:
  void SetUp() override {
    folder = fs::temp_directory_path() / ("llc-aot-test-" + std::to_string(getpid()));
    fs::create_directories(folder);
    context = makeContext();
    module = mlir::parseSourceString<mlir::ModuleOp>(tinyText(), context.get());
    ASSERT_TRUE(module);
    parameters = std::make_unique<RandomParameters>(*module);
    auto result = compileText(tinyText(), "tiny", {.targets = {"generic", "avx2"}});
    ASSERT_TRUE(result.ok()) << result.error().text();
    compiled = std::move(*result);
    compiled.manifest.name = "tiny";
  }
  void TearDown() override { fs::remove_all(folder); }
  std::string write(const std::string &name, ArtifactKind kind) {
    ArtifactOptions options;
    options.path = (folder / name).string(), options.kind = kind;
    options.files = {{"generation_config.json", "{}"}};
    options.runtimeArchive = LLC_BINARY_DIR "/lib/libllc_artifact.a";
    Status status = writeArtifact(compiled, parameters->source(), options);
    EXPECT_TRUE(status.ok()) << status.error().text();
    return options.path;
  }
  static std::string output(const std::string &command) {
    std::string text;
    FILE *pipe = popen((command + " 2>&1").c_str(), "r");
    for (int c; pipe && (c = fgetc(pipe)) != EOF;) text += char(c);
    int status = pipe ? pclose(pipe) : -1;
    return text + "exit " + std::to_string(WEXITSTATUS(status));
  }
  fs::path folder;
  std::unique_ptr<mlir::MLIRContext> context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::unique_ptr<RandomParameters> parameters;
  CompiledModule compiled;
};

TEST_F(Artifacts, theExecutableRunsAndIsSmall) {
  std::string path = write("tiny", ArtifactKind::executable);
  std::string info = output(path + " info");
  EXPECT_NE(info.find("exit 0"), std::string::npos) << info;
  EXPECT_NE(info.find("tiny"), std::string::npos) << info;
  EXPECT_LT(fs::file_size(path), 4u << 20);
}

TEST_F(Artifacts, theExecutableNeedsLibcAndLibmAlone) {
  std::string path = write("tiny", ArtifactKind::executable);
  std::string needed = output("readelf -d " + path + " | grep NEEDED");
  std::istringstream lines(needed);
  for (std::string line; std::getline(lines, line);)
    if (line.find("NEEDED") != std::string::npos)
      EXPECT_TRUE(line.find("libc.so.6") != std::string::npos || line.find("libm.so.6") != std::string::npos ||
                  line.find("ld-linux-x86-64.so.2") != std::string::npos)
          << line;
}

class LoadedArtifacts : public Artifacts, public testing::WithParamInterface<ArtifactKind> {};
INSTANTIATE_TEST_SUITE_P(Kinds, LoadedArtifacts,
                         testing::Values(ArtifactKind::sharedLibrary, ArtifactKind::executable));

TEST_P(LoadedArtifacts, offerTheirModulesBestFirst) {
  std::string path = write("tiny.so", GetParam());
  void *library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  ASSERT_NE(library, nullptr) << dlerror();
  auto *modules = static_cast<const llc_module *>(dlsym(library, LLC_MODULES_SYMBOL));
  ASSERT_NE(modules, nullptr);
  EXPECT_STREQ(modules[0].level, "avx2");
  EXPECT_STREQ(modules[1].level, "generic");
  EXPECT_EQ(modules[2].level, nullptr);
  EXPECT_EQ(modules[0].abi_version, uint64_t(LLC_ABI_VERSION));
  EXPECT_STREQ(modules[1].features, "sse2");
  EXPECT_STREQ(modules[0].entries[0].name, "step");
  EXPECT_NE(modules[0].entries[0].entry, modules[1].entries[0].entry);
  EXPECT_EQ(modules[0].entries[3].name, nullptr);
  EXPECT_EQ(dlsym(library, "llc_artifact_main"), nullptr) << "the table alone is exported";
  dlclose(library);
  EXPECT_EQ(dlopen(path.c_str(), RTLD_NOW | RTLD_NOLOAD), nullptr) << "nothing keeps it in memory";
}

// The runtime inside of an executable is complete: thread-local variables, destructors, exceptions.
TEST_F(Artifacts, anExecutableIsUnloadedCleanly) {
  std::string path = write("tiny", ArtifactKind::executable);
  pid_t child = fork();
  if (child == 0) {
    for (int i = 0; i < 3; ++i) {
      void *library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
      if (!library || dlclose(library) != 0) _exit(1);
    }
    std::exit(0);  // runs what was registered for the end of the process
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST_F(Artifacts, theSameInputGivesTheSameBytes) {
  for (ArtifactKind kind : {ArtifactKind::executable, ArtifactKind::sharedLibrary}) {
    std::string first = readFile(write("first", kind)), second = readFile(write("second", kind));
    EXPECT_FALSE(first.empty());
    EXPECT_TRUE(first == second);
  }
}

TEST_F(Artifacts, parametersInTheFileAreThoseOfTheJit) {
  std::string path = write("tiny.so", ArtifactKind::sharedLibrary);
  auto artifact = openArtifact(path);
  ASSERT_TRUE(artifact.ok()) << artifact.error().text();
  auto program = loadProgram(compiled, parameters->source(), {1});
  ASSERT_TRUE(program.ok()) << program.error().text();
  ASSERT_EQ(artifact->manifest.parameters.size(), program->parameters.size());
  for (size_t i = 0; i < program->parameters.size(); ++i) {
    auto bytes = artifact->parameter(i);
    EXPECT_EQ(std::memcmp(bytes.data(), program->parameters[i], bytes.size()), 0)
        << artifact->manifest.parameters[i].name;
  }
}

TEST_F(Artifacts, nothingIsLeftWhenATensorIsMissing) {
  ArtifactOptions options;
  options.path = (folder / "broken").string(), options.runtimeArchive = LLC_BINARY_DIR "/lib/libllc_artifact.a";
  TensorSource source = parameters->source();
  source.read = [&, read = source.read](std::string_view name) -> Result<SourceTensor> {
    if (name == "l1.down") return diagnose(ErrorKind::notFound, std::string(name)).says("is missing").toFix("find it");
    return read(name);
  };
  Status status = writeArtifact(compiled, source, options);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().where, "l1.down");
  EXPECT_TRUE(fs::is_empty(folder));
}

TEST_F(Artifacts, wrongShapesAreRefusedByName) {
  TensorSource source = parameters->source();
  source.read = [&, read = source.read](std::string_view name) -> Result<SourceTensor> {
    auto tensor = read(name);
    if (tensor.ok() && name == "l0.q") tensor->shape = {32, 31};
    return tensor;
  };
  auto program = loadProgram(compiled, source, {1});
  ASSERT_FALSE(program.ok());
  EXPECT_EQ(program.error().where, "l0.q");
  EXPECT_NE(program.error().what.find("[32, 31]"), std::string::npos);
}

TEST(Link, undefinedSymbolsAreReported) {
  auto linked = linkElf({{"broken", "not an object"}}, ArtifactKind::sharedLibrary, "");
  ASSERT_FALSE(linked.ok());
  EXPECT_FALSE(linked.error().remedy.empty());
}
}  // namespace
