#include "tests/conformance/program.h"

#include <fmt/format.h>
#include <sched.h>
#include <unistd.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <thread>

#include "compiler/aot/artifact.h"
#include "compiler/kernels/kernels.h"
#include "dialect/ops/llm.h"
#include "runtime/serve/program.h"

namespace llc::conformance {
namespace {
using compiler::CompiledModule;

constexpr size_t guardBytes = 256;
constexpr unsigned char guardValue = 0xA5, poison = 0xFF;  // floats of 0xFF are NaN

size_t roundUp(size_t bytes) { return (bytes + 63) / 64 * 64; }

// Bytes at a 64-byte boundary.
class Block {
 public:
  Block(size_t bytes, unsigned char fill) : memory_(bytes + 64, fill) {}
  unsigned char *data() {
    auto address = reinterpret_cast<uintptr_t>(memory_.data());
    return memory_.data() + (roundUp(address) - address);
  }

 private:
  std::vector<unsigned char> memory_;
};

Block blockOf(const llm::Tensor &tensor, DType type) {
  Block block(size_t(tensor.size()) * byteSize(type), poison);
  for (size_t i = 0; i < size_t(tensor.size()); ++i) storeElement(block.data(), type, i, tensor.values()[i]);
  return block;
}

// The batch of a case as the ABI has it: pages of the sequences lie interleaved.
struct BatchMemory {
  std::vector<int32_t> positions, sequenceOf, starts = {0}, contexts, lengths, pages, zeros;
  static constexpr int64_t pagesEach = 4;
  llc_batch abi{};

  BatchMemory(const llm::Batch *batch, int64_t tokens, int64_t wanted) : zeros(size_t(tokens + wanted), 0) {
    for (size_t i = 0; batch && i < batch->positions.size(); ++i) {
      bool isNew = i == 0 || batch->sequenceOf[i] != batch->sequenceOf[i - 1];
      if (isNew && i > 0) starts.push_back(int32_t(i));
      if (isNew) contexts.push_back(0);
      sequenceOf.push_back(int32_t(contexts.size()) - 1);
      positions.push_back(int32_t(batch->positions[i]));
      lengths.push_back(int32_t(batch->sequenceLengths[i]));
      contexts.back() = positions.back() + 1;
    }
    starts.push_back(int32_t(tokens));
    int64_t sequences = int64_t(contexts.size());
    for (int64_t sequence = 0; sequence < sequences; ++sequence)
      for (int64_t page = 0; page < pagesEach; ++page) pages.push_back(int32_t(page * sequences + sequence));
    abi.tokens = tokens, abi.sequences = sequences, abi.rows = wanted;
    abi.token_ids = abi.wanted_rows = abi.targets = zeros.data();
    abi.positions = positions.data(), abi.sequence_of = sequenceOf.data(), abi.sequence_starts = starts.data();
    abi.context_lengths = contexts.data(), abi.sequence_lengths = lengths.data();
    abi.page_table = pages.data(), abi.page_stride = pagesEach;
  }
};

// A packed f32 weight [n, k] lies as panels [n/16][k][16], n padded with zeros (compiler/kernels/kernels.h).
size_t packedSize(const llm::Shape &shape) { return size_t(kernels::packedBytes(shape[1], shape[0], DType::f32)); }
size_t packedPlace(const llm::Shape &shape, size_t element) {
  size_t columns = size_t(kernels::panelColumns), depth = size_t(shape[1]), n = element / depth, k = element % depth;
  return (n / columns * depth + k) * columns + n % columns;
}

// Everything one call needs, and the call.
class Call {
 public:
  Call(const LoadedProgram &program, const Case &test)
      : program_(program), spec_(*program.manifest.entry(test.name)), batch_(batchIn(test), test.tokens, test.wanted) {
    for (const llm::Datum &datum : test.inputs)
      if (!datum.batch && !datum.cache) inputs_.push_back(blockOf(datum.tensor, spec_.inputs[inputs_.size()].type));
    for (size_t i = 0; i < spec_.outputs.size(); ++i) {
      size_t bytes = size_t(test.expected[i].size()) * byteSize(spec_.outputs[i].type);
      if (test.row.value("packed", false)) bytes = packedSize(test.expected[i].shape());
      outputs_.emplace_back(bytes + guardBytes, guardValue);
    }
    // Pages hold finite values at all times: fresh ones are zero.
    for (const CacheSpec &cache : program.manifest.caches)
      caches_.emplace_back(
          cache.pageBytes() * size_t(BatchMemory::pagesEach * std::max<int64_t>(1, batch_.abi.sequences)), 0);
  }

