// Ahead-of-time artifacts: one executable, a shared library, or a bundle, linked in process by lld: nothing but libc
// and libm is needed at run time, no compiler and no development files when linking. Weights are streamed tensor by
// tensor.
#pragma once
#include <string>
#include <string_view>

#include "compiler/aot/link.h"
#include "compiler/jit/engine.h"
#include "compiler/pipelines/pipeline.h"
#include "runtime/abi/artifact.h"

namespace llc::compiler {

Result<ArtifactKind> parseArtifactKind(std::string_view name);  // "exe" | "so" | "bundle"

struct ArtifactOptions {
  std::string path;
  ArtifactKind kind = ArtifactKind::executable;
  // Files that travel with the program (tokenizer.json, generation_config.json ...): name, content.
  std::vector<std::pair<std::string, std::string>> files;
  // Larger ones: name, path of what they hold.
  std::vector<std::pair<std::string, std::string>> largeFiles = {};
  ProgramKind program = ProgramKind::serving;
  // The same program compiled for this machine, whose code then prepares the parameters; needed where no object of the
  // module can run here. Null: the module itself.
  const CompiledModule *preparer = nullptr;
  std::string runtimeArchive;  // libllc_artifact.a; empty: found from this program's place (../lib, ../lib/llc-model)
};

// Links code for every object of the module and writes it with the prepared parameters. The target appears only when
// all went well. The same input gives the same bytes. Peak memory: code and the largest tensor twice. `module.manifest`
// is stored; fill in name and generation defaults before.
Status writeArtifact(const CompiledModule &module, const TensorSource &, const ArtifactOptions &);

// Links the code alone: an ELF executable or shared library that exports llc_modules. For tests and writeArtifact.
Result<std::string> linkCode(const CompiledModule &module, ArtifactKind, const std::string &runtimeArchive,
                             ProgramKind program = ProgramKind::serving);

}  // namespace llc::compiler
