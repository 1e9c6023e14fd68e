// Every op that has a text or a kernel runs as compiled code: the golden cases of the dialect, through all phases, for
// the lowest and the best instruction set level of this machine.
#include <gtest/gtest.h>
#include <sched.h>

#include <nlohmann/json.hpp>

#include "runtime/base/convert.h"
#include "tests/compiler/pipelines/program_harness.h"

using namespace llc;
using namespace llc::compiler;
using namespace llc::compiler::testing_support;

namespace {

// Needs a batch, or gives packed bytes that no golden has: tests/compiler/pipelines runs these.
bool isForPrograms(mlir::func::FuncOp function) {
  return llvm::any_of(function.getArgumentTypes(),
                      [](mlir::Type type) { return mlir::isa<llm::BatchType, llm::KvType>(type); }) ||
         llvm::any_of(function.getResultTypes(), llm::isPacked);
}
// A dynamic dimension that is not the first: the interpreter runs it, code generation refuses it.
bool hasInnerDynamic(mlir::func::FuncOp function) {
  auto inner = [](mlir::Type type) {
    auto tensor = mlir::dyn_cast<mlir::RankedTensorType>(type);
    return tensor && tensor.getRank() > 1 &&
           llvm::is_contained(tensor.getShape().drop_front(), mlir::ShapedType::kDynamic);
  };
  return llvm::any_of(function.getArgumentTypes(), inner) || llvm::any_of(function.getResultTypes(), inner);
}

struct Golden {
  std::vector<std::vector<int64_t>> inputShapes, resultShapes;
  std::vector<std::vector<double>> inputs, results;
  explicit Golden(const nlohmann::json &entry) {
    for (const auto &item : entry["inputs"]) inputShapes.push_back(item["shape"]), inputs.push_back(item["values"]);
    for (const auto &item : entry["results"]) resultShapes.push_back(item["shape"]), results.push_back(item["values"]);
  }
};

// The case alone in a module, its dynamic dimensions named: the first size met is the tokens', another one the rows'.
struct OneOp {
  mlir::OwningOpRef<mlir::ModuleOp> module;
  int64_t tokens = 1, rows = 1;
  OneOp(mlir::ModuleOp all, mlir::func::FuncOp function, const Golden &golden) {
    mlir::OpBuilder builder(all.getContext());
    module = mlir::ModuleOp::create(function.getLoc());
    for (auto parameter : all.getOps<llm::ParameterOp>()) module->push_back(parameter->clone());
    auto copy = function.clone();
    module->push_back(copy);
    for (const char *name : {"llm.max_tokens", "llm.max_rows"}) (*module)->setAttr(name, builder.getI64IntegerAttr(64));
    bool tokensKnown = false;
    for (unsigned i = 0; i < copy.getNumArguments(); ++i) {
      auto type = mlir::dyn_cast<mlir::RankedTensorType>(copy.getArgument(i).getType());
      if (!type || type.getRank() == 0 || !type.isDynamicDim(0)) continue;
      int64_t size = golden.inputShapes[i][0];
      if (!tokensKnown)
        tokens = size, tokensKnown = true;
      else if (size != tokens)
        rows = size;
      copy.setArgAttr(i, "llm.dim", builder.getStringAttr(size == tokens ? "tokens" : "rows"));
    }
  }
};

std::vector<char> inType(const std::vector<double> &values, DType type) {
  std::vector<char> bytes(values.size() * byteSize(type) + 64);
  for (size_t i = 0; i < values.size(); ++i) storeElement(bytes.data(), type, i, values[i]);
  return bytes;
}

// Runs the only entry of the program; results as doubles.
std::vector<std::vector<double>> runOnce(const JitProgram &program, const Golden &golden, int64_t tokens,
                                         int64_t rows) {
  const EntrySpec &entry = program.manifest.entries.front();
  std::vector<std::vector<char>> inputs, outputs;
  std::vector<const void *> in;
  std::vector<void *> out;
  for (size_t i = 0; i < entry.inputs.size(); ++i) inputs.push_back(inType(golden.inputs[i], entry.inputs[i].type));
  for (size_t i = 0; i < entry.outputs.size(); ++i)
    outputs.push_back(inType(std::vector<double>(golden.results[i].size(), -77), entry.outputs[i].type));
  for (auto &bytes : inputs) in.push_back(bytes.data());
  for (auto &bytes : outputs) out.push_back(bytes.data());
  std::vector<char> arena(program.manifest.arenaBytes + 128), scratch(program.manifest.scratchBytes + 128);
  auto align = [](std::vector<char> &memory) {
    return reinterpret_cast<void *>((reinterpret_cast<uintptr_t>(memory.data()) + 63) / 64 * 64);
  };
  int64_t sizes[] = {tokens, rows, 1};
  llc_sync sync{};
  llc_batch batch{};
  batch.tokens = tokens, batch.rows = rows, batch.sequences = 1;
  llc_context context{};
  context.arena = align(arena), context.scratch = align(scratch),
  context.scratch_stride = int64_t(program.manifest.scratchBytes + 64);
  context.parameters = program.parameters.data(), context.batch = &batch, context.inputs = in.data(),
  context.outputs = out.data();
  context.sizes = sizes, context.sync = &sync, context.relax = [](llc_context *) { sched_yield(); };
  program.entries.begin()->second(&context, 0, 1);
  std::vector<std::vector<double>> results;
  for (size_t i = 0; i < entry.outputs.size(); ++i) {
    results.emplace_back();
    for (size_t k = 0; k < golden.results[i].size(); ++k)
      results.back().push_back(loadElement(outputs[i].data(), entry.outputs[i].type, k));
  }
  return results;
}

double worstDifference(const std::vector<double> &actual, const std::vector<double> &expected) {
  double largest = 1, worst = 0;
  for (double value : expected)
    if (std::isfinite(value)) largest = std::max(largest, std::abs(value));
  for (size_t i = 0; i < actual.size(); ++i) {
    if (actual[i] == expected[i]) continue;
    double error = std::abs(actual[i] - expected[i]);
    worst = std::isfinite(error) ? std::max(worst, error / largest) : INFINITY;
  }
  return worst;
}

class CompiledOps : public testing::TestWithParam<std::string> {};
TEST_P(CompiledOps, equalTheGoldens) {
  auto context = makeContext();
  auto module =
      mlir::parseSourceString<mlir::ModuleOp>(readFile(LLC_SOURCE_DIR "/tests/dialect/ops/cases.mlir"), context.get());
  ASSERT_TRUE(module);
  auto goldens = nlohmann::json::parse(readFile(LLC_SOURCE_DIR "/tests/golden/dialect/ops.json"));
  std::vector<char> table(12 * 4);
  for (size_t i = 0; i < 12; ++i) storeElement(table.data(), DType::f32, i, double(i) / 8);
  TensorSource source{[&](std::string_view) -> Result<SourceTensor> {
                        return SourceTensor{DType::f32, {3, 4}, std::as_bytes(std::span(table))};
                      },
                      {}};
  int compiledOps = 0;
  for (auto function : module->getOps<mlir::func::FuncOp>()) {
    std::string name = function.getName().str();
    SCOPED_TRACE(name);
    if (function.isPrivate() || isForPrograms(function) || !goldens.contains(name)) continue;
    Golden golden(goldens[name]);
    OneOp one(*module, function, golden);
    auto compiled = compile(*one.module, {.targets = {GetParam()}});
    if (hasInnerDynamic(function)) {
      ASSERT_FALSE(compiled.ok());
      EXPECT_NE(compiled.error().what.find("dynamic dimension is not the first"), std::string::npos)
          << compiled.error().text();
      continue;
    }
    if (!compiled.ok()) {
      ADD_FAILURE() << compiled.error().text();
      continue;
    }
    auto program = loadProgram(*compiled, source, {1});
    ASSERT_TRUE(program.ok()) << program.error().text();
    auto results = runOnce(*program, golden, one.tokens, one.rows);
    for (size_t r = 0; r < results.size(); ++r)
      EXPECT_LT(worstDifference(results[r], golden.results[r]), 1e-5) << "result " << r;
    ++compiledOps;
  }
  EXPECT_GT(compiledOps, 70);
}
INSTANTIATE_TEST_SUITE_P(Levels, CompiledOps, testing::Values("generic", "native"),
                         [](const auto &info) { return info.param; });
}  // namespace