  void run(int threads) {
    const Manifest &manifest = program_.manifest;
    Block arena(manifest.arenaBytes, poison), scratch(roundUp(manifest.scratchBytes) * size_t(threads), poison);
    std::vector<const void *> inputs;
    std::vector<void *> outputs, caches;
    for (Block &block : inputs_) inputs.push_back(block.data());
    for (Block &block : outputs_) outputs.push_back(block.data());
    for (Block &block : caches_) caches.push_back(block.data());
    int64_t sizes[] = {batch_.abi.tokens, batch_.abi.rows, batch_.abi.sequences};
    llc_sync sync{};
    llc_context context{};
    context.abi_version = LLC_ABI_VERSION;
    context.arena = arena.data(), context.scratch = scratch.data();
    context.scratch_stride = int64_t(roundUp(manifest.scratchBytes));
    context.parameters = program_.parameters.data(), context.caches = caches.data(), context.batch = &batch_.abi;
    context.inputs = inputs.data(), context.outputs = outputs.data(), context.sizes = sizes, context.sync = &sync;
    context.relax = [](llc_context *) { sched_yield(); };
    llc_entry code = program_.entry(spec_.name);
    std::vector<std::thread> team;
    for (int t = 1; t < threads; ++t) team.emplace_back([&, t] { code(&context, t, threads); });
    code(&context, 0, threads);
    for (std::thread &thread : team) thread.join();
  }

  std::string check(const Case &test) {
    for (size_t i = 0; i < outputs_.size(); ++i) {
      size_t count = size_t(test.expected[i].size()), bytes = count * byteSize(spec_.outputs[i].type);
      std::vector<double> values(count);
      if (test.row.value("packed", false)) bytes = packedSize(test.expected[i].shape());
      for (size_t k = 0; k < count; ++k) {
        size_t place = test.row.value("packed", false) ? packedPlace(test.expected[i].shape(), k) : k;
        values[k] = loadElement(outputs_[i].data(), spec_.outputs[i].type, place);
      }
      if (std::string wrong = compare(test, i, values); !wrong.empty()) return wrong;
      for (size_t k = bytes; k < bytes + guardBytes; ++k)
        if (outputs_[i].data()[k] != guardValue)
          return fmt::format("writes {} bytes behind result {}", k - bytes + 1, i);
    }
    return "";
  }

