#include "compiler/jit/engine.h"

#include <fmt/format.h>
#include <sched.h>

#include <thread>

#include "runtime/base/convert.h"
#include "compiler/jit/object.h"
#include "runtime/base/cpu.h"

namespace llc::compiler {
namespace {

class LinkedCode final : public LoadedCode {
 public:
  LinkedCode(LoadedObject object, std::string level) : object_(std::move(object)), level_(std::move(level)) {}
  llc_entry entry(std::string_view name) const override {
    auto found = object_.find(std::string(name) + "." + level_);
    return found.ok() ? reinterpret_cast<llc_entry>(*found) : nullptr;
  }
  const std::string &level() const override { return level_; }

 private:
  LoadedObject object_;
  std::string level_;
};

std::string shapeText(const std::vector<int64_t> &shape) { return fmt::format("[{}]", fmt::join(shape, ", ")); }

// A source tensor in the type the module declares: in place, or converted into `storage`; null: zeros.
Result<const void *> readAs(const TensorSpec &wanted, const TensorSource &source, std::vector<std::byte> &storage) {
  LLC_ASSIGN(SourceTensor tensor, source.read(wanted.name));
  if (tensor.shape != wanted.shape)
    return diagnose(ErrorKind::invalidInput, wanted.name)
        .expected("a tensor of shape " + shapeText(wanted.shape))
        .found(shapeText(tensor.shape))
        .toFix("check that config.json belongs to these weights");
  uint64_t elements = 1;
  for (int64_t extent : wanted.shape) elements *= static_cast<uint64_t>(extent);
  if (tensor.data.empty()) return static_cast<const void *>(nullptr);
  if (tensor.data.size() != elements * byteSize(tensor.type))
    return diagnose(ErrorKind::invalidInput, wanted.name)
        .expected(fmt::format("{} bytes", elements * byteSize(tensor.type)))
        .found(fmt::format("{}", tensor.data.size()))
        .toFix("download the file again");
  if (tensor.type == wanted.type) return static_cast<const void *>(tensor.data.data());
  storage.resize(elements * byteSize(wanted.type));
  convertElements(tensor.data.data(), tensor.type, storage.data(), wanted.type, elements);
  return static_cast<const void *>(storage.data());
}

void runTeam(llc_entry entry, llc_context &context, int threads) {
  llc_sync sync{};
  context.sync = &sync;
  context.relax = [](llc_context *) { sched_yield(); };
  std::vector<std::thread> others;
  for (int t = 1; t < threads; ++t) others.emplace_back([&, t] { entry(&context, t, threads); });
  entry(&context, 0, threads);
  for (std::thread &thread : others) thread.join();
}

// Packing small tensors is over before a thread has started.
int usefulThreads(uint64_t bytes, int threads) { return bytes < (1 << 20) ? 1 : std::max(1, threads); }

Status runPrepare(const CompiledModule &module, llc_entry entry, const PrepareStep &step,
                  std::span<const void *const> sources, std::span<std::byte> destination, int threads) {
  int64_t stride = (static_cast<int64_t>(module.manifest.scratchBytes) + 127) / 64 * 64;
  std::vector<std::byte> scratch(static_cast<size_t>(stride * threads + 64));
  std::vector<std::byte> arena(static_cast<size_t>(step.arenaBytes + 64));
  auto aligned = [](std::vector<std::byte> &memory) {
    return reinterpret_cast<void *>((reinterpret_cast<uintptr_t>(memory.data()) + 63) / 64 * 64);
  };
  void *outputs[] = {destination.data()};
  int64_t sizes[] = {0, 0, 0};
  llc_batch batch{};
  llc_context context{};
  context.abi_version = LLC_ABI_VERSION;
  context.arena = aligned(arena), context.scratch = aligned(scratch), context.scratch_stride = stride;
  context.parameters = sources.data(), context.outputs = outputs, context.sizes = sizes, context.batch = &batch;
  runTeam(entry, context, threads);
  return success();
}

}  // namespace

Result<std::unique_ptr<LoadedCode>> loadCode(const CompiledModule &module) {
  LLC_ASSIGN(IsaLevel host, usableIsa());
  for (auto object = module.objects.rbegin(); object != module.objects.rend(); ++object) {
    LLC_ASSIGN(IsaLevel level, parseIsa(object->target));
    if (!contains(host, level)) continue;
    LLC_ASSIGN(LoadedObject loaded,
               LoadedObject::load({object->bytes.begin(), object->bytes.end()}, "llc-" + object->target));
    return std::unique_ptr<LoadedCode>(new LinkedCode(std::move(loaded), object->target));
  }
  return diagnose(ErrorKind::unsupported, module.manifest.model)
      .says("no code that this machine (" + std::string(isaName(host)) + ") can run was compiled")
      .toFix("add --target-cpu native, or a level that it has, to the command that compiles");
}

Status prepareParameter(const CompiledModule &module, const LoadedCode &code, const TensorSource &source, size_t number,
                        std::span<std::byte> destination, int threads) {
  const PrepareStep &step = module.prepare[number];
  assert(destination.size() == module.manifest.parameters[number].bytes);
  std::vector<const void *> sources;
  std::vector<std::vector<std::byte>> storage(step.sources.size());
  for (size_t i = 0; i < step.sources.size(); ++i) {
    LLC_ASSIGN(const void *data, readAs(step.sources[i], source, storage[i]));
    sources.push_back(data);
  }
  if (step.function.empty()) {
    if (sources.front())
      std::memcpy(destination.data(), sources.front(), destination.size());
    else
      std::memset(destination.data(), 0, destination.size());
    return success();
  }
  llc_entry entry = code.entry(step.function);
  if (!entry)
    return diagnose(ErrorKind::internal, step.function)
        .says("the prepare function is not in the object")
        .toFix("please report this");
  return runPrepare(module, entry, step, sources, destination, usefulThreads(destination.size(), threads));
}

}  // namespace llc::compiler
