// Runs compiled programs and the interpreter on the same random parameters and ragged batches.
#pragma once
#include <gtest/gtest.h>
#include <sched.h>

#include <cmath>
#include <fstream>
#include <random>
#include <sstream>
#include <thread>

#include "compiler/jit/engine.h"
#include "compiler/pipelines/pipeline.h"
#include "dialect/ops/llm.h"
#include "dialect/reference/interpreter.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Parser/Parser.h"

namespace llc::compiler::testing_support {

inline std::string readFile(const std::string &path) {
  std::ifstream stream(path);
  std::stringstream text;
  text << stream.rdbuf();
  return text.str();
}

// Parameters of a module: random, exactly representable in their type.
class RandomParameters {
 public:
  explicit RandomParameters(mlir::ModuleOp module) {
    std::mt19937 random(11);
    std::normal_distribution<float> normal(0, 0.3f);
    for (auto parameter : module.getOps<llm::ParameterOp>()) {
      auto type = mlir::cast<mlir::RankedTensorType>(parameter.getType());
      Stored &stored = tensors_[parameter.getSymName().str()];
      stored.type = type.getElementType().isBF16()  ? DType::bf16
                    : type.getElementType().isF16() ? DType::f16
                                                    : DType::f32;
      stored.shape.assign(type.getShape().begin(), type.getShape().end());
      stored.bytes.resize(size_t(type.getNumElements()) * byteSize(stored.type));
      stored.values.resize(size_t(type.getNumElements()));
      for (size_t i = 0; i < stored.values.size(); ++i) {
        storeElement(stored.bytes.data(), stored.type, i, normal(random));
        stored.values[i] = loadElement(stored.bytes.data(), stored.type, i);
      }
    }
  }
  TensorSource source() const {
    return {[this](std::string_view name) -> Result<SourceTensor> {
              auto found = tensors_.find(std::string(name));
              if (found == tensors_.end())
                return diagnose(ErrorKind::notFound, std::string(name)).says("no such tensor").toFix("mend the test");
              return SourceTensor{found->second.type, found->second.shape,
                                  std::as_bytes(std::span(found->second.bytes))};
            },
            {}};
  }
  // Prepared parameters ("w#panel") have the values of what they were made from.
  llm::Tensor value(llvm::StringRef name) const {
    auto found = tensors_.find(name.split('#').first.str());
    return found == tensors_.end() ? llm::Tensor() : llm::Tensor(found->second.shape, found->second.values);
  }

