// Ahead-of-time artifacts: one executable, a shared library, or a bundle (library + weights in one file), linked in
// process by lld. Weights are streamed tensor by tensor, page-aligned behind the code.
#pragma once
#include <string>
#include <string_view>

#include "compiler/jit/engine.h"
#include "compiler/pipelines/pipeline.h"

namespace llc::compiler {

enum class ArtifactFormat { executable, sharedLibrary, bundle };
Result<ArtifactFormat> parseArtifactFormat(std::string_view name);  // "exe" | "so" | "bundle"

struct ArtifactOptions {
  std::string path;
  ArtifactFormat format = ArtifactFormat::executable;
  // Files to store beside the weights (tokenizer.json, tokenizer_config.json, generation_config.json ...): name -> contents.
  std::vector<std::pair<std::string, std::string>> files;
  bool weights = true;           // false: code and manifest only (for measuring, and for programs with their own weights)
  std::string runtimeArchive;    // libllc_program.a; empty: found beside this program (../lib)
};

// Writes to a temporary file in the same folder and renames it: on any error nothing is left. Deterministic: the same
// input gives the same bytes. Peak memory: code + the largest tensor twice.
Status writeArtifact(const CompiledModule &, const TensorReader &, const ArtifactOptions &);

}  // namespace llc::compiler
