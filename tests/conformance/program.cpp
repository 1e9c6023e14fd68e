#include "tests/conformance/program.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>

#include "compiler/aot/artifact.h"
#include "compiler/kernels/kernels.h"
#include "dialect/ops/llm.h"
#include "runtime/base/mapped_file.h"
#include "runtime/base/output_file.h"
#include "runtime/serve/program.h"
#include "tests/conformance/call_image.h"

namespace llc::conformance {
namespace {
using compiler::CompiledModule;
namespace fs = std::filesystem;

constexpr size_t guardBytes = 256;
constexpr unsigned char guardValue = 0xA5;

Block blockOf(const llm::Tensor &tensor, DType type) {
  Block block(size_t(tensor.size()) * byteSize(type), poison);
  for (size_t i = 0; i < size_t(tensor.size()); ++i) storeElement(block.data(), type, i, tensor.values()[i]);
  return block;
}

// The batch of a case: pages of the sequences lie interleaved.
void addBatch(CallImage &call, const llm::Batch *batch) {
  call.starts = {0};
  for (size_t i = 0; batch && i < batch->positions.size(); ++i) {
    bool isNew = i == 0 || batch->sequenceOf[i] != batch->sequenceOf[i - 1];
    if (isNew && i > 0) call.starts.push_back(int32_t(i));
    if (isNew) call.contexts.push_back(0);
    call.sequenceOf.push_back(int32_t(call.contexts.size()) - 1);
    call.positions.push_back(int32_t(batch->positions[i]));
    call.lengths.push_back(int32_t(batch->sequenceLengths[i]));
    call.contexts.back() = call.positions.back() + 1;
  }
  call.starts.push_back(int32_t(call.tokens));
  int64_t sequences = int64_t(call.contexts.size());
  for (int64_t sequence = 0; sequence < sequences; ++sequence)
    for (int64_t page = 0; page < pagesOfSequence; ++page) call.pages.push_back(int32_t(page * sequences + sequence));
}
const llm::Batch *batchIn(const Case &test) {
  for (const llm::Datum &datum : test.inputs)
    if (datum.batch) return datum.batch.get();
  return nullptr;
}

// A packed f32 weight [n, k] lies as panels [n/16][k][16], n padded with zeros (compiler/kernels/kernels.h).
size_t packedSize(const llm::Shape &shape) { return size_t(kernels::packedBytes(shape[1], shape[0], DType::f32)); }
size_t packedPlace(const llm::Shape &shape, size_t element) {
  size_t columns = size_t(kernels::panelColumns), depth = size_t(shape[1]), n = element / depth, k = element % depth;
  return (n / columns * depth + k) * columns + n % columns;
}

// Bytes of a result: packed ones are padded.
size_t resultBytes(const Case &test, size_t result, DType type) {
  if (test.row.value("packed", false)) return packedSize(test.expected[result].shape());
  return size_t(test.expected[result].size()) * byteSize(type);
}

// What is wrong with the results of a call; empty if nothing.
std::string check(CallImage &call, const EntrySpec &spec, const Case &test) {
  bool packed = test.row.value("packed", false);
  for (size_t i = 0; i < call.outputs.size(); ++i) {
    size_t bytes = resultBytes(test, i, spec.outputs[i].type);
    std::vector<double> values(size_t(test.expected[i].size()));
    for (size_t k = 0; k < values.size(); ++k) {
      size_t place = packed ? packedPlace(test.expected[i].shape(), k) : k;
      values[k] = loadElement(call.outputs[i].data(), spec.outputs[i].type, place);
    }
    if (std::string wrong = compare(test, i, values); !wrong.empty()) return wrong;
    for (size_t k = bytes; k < bytes + guardBytes; ++k)
      if (call.outputs[i].data()[k] != guardValue)
        return fmt::format("writes {} bytes behind result {}", k - bytes + 1, i);
  }
  return "";
}

Result<CallImage> imageOf(const Manifest &manifest, const Case &test, int threads) {
  const EntrySpec *spec = manifest.entry(test.name);
  if (!spec || spec->outputs.size() != test.expected.size())
    return diagnose(ErrorKind::internal, test.name)
        .says("the program has no such entry, or it has another number of results")
        .toFix("mend the compiler or the table");
  CallImage call;
  call.entry = test.name, call.threads = threads, call.tokens = test.tokens, call.rows = test.wanted;
  addBatch(call, batchIn(test));
  for (const llm::Datum &datum : test.inputs)
    if (!datum.batch && !datum.cache)
      call.inputs.push_back(blockOf(datum.tensor, spec->inputs[call.inputs.size()].type));
  for (size_t i = 0; i < spec->outputs.size(); ++i)
    call.outputs.emplace_back(resultBytes(test, i, spec->outputs[i].type) + guardBytes, guardValue);
  // Pages hold finite values at all times: fresh ones are zero.
  size_t pages = size_t(pagesOfSequence) * std::max<size_t>(1, call.contexts.size());
  for (const CacheSpec &cache : manifest.caches) call.caches.emplace_back(cache.pageBytes() * pages, 0);
  return call;
}

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

compiler::TensorSource tensorsOf(const huggingface::ModelSource &source) {
  return {[&source](std::string_view name) -> Result<compiler::SourceTensor> {
            LLC_ASSIGN(const TensorView *view, source.weight(std::string(name)));
            return compiler::SourceTensor{view->type, view->shape, view->bytes};
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
  LLC_ASSIGN(compiler::JitProgram jit, compiler::loadProgram(only, store.source(), {2}));
  auto kept = std::make_shared<compiler::JitProgram>(std::move(jit));
  auto entry = [kept](std::string_view name) { return kept->entries.find(name)->second; };
  return LoadedProgram{kept->manifest, entry, kept->parameters, kept};
}

Result<LoadedProgram> loadFromLibrary(const CompiledModule &compiled, const ParameterStore &store) {
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
  Result<CallImage> call = imageOf(program.manifest, test, threads);
  if (!call.ok()) return call.error().text();
  llc_entry code = program.entry(test.name);
  if (!code) return "the program has no code for the entry";
  call->run(code, program.manifest, program.parameters.data());
  return check(*call, *program.manifest.entry(test.name), test);
}

namespace {
// A folder that goes away with all that is in it.
struct Folder {
  fs::path path = fs::temp_directory_path() / fmt::format("llc-emulated-{}", getpid());
  Folder() { fs::create_directories(path); }
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
  std::string operator/(const char *name) const { return (path / name).string(); }
};
}  // namespace

Status runEmulated(const CompiledModule &compiled, const ParameterStore &store, const std::vector<Case *> &cases,
                   IsaLevel level, std::map<const Case *, std::string> &messages) {
  constexpr int mostThreads = 3;
  Folder folder;
  std::vector<Case *> called;
  std::vector<CallImage> calls;
  for (Case *test : cases)
    for (int threads = 1; threads <= mostThreads; ++threads) {
      LLC_ASSIGN(CallImage call, imageOf(compiled.manifest, *test, threads));
      calls.push_back(std::move(call)), called.push_back(test);
    }
  LLC_TRY(writeFile(folder / "calls", toBytes(calls)));
  LLC_ASSIGN(CompiledModule native, compileFor(*moduleOf(cases), {hostCpu().level}));
  compiler::ArtifactOptions options;
  options.path = folder / "code.so", options.kind = ArtifactKind::sharedLibrary, options.preparer = &native;
  LLC_TRY(compiler::writeArtifact(compiled, store.source(), options));
  std::string command = fmt::format("LLC_ISA={} {} {} {} {} 2>{}", isaName(level), LLC_EMULATED_RUNNER, options.path,
                                    folder / "calls", folder / "results", folder / "messages");
  if (std::system(command.c_str()) != 0) {
    Result<std::string> said = readTextFile(folder / "messages");
    return diagnose(ErrorKind::internal, command).says(said.ok() ? *said : "failed silently").toFix("run it by hand");
  }
  LLC_ASSIGN(std::string bytes, readTextFile(folder / "results", 1 << 30));
  std::vector<CallImage> results = fromBytes(bytes);
  for (size_t i = 0; i < results.size(); ++i)
    if (std::string wrong = check(results[i], *compiled.manifest.entry(results[i].entry), *called[i]); !wrong.empty())
      messages.try_emplace(called[i], fmt::format("{} threads: {}", results[i].threads, wrong));
  return success();
}

}  // namespace llc::conformance