 private:
  struct Stored {
    DType type;
    std::vector<int64_t> shape;
    std::vector<char> bytes;
    std::vector<double> values;
  };
  std::map<std::string, Stored> tensors_;
};

// Rows of a ragged batch as the tests write it down: per sequence, how many tokens are new.
struct Ragged {
  std::vector<int32_t> tokens, positions, sequenceOf, starts = {0}, contextLengths, sequenceLengths, pageTable, rows,
                                                      targets;
  static constexpr int64_t pages = 4;  // per sequence
  // `cached[s]` tokens are there already; `fresh[s]` are new. All rows are wanted every second time.
  Ragged(const std::vector<int> &cached, const std::vector<int> &fresh, int seed) {
    std::mt19937 random(static_cast<unsigned>(seed));
    for (size_t s = 0; s < cached.size(); ++s) {
      for (int i = 0; i < fresh[s]; ++i) {
        tokens.push_back(int32_t(random() % 48)), targets.push_back(int32_t(random() % 48));
        positions.push_back(cached[s] + i), sequenceOf.push_back(int32_t(s)),
            sequenceLengths.push_back(cached[s] + fresh[s]);
      }
      starts.push_back(int32_t(tokens.size()));
      contextLengths.push_back(cached[s] + fresh[s]);
      for (int64_t page = 0; page < pages; ++page)
        pageTable.push_back(int32_t(page * int64_t(cached.size()) + int64_t(s)));
      if (fresh[s]) rows.push_back(int32_t(tokens.size()) - 1);
    }
    if (seed % 2) rows.insert(rows.begin(), 0);
  }
  std::shared_ptr<const llm::Batch> reference() const {
    auto batch = std::make_shared<llm::Batch>();
    batch->positions.assign(positions.begin(), positions.end());
    batch->sequenceOf.assign(sequenceOf.begin(), sequenceOf.end());
    batch->sequenceLengths.assign(sequenceLengths.begin(), sequenceLengths.end());
    return batch;
  }
};

inline llm::Tensor asTensor(const std::vector<int32_t> &values) {
  return llm::Tensor({int64_t(values.size())}, std::vector<double>(values.begin(), values.end()));
}

// A compiled program with its memory.
class CompiledProgram {
 public:
  CompiledProgram(JitProgram program, int threads) : program_(std::move(program)), threads_(threads) {
    const Manifest &m = program_.manifest;
    arena_.resize(m.arenaBytes + 64), scratch_.resize((m.scratchBytes + 64) * size_t(threads) + 64);
    for (const CacheSpec &cache : m.caches) caches_.emplace_back(cache.pageBytes() * 16 + 64);
  }
  std::vector<float> run(const std::string &entry, const Ragged &batch, int64_t outputs) {
    const Manifest &m = program_.manifest;
    llc_batch b{};
    b.tokens = int64_t(batch.tokens.size()), b.sequences = int64_t(batch.contextLengths.size()),
    b.rows = int64_t(batch.rows.size());
    b.token_ids = batch.tokens.data(), b.positions = batch.positions.data(), b.sequence_of = batch.sequenceOf.data();
    b.sequence_starts = batch.starts.data(), b.context_lengths = batch.contextLengths.data(),
    b.sequence_lengths = batch.sequenceLengths.data();
    b.page_table = batch.pageTable.data(), b.page_stride = Ragged::pages, b.wanted_rows = batch.rows.data(),
    b.targets = batch.targets.data();
    std::map<std::string, const void *> byName = {
        {"tokens", b.token_ids}, {"positions", b.positions}, {"rows", b.wanted_rows}, {"targets", b.targets}};
    std::vector<const void *> inputs;
    for (const TensorSpec &input : m.entry(entry)->inputs) {
      auto found = byName.find(input.name);
      inputs.push_back(found != byName.end() ? found->second : b.wanted_rows);
    }
    std::vector<float> output(size_t(outputs), NAN);
    void *outs[] = {output.data()};
    int64_t sizes[] = {b.tokens, b.rows, b.sequences};
    llc_sync sync{};
    llc_context context{};
    context.abi_version = LLC_ABI_VERSION;
    context.arena = align(arena_), context.scratch = align(scratch_),
    context.scratch_stride = int64_t((m.scratchBytes + 63) / 64 * 64);
    std::vector<void *> caches;
    for (auto &cache : caches_) caches.push_back(align(cache));
    context.parameters = program_.parameters.data(), context.caches = caches.data(), context.batch = &b;
    context.inputs = inputs.data(), context.outputs = outs, context.sizes = sizes, context.sync = &sync;
    context.relax = [](llc_context *) { sched_yield(); };
    context.profile = profile;
    llc_entry code = program_.entries.at(entry);
    std::vector<std::thread> team;
    for (int t = 1; t < threads_; ++t) team.emplace_back([&, t] { code(&context, t, threads_); });
    code(&context, 0, threads_);
    for (std::thread &thread : team) thread.join();
    return output;
  }
  const Manifest &manifest() const { return program_.manifest; }
  llc_profile_log *profile = nullptr;  // [threads], for programs compiled for profiling

 private:
  static void *align(std::vector<char> &memory) {
    return reinterpret_cast<void *>((reinterpret_cast<uintptr_t>(memory.data()) + 63) / 64 * 64);
  }
  JitProgram program_;
  int threads_;
  std::vector<char> arena_, scratch_;
  std::vector<std::vector<char>> caches_;
};

// The interpreter on a module in any tensor phase; caches live on between calls.
class ReferenceProgram {
 public:
  ReferenceProgram(mlir::ModuleOp module, const RandomParameters &parameters) : module_(module) {
    environment_.parameters = [&parameters](llvm::StringRef name) -> Result<llm::Tensor> {
      return parameters.value(name);
    };
    environment_.roundToType = false;
  }
  std::vector<double> run(const std::string &entry, const Ragged &batch) {
    auto function = module_.lookupSymbol<mlir::func::FuncOp>(entry);
    std::vector<llm::Datum> arguments;
    int tensor = 0;
    for (mlir::Type type : function.getArgumentTypes()) {
      if (mlir::isa<llm::BatchType>(type)) {
        arguments.push_back(batch.reference());
        continue;
      }
      const std::vector<int32_t> *order[] = {&batch.tokens, &batch.positions,
                                             entry == "score" ? &batch.targets : &batch.rows};
      arguments.push_back(asTensor(*order[tensor++]));
    }
    auto results = llm::interpret(module_, entry, arguments, environment_);
    if (mlir::failed(results)) return {};
    auto values = results->front().tensor.values();
    return {values.begin(), values.end()};
  }

 private:
  mlir::ModuleOp module_;
  llm::Environment environment_;
};

inline void expectNear(const std::vector<float> &actual, const std::vector<double> &expected, double tolerance,
                       const std::string &what) {
  ASSERT_EQ(actual.size(), expected.size()) << what;
  ASSERT_FALSE(expected.empty()) << what;
  double largest = 0, worst = 0;
  for (double value : expected) largest = std::max(largest, std::abs(value));
  for (size_t i = 0; i < actual.size(); ++i) {
    double error = std::abs(double(actual[i]) - expected[i]);
    worst = std::isnan(error) ? INFINITY : std::max(worst, error);
  }
  EXPECT_LE(worst, tolerance * largest) << what << ": largest value " << largest;
}

}  // namespace llc::compiler::testing_support