 private:
  static const llm::Batch *batchIn(const Case &test) {
    for (const llm::Datum &datum : test.inputs)
      if (datum.batch) return datum.batch.get();
    return nullptr;
  }
  const LoadedProgram &program_;
  const EntrySpec &spec_;
  BatchMemory batch_;
  std::vector<Block> inputs_, outputs_, caches_;
};

}  // namespace

ParameterStore::ParameterStore(const std::vector<Case *> &cases) {
  for (Case *test : cases)
    for (auto parameter : test->module->getOps<llm::ParameterOp>()) {
      auto type = mlir::cast<mlir::RankedTensorType>(parameter.getType());
      bool bf16 = type.getElementType().isBF16(), f16 = type.getElementType().isF16();
      const llm::Tensor &tensor = test->parameters.at(parameter.getSymName().str());
      Stored stored{bf16 ? DType::bf16 : f16 ? DType::f16 : DType::f32, type.getShape().vec(), {}};
      stored.bytes.resize(size_t(tensor.size()) * byteSize(stored.type));
      for (size_t i = 0; i < size_t(tensor.size()); ++i)
        storeElement(stored.bytes.data(), stored.type, i, tensor.values()[i]);
      tensors_[parameter.getSymName().str()] = std::move(stored);
    }
}

compiler::TensorSource ParameterStore::source() const {
  return {[this](std::string_view name) -> Result<compiler::SourceTensor> {
            auto found = tensors_.find(name);
            if (found == tensors_.end())
              return diagnose(ErrorKind::notFound, std::string(name)).says("no such parameter").toFix("mend the table");
            return compiler::SourceTensor{found->second.type, found->second.shape, found->second.bytes};
          },
          {}};
}

Result<CompiledModule> compileWideForAvx2(mlir::ModuleOp module) {
  mlir::OwningOpRef<mlir::ModuleOp> copy(module.clone());
  LLC_ASSIGN(CompiledModule wide,
             compiler::compile(*copy, {.targets = {"avx512"}, .stopAfter = compiler::Phase::llvm}));
  // Up to here nothing but the table row of the target went into the code; what follows is LLVM's.
  const std::string from = "llm.target = \"avx512\"", to = "llm.target = \"avx2\"";
  size_t at = wide.text.find(from);
  if (at == std::string::npos)
    return diagnose(ErrorKind::internal, "llm.target")
        .says("the module does not name its target")
        .toFix("mend the test");
  wide.text.replace(at, from.size(), to);
  return compiler::compileText(wide.text, "wide", {.startAt = compiler::Phase::llvm});
}

Result<CompiledModule> compileFor(mlir::ModuleOp module, const std::vector<IsaLevel> &levels) {
  mlir::OwningOpRef<mlir::ModuleOp> copy(module.clone());
  compiler::CompileOptions options;
  options.targets.clear();
  for (IsaLevel level : levels) options.targets.emplace_back(isaName(level));
  return compiler::compile(*copy, options);
}

Result<LoadedProgram> loadFromMemory(const CompiledModule &compiled, const ParameterStore &store, IsaLevel level) {
  CompiledModule only = compiled;
  std::erase_if(only.objects, [&](const compiler::TargetObject &object) { return object.target != isaName(level); });
  LLC_ASSIGN(compiler::JitProgram jit, compiler::loadProgram(only, store.source(), 2));
  auto kept = std::make_shared<compiler::JitProgram>(std::move(jit));
  auto entry = [kept](std::string_view name) { return kept->entries.find(name)->second; };
  return LoadedProgram{kept->manifest, entry, kept->parameters, kept};
}

Result<LoadedProgram> loadFromLibrary(const CompiledModule &compiled, const ParameterStore &store) {
  namespace fs = std::filesystem;
  static int number = 0;
  fs::path path = fs::temp_directory_path() / fmt::format("llc-conformance-{}-{}.so", getpid(), number++);
  compiler::ArtifactOptions options;
  options.path = path.string(), options.kind = ArtifactKind::sharedLibrary;
  options.runtimeArchive = LLC_BINARY_DIR "/lib/libllc_artifact.a";
  LLC_TRY(compiler::writeArtifact(compiled, store.source(), options));
  Result<Program> opened = Program::open(options.path);
  std::error_code ignored;
  fs::remove(path, ignored);
  if (!opened.ok()) return opened.error();
  auto kept = std::make_shared<Program>(std::move(*opened));
  auto entry = [kept](std::string_view name) { return kept->entry(name); };
  std::vector<const void *> parameters(kept->parameters(), kept->parameters() + kept->manifest().parameters.size());
  return LoadedProgram{kept->manifest(), entry, parameters, kept};
}

std::string compare(const Case &test, size_t result, std::span<const double> values) {
  std::span<const double> expected = test.expected[result].values();
  if (values.size() != expected.size())
    return fmt::format("result {} has {} elements instead of {}", result, values.size(), expected.size());
  double largest = 0;
  for (double value : expected)
    if (std::isfinite(value)) largest = std::max(largest, std::abs(value));
  for (size_t i = 0; i < values.size(); ++i) {
    bool same = values[i] == expected[i] || std::abs(values[i] - expected[i]) <= test.tolerance() * largest;
    if (!same) return fmt::format("result {} element {}: {} instead of {}", result, i, values[i], expected[i]);
  }
  return "";
}

std::string runAndCompare(const LoadedProgram &program, const Case &test, int threads) {
  const EntrySpec *spec = program.manifest.entry(test.name);
  if (!spec || !program.entry(test.name)) return "the program has no such entry";
  if (spec->outputs.size() != test.expected.size()) return "the entry has another number of results";
  Call call(program, test);
  call.run(threads);
  return call.check(test);
}

}  // namespace llc::conformance
