// Code for profiling: what it writes down while a whole program runs, and the table that says what the numbers mean.
#include "compiler/lowering/profile.h"

#include "../pipelines/program_harness.h"

using namespace llc;
using namespace llc::compiler;
using namespace llc::compiler::testing_support;

namespace {
struct Compiled {
  std::unique_ptr<mlir::MLIRContext> context = makeContext();
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::unique_ptr<RandomParameters> parameters;
  CompiledModule code;

  explicit Compiled(bool profile) {
    std::string text = readFile(LLC_SOURCE_DIR "/tests/compiler/pipelines/tiny_llama.mlir");
    module = mlir::parseSourceString<mlir::ModuleOp>(text, context.get());
    nameCalls();
    parameters = std::make_unique<RandomParameters>(*module);
    auto compiled = compile(*module, {.profile = profile});
    EXPECT_TRUE(compiled.ok()) << compiled.error().text();
    if (compiled.ok()) code = std::move(*compiled);
  }
  // As the tracing API does: a call carries the place's name. The entries call a trunk, which calls the layers.
  static std::string nameOf(mlir::func::CallOp call, int &layer) {
    return call.getCallee() == "block" ? "layers." + std::to_string(layer++) : call.getCallee().str();
  }
  void nameCalls() {
    for (auto function : module->getOps<mlir::func::FuncOp>()) {
      int layer = 0;
      for (auto call : function.getOps<mlir::func::CallOp>())
        call->setLoc(mlir::NameLoc::get(mlir::StringAttr::get(context.get(), nameOf(call, layer))));
    }
  }
  CompiledProgram program(int threads) const {
    auto loaded = loadProgram(code, parameters->source(), {threads});
    EXPECT_TRUE(loaded.ok()) << loaded.error().text();
    return CompiledProgram(std::move(*loaded), threads);
  }
};

struct Logs {
  std::vector<std::vector<llc_profile_event>> buffers;
  std::vector<llc_profile_log> logs;
  Logs(size_t threads, size_t capacity) : buffers(threads, std::vector<llc_profile_event>(capacity)), logs(threads) {
    for (size_t i = 0; i < threads; ++i) logs[i] = {buffers[i].data(), int64_t(capacity), 0, 0, {}};
  }
};

constexpr int64_t vocabulary = 48;
std::vector<float> stepOf(CompiledProgram &program, const Ragged &batch) {
  return program.run("step", batch, int64_t(batch.rows.size()) * vocabulary);
}

std::map<std::string, int> placesOf(const std::vector<StageSpec> &stages, const std::string &entry) {
  std::map<std::string, int> places;
  for (const StageSpec &stage : stages)
    if (stage.entry == entry)
      for (const StagePart &part : stage.parts) ++places[part.place + " " + part.op];
  return places;
}
}  // namespace

TEST(StageTable, namesEveryStageInTheModelsWords) {
  Compiled compiled(true);
  auto places = placesOf(compiled.code.stages, "step");
  for (const char *layer : {"trunk.layers.0", "trunk.layers.1"})
    EXPECT_EQ(places[std::string(layer) + ".attn.q linear"], 1) << layer;
  EXPECT_TRUE(Compiled(false).code.stages.empty());
}

TEST(StageTable, productsCountTheirMultiplyAdds) {
  Compiled compiled(true);
  int products = 0;
  for (const StageSpec &stage : compiled.code.stages)
    for (const StagePart &part : stage.parts) {
      if (part.place != "trunk.layers.1.attn.q" || part.op != "linear") continue;
      ++products;
      EXPECT_EQ(part.flops.of(7, 100), 2.0 * 32 * 32 * 7);
      EXPECT_GE(stage.bytes.of(7, 0), 4.0 * (32 * 32 + 2 * 7 * 32));
    }
  EXPECT_EQ(products, 3);  // step, score and embed
}

TEST(StageTable, attentionGrowsWithTheContext) {
  Compiled compiled(true);
  int found = 0;
  for (const StageSpec &stage : compiled.code.stages)
    if (stage.entry == "step" && stage.flops.perContext > 0) {
      ++found;
      EXPECT_EQ(stage.flops.perContext, 4 * (2 * 16 + 5));  // 4 heads, keys and values of 8
      EXPECT_EQ(stage.bytes.perContext, 2 * 16 * 4);        // 2 heads in the cache, f32
    }
  EXPECT_EQ(found, 2);  // layers
}

TEST(ProfilingCode, computesTheSameWithAndWithoutARecorder) {
  Compiled compiled(true), plain(false);
  Ragged batch({0, 0}, {5, 9}, 1);
  for (int threads : {1, 3}) {
    CompiledProgram expected = plain.program(threads), silent = compiled.program(threads),
                    recorded = compiled.program(threads);
    Logs logs(size_t(threads), 200);
    recorded.profile = logs.logs.data();
    std::vector<float> values = stepOf(expected, batch);
    EXPECT_EQ(stepOf(silent, batch), values);
    EXPECT_EQ(stepOf(recorded, batch), values);
  }
}

// Every stage of the entry appears, once per thread at most: its chunks are one event, and events follow each other.
TEST(ProfilingCode, mergesTheChunksOfAStage) {
  Compiled compiled(true);
  for (int threads : {1, 2}) {
    CompiledProgram program = compiled.program(threads);
    Logs logs(size_t(threads), 200);
    program.profile = logs.logs.data();
    stepOf(program, Ragged({0, 0}, {5, 9}, 1));
    std::map<int64_t, int64_t> chunks;
    for (const llc_profile_log &log : logs.logs) {
      std::map<int64_t, int> seen;
      uint64_t before = 0;
      for (int64_t i = 0; i < log.count; ++i) {
        const llc_profile_event &event = log.events[i];
        EXPECT_EQ(++seen[event.stage], 1) << "stage " << event.stage;
        EXPECT_LE(before, event.begin);
        EXPECT_LE(event.begin, event.end);
        EXPECT_TRUE(event.stage >= 0 || threads > 1) << "a single thread does not wait";
        before = event.end;
        if (event.stage >= 0) chunks[event.stage] += event.chunks;
      }
      EXPECT_EQ(log.dropped, 0);
    }
    for (size_t i = 0; i < compiled.code.stages.size(); ++i)
      EXPECT_EQ(chunks.contains(int64_t(i)), compiled.code.stages[i].entry == "step") << "stage " << i;
  }
}

TEST(ProfilingCode, aFullLogCountsWhatItDrops) {
  Compiled compiled(true);
  CompiledProgram program = compiled.program(1);
  Logs all(1, 200), few(1, 3);
  program.profile = all.logs.data();
  stepOf(program, Ragged({0}, {4}, 1));
  program.profile = few.logs.data();
  stepOf(program, Ragged({0}, {4}, 1));
  EXPECT_EQ(few.logs[0].count, 3);
  EXPECT_GE(few.logs[0].dropped, all.logs[0].count - 3);
}
