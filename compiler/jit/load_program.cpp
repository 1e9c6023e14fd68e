// A compiled module and its parameters, brought together in this process. Parameters are packed into huge pages
// (generated code streams through them once per token) and written to the cache of weights on the way, or mapped from
// there.
#include <fmt/format.h>

#include "compiler/jit/engine.h"
#include "runtime/base/memory.h"
#include "runtime/base/sha256.h"

namespace llc::compiler {
namespace {

// What a program stands on. The writer comes last: it ends before the memory that it reads.
struct ProgramMemory {
  std::unique_ptr<LoadedCode> code;
  std::vector<std::shared_ptr<void>> blocks;
  std::optional<CachedWeights> cached;
  std::unique_ptr<WeightSettler> settler;
  std::unique_ptr<WeightWriter> writer;
};

// The key of a program's weights: where they come from, and what is done to each.
std::string keyOf(const CompiledModule &module, const std::string &identity) {
  std::string text = identity;
  for (size_t i = 0; i < module.prepare.size(); ++i) {
    const ParameterSpec &p = module.manifest.parameters[i];
    const PrepareStep &step = module.prepare[i];
    text += fmt::format("{} {} [{}] {} {} {} {}\n", p.name, dtypeName(p.type), fmt::join(p.shape, ","), p.layout,
                        p.bytes, step.function, step.meaning);
    for (const TensorSpec &s : step.sources)
      text += fmt::format("  {} {} [{}]\n", s.name, dtypeName(s.type), fmt::join(s.shape, ","));
  }
  return sha256OfText(text);
}

class Loader {
 public:
  Loader(const CompiledModule &module, const TensorSource &source, const LoadOptions &options)
      : module_(module), source_(source), options_(options), parameters_(module.manifest.parameters) {}

  Result<JitProgram> load() {
    LLC_ASSIGN(memory_->code, loadCode(module_));
    program_.manifest = module_.manifest;
    program_.level = memory_->code->level();
    LLC_TRY(findEntries());
    LLC_TRY(findParametersInPlace());
    if (openCache()) {
      LLC_TRY(mapParameters());
    } else {
      LLC_TRY(packParameters());
    }
    program_.keepAlive = memory_;
    return std::move(program_);
  }

 private:
  Status findEntries() {
    for (const EntrySpec &entry : module_.manifest.entries) {
      llc_entry address = memory_->code->entry(entry.name);
      if (!address)
        return diagnose(ErrorKind::internal, entry.name)
            .says("the entry is not in the object")
            .toFix("please report this");
      program_.entries[entry.name] = address;
    }
    return success();
  }

  // Parameters that the program can read where they lie in the checkpoint.
  Status findParametersInPlace() {
    for (size_t i = 0; i < parameters_.size(); ++i) {
      const PrepareStep &step = module_.prepare[i];
      const void *place = nullptr;
      if (step.function.empty() && !parameters_[i].updated) {
        const TensorSpec &wanted = step.sources[0];
        LLC_ASSIGN(SourceTensor tensor, source_.read(wanted.name));
        if (tensor.type == wanted.type && tensor.shape == wanted.shape && tensor.data.size() == parameters_[i].bytes)
          place = tensor.data.data();
      }
      program_.parameters.push_back(place);
      prepared_.push_back(!place);
    }
    return success();
  }

  // Whether an entry of the cache is there; else begins to write one, where that makes sense.
  bool openCache() {
    layout_ = layoutWeights(module_.manifest, prepared_);
    std::string folder = cacheFolder(options_.weights.directory, weightCache);
    bool any = std::find(prepared_.begin(), prepared_.end(), true) != prepared_.end();
    if (folder.empty() || source_.identity.empty() || !any) return false;
    std::string key = keyOf(module_, source_.identity);
    std::string path = fmt::format("{}/{}{}", folder, key, weightCache.suffix);
    memory_->cached = CachedWeights::open(path, key, layout_);
    if (!memory_->cached) {
      memory_->writer = WeightWriter::begin(options_.weights, folder, path, key, layout_);
      return false;
    }
    if (!memory_->cached->settled()) memory_->settler = std::make_unique<WeightSettler>(path);
    return true;
  }

  Status mapParameters() {
    const CachedWeights &cached = *memory_->cached;
    const std::byte *begin = cached.at(0);
    if (options_.preload) {
      LLC_ASSIGN(auto copy, allocatePages(layout_.bytes, "the packed weights", "start without --preload"));
      copyParallel(copy.get(), begin, layout_.bytes, options_.threads);
      begin = static_cast<const std::byte *>(copy.get());
      memory_->blocks.push_back(std::move(copy));
      cached.file().release(0, cached.file().size());
    }
    for (size_t i = 0; i < parameters_.size(); ++i)
      if (prepared_[i]) program_.parameters[i] = begin + *layout_.offsets[i];
    program_.weightsCached = true;
    return success();
  }

  Status packParameters() {
    constexpr const char *remedy = "use a smaller --dtype, or compile ahead of time: an artifact maps its weights";
    for (size_t i = 0; i < parameters_.size(); ++i) {
      if (!prepared_[i]) continue;
      const uint64_t bytes = parameters_[i].bytes;
      LLC_ASSIGN(auto block, allocatePages(bytes, "the packed parameter " + parameters_[i].name, remedy));
      std::span<std::byte> destination(static_cast<std::byte *>(block.get()), bytes);
      LLC_TRY(prepareParameter(module_, *memory_->code, source_, i, destination, options_.threads));
      program_.parameters[i] = block.get();
      memory_->blocks.push_back(std::move(block));
      if (memory_->writer) memory_->writer->add(destination, *layout_.offsets[i]);
      if (source_.release)
        for (const TensorSpec &tensor : module_.prepare[i].sources) source_.release(tensor.name);
    }
    return success();
  }

  const CompiledModule &module_;
  const TensorSource &source_;
  const LoadOptions &options_;
  const std::vector<ParameterSpec> &parameters_;
  std::shared_ptr<ProgramMemory> memory_ = std::make_shared<ProgramMemory>();
  JitProgram program_;
  std::vector<bool> prepared_;
  WeightLayout layout_;
};

}  // namespace

Result<JitProgram> loadProgram(const CompiledModule &module, const TensorSource &source, const LoadOptions &options) {
  return Loader(module, source, options).load();
}

}  // namespace llc::compiler
