// Compiled programs of the table's cases: made for one target, loaded from memory or from a library, run with a team.
#pragma once
#include <functional>
#include <map>

#include "compiler/jit/engine.h"
#include "frontends/huggingface/import.h"
#include "runtime/base/cpu.h"
#include "tests/conformance/table.h"

namespace llc::conformance {

// What all ways of loading have in common.
struct LoadedProgram {
  Manifest manifest;
  std::function<llc_entry(std::string_view)> entry;
  std::vector<const void *> parameters;
  std::shared_ptr<const void> keepAlive;
};

// The case's parameters as checkpoint tensors. The cases must outlive what is made from them.
class ParameterStore {
 public:
  explicit ParameterStore(const std::vector<Case *> &cases);
  compiler::TensorSource source() const;

 private:
  struct Stored {
    DType type;
    std::vector<int64_t> shape;
    std::vector<std::byte> bytes;
  };
  std::map<std::string, Stored, std::less<>> tensors_;
};

// The tensors of a model as they lie in its files; it must outlive the result.
compiler::TensorSource tensorsOf(const huggingface::ModelSource &);

// Code that the generators make for AVX-512 (16 lanes, 32 registers, its tiles and tails), as an object of AVX2: LLVM
// splits every vector. The object's level is "avx2".
Result<compiler::CompiledModule> compileWideForAvx2(mlir::ModuleOp module);
// An object for each level, lowest first.
Result<compiler::CompiledModule> compileFor(mlir::ModuleOp module, const std::vector<IsaLevel> &levels);

// From memory, with the object of `level` alone; or by way of a shared library with all objects.
Result<LoadedProgram> loadFromMemory(const compiler::CompiledModule &, const ParameterStore &, IsaLevel level);
Result<LoadedProgram> loadFromLibrary(const compiler::CompiledModule &, const ParameterStore &);

// Runs the case's entry; empty if all results are as expected, else what is wrong. Memory that the program may not
// count on is poisoned before, and what lies behind the results is checked after.
std::string runAndCompare(const LoadedProgram &program, const Case &test, int threads);
// Runs all cases with 1, 2 and 3 threads in the code for `level` of another architecture, by the emulator that the
// build found. `messages` gets what is wrong, for each case with a wrong result.
Status runEmulated(const compiler::CompiledModule &, const ParameterStore &, const std::vector<Case *> &cases,
                   IsaLevel level, std::map<const Case *, std::string> &messages);
// The same for results of the interpreter.
std::string compare(const Case &test, size_t result, std::span<const double> values);

}  // namespace llc::conformance
