// Just-in-time: a compiled module in this process. Objects are linked by ORC; compiled code is kept in a disk cache.
#pragma once
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/jit/weight_cache.h"
#include "compiler/pipelines/pipeline.h"
#include "runtime/abi/llc_abi.h"
#include "runtime/base/dtype.h"

namespace llc::compiler {

// A tensor of a checkpoint, usually memory-mapped: valid as long as the reader's owner lives.
struct SourceTensor {
  DType type = DType::f32;
  std::vector<int64_t> shape;
  std::span<const std::byte> data;  // row-major, contiguous; empty: zeros
};
// Where parameters come from. `read` finds one by the name that the module gives it, possibly more than once per name;
// `release` (may be empty) says that a tensor's pages are not needed for now.
// `identity` tells these tensors from others, independent of where they lie; empty if nobody knows: then packed weights
// are not cached.
struct TensorSource {
  std::function<Result<SourceTensor>(std::string_view name)> read;
  std::function<void(std::string_view name)> release;
  std::string identity = {};
};

// Code of one compiled module, linked and ready.
class LoadedCode {
 public:
  virtual ~LoadedCode() = default;
  virtual llc_entry entry(std::string_view name) const = 0;  // nullptr: no such entry
  virtual const std::string &level() const = 0;              // instruction-set level in use
};
// Links the object of the best level that this machine has. Errors: no object fits the machine; link errors.
Result<std::unique_ptr<LoadedCode>> loadCode(const CompiledModule &);

// Everything that Program::fromPointers (runtime/serve/program.h) takes.
struct JitProgram {
  Manifest manifest;
  std::map<std::string, llc_entry, std::less<>> entries;
  std::vector<const void *> parameters;
  std::string level;
  bool weightsCached = false;             // nothing was packed
  std::shared_ptr<const void> keepAlive;  // code and packed parameters; the source's tensors must be kept by the caller
};
struct LoadOptions {
  int threads = 1;
  WeightCacheOptions weights = {};
  bool preload = false;  // copies cached weights into huge pages: slower start, faster steps
};
// Links, then brings every parameter into place: row-major ones are used where they lie (if type and alignment allow),
// others are packed with `threads` threads, or mapped from the cache of weights. What an entry updates gets memory of its
// own and must not be cached.
Result<JitProgram> loadProgram(const CompiledModule &, const TensorSource &, const LoadOptions &);

// Compiles with the disk cache: the key is a hash of the module's text, the options and the compiler's version; safe
// against concurrent writers. `directory` empty: $XDG_CACHE_HOME/llc-model/code or ~/.cache/llc-model/code; "none"
// turns the cache off. Old entries are removed when the cache exceeds `limitBytes`.
struct CacheOptions {
  std::string directory;
  int64_t limitBytes = codeCache.limitBytes;
};
struct CachedCompile {
  CompiledModule module;
  bool hit = false;
};
Result<CachedCompile> compileCached(mlir::ModuleOp, const CompileOptions &, const CacheOptions & = {});

// Brings one parameter (number in manifest.parameters) into `destination` (manifest bytes long): copies, converts or
// packs from the checkpoint. Errors: missing tensor, wrong shape; they name the tensor.
Status prepareParameter(const CompiledModule &, const LoadedCode &, const TensorSource &, size_t number,
                        std::span<std::byte> destination, int threads);

}  // namespace llc::compiler
