// Just-in-time: a compiled module in this process. Objects are linked by ORC; compiled code is kept in a disk cache.
#pragma once
#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/pipelines/pipeline.h"
#include "runtime/abi/llc_abi.h"
#include "runtime/base/dtype.h"

namespace llc::compiler {

// A tensor of a checkpoint, usually memory-mapped: valid as long as the reader's owner lives.
struct SourceTensor {
  DType type = DType::f32;
  std::vector<int64_t> shape;
  std::span<const std::byte> data;  // row-major, contiguous
};
// Finds a parameter by the name that the module gives it. Called once per use, possibly more than once per name.
using TensorReader = std::function<Result<SourceTensor>(std::string_view name)>;

// Code of one compiled module, linked and ready. Entries and prepare functions are found by name.
class LoadedCode {
 public:
  virtual ~LoadedCode() = default;
  virtual llc_entry entry(std::string_view name) const = 0;  // nullptr: no such entry
};
// Links the object for the best level that this machine has. Errors: no object fits the machine; link errors.
Result<std::unique_ptr<LoadedCode>> loadCode(const CompiledModule &);

// Compiles with the disk cache: the key is a hash of the module's text, the targets and the compiler's version.
// `cacheDirectory` empty: $XDG_CACHE_HOME/llc-model/code or ~/.cache/llc-model/code; "none" turns the cache off.
struct CachedCompile {
  CompiledModule module;
  bool hit = false;
};
Result<CachedCompile> compileCached(mlir::ModuleOp, const CompileOptions &, const std::string &cacheDirectory = {});

// Brings one prepared parameter (number in manifest["parameters"]) into `destination` (manifest "bytes" long): copies,
// converts or packs from the checkpoint. Errors: missing tensor, wrong shape, named with the parameter.
Status prepareParameter(const CompiledModule &, const LoadedCode &, const TensorReader &, size_t number,
                        std::span<std::byte> destination, int threads);

// A row-major parameter that equals the checkpoint's bytes may be used in place: its data if so, else empty.
std::span<const std::byte> borrowParameter(const CompiledModule &, const TensorReader &, size_t number);

}  // namespace llc::compiler
