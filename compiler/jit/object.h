// From a module of func + scf + arith + vector + llvm.ptr code to an object file. JIT and AOT take the same way: always
// an object, loaded by ORC or linked by lld.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "compiler/targets/target.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/DialectRegistry.h"
#include "runtime/base/status.h"

namespace llc {

// Registers the dialects that kernel generators emit and their translation to LLVM IR.
void registerCodeDialects(mlir::DialectRegistry &registry);

// func + scf + arith + vector → llvm dialect, in place. The `llvm` phase.
Status lowerToLlvm(mlir::ModuleOp module);

struct ObjectOptions {
  std::string symbolSuffix;         // appended to every function defined here (one object per instruction set level)
  bool verify = false;              // checks the LLVM IR (Debian's LLVM has no assertions)
  std::string *llvmIr = nullptr;    // receives the optimised LLVM IR as text
  std::string *assembly = nullptr;  // receives the assembly as text
};
// A module of LLVM IR in a context of its own, on its way to an object for one target. Different ones may be emitted by
// different threads at the same time.
class TranslatedModule {
 public:
  // From a module in the llvm dialect, which stays as it is. Not thread-safe for modules of one MLIR context.
  static Result<TranslatedModule> translate(mlir::ModuleOp module, const Target &target,
                                            const ObjectOptions &options = {});
  TranslatedModule(TranslatedModule &&) noexcept;
  TranslatedModule &operator=(TranslatedModule &&) noexcept;
  ~TranslatedModule();
  // Optimises and emits. Once only.
  Result<std::vector<char>> emit();

 private:
  struct State;
  explicit TranslatedModule(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// A module in the llvm dialect → bytes of an ELF object for `target`. The module stays as it is.
Result<std::vector<char>> emitObject(mlir::ModuleOp module, const Target &target, const ObjectOptions &options = {});

// An object file loaded into this process. Symbols that the object leaves open are looked up in the process.
class LoadedObject {
 public:
  static Result<LoadedObject> load(std::vector<char> object, const std::string &name);
  LoadedObject(LoadedObject &&) noexcept;
  LoadedObject &operator=(LoadedObject &&) noexcept;
  ~LoadedObject();
  // Error: the symbol is not there.
  Result<void *> find(const std::string &symbol) const;

 private:
  struct State;
  explicit LoadedObject(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace llc
