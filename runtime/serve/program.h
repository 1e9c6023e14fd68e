// A compiled program, ready to be called: manifest, entry functions for this CPU, parameter addresses. Where it comes
// from (JIT, shared library, bundle, the running executable) makes no difference afterwards.
#pragma once
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/abi/artifact.h"
#include "runtime/abi/llc_abi.h"
#include "runtime/abi/manifest.h"
#include "runtime/base/status.h"

namespace llc {

struct LoadOptions {
  // Copies the payload into memory of huge pages instead of mapping the file: slower to start, fewer TLB misses.
  bool preload = false;
};

class Program {
 public:
  using Entries = std::map<std::string, llc_entry, std::less<>>;

  // From memory (JIT, tests): `parameters` in the manifest's order; `keepAlive` is held as long as the program.
  static Result<Program> fromPointers(Manifest manifest, Entries entries, std::vector<const void *> parameters,
                                      std::string level, std::shared_ptr<const void> keepAlive);
  // An artifact of any kind: executables are shared objects, too. Errors: notFound, invalidInput (damaged),
  // unsupported (other ABI version, CPU features missing).
  static Result<Program> open(const std::string &path, const LoadOptions &options = {});
  // The running executable, with the modules linked into it.
  static Result<Program> self(const llc_module *modules, const LoadOptions &options = {});

  const Manifest &manifest() const { return manifest_; }
  llc_entry entry(std::string_view name) const;  // null when the program has none of that name
  const void *const *parameters() const { return parameters_.data(); }
  const std::string &level() const { return level_; }  // instruction-set level in use: "avx2"
  // A file that travels with the program ("tokenizer.json"); nothing when there is none. Programs from memory have
  // none.
  std::optional<std::string_view> file(std::string_view name) const;

 private:
  static Result<Program> fromArtifact(std::shared_ptr<Artifact> artifact, const llc_module *modules,
                                      std::shared_ptr<const void> code, const LoadOptions &options);
  Manifest manifest_;
  Entries entries_;
  std::vector<const void *> parameters_;
  std::string level_;
  std::shared_ptr<Artifact> artifact_;
  std::vector<std::shared_ptr<const void>> keepAlive_;
};

// The first of `modules` (best first) that this CPU can run and that is not above the level that the environment
// variable LLC_ISA names (runtime/base/cpu.h). unsupported: none fits, with the missing features; another ABI version.
Result<const llc_module *> chooseModule(const llc_module *modules, const std::string &where);

}  // namespace llc
