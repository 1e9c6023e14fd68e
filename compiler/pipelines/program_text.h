// A compiled module's description as JSON: kept in the code cache, and in the attribute llm.program of modules from
// phase `vector` on, so that a dumped file can be compiled further.
#pragma once
#include "compiler/pipelines/pipeline.h"

namespace llc::compiler {

nlohmann::json describeProgram(const CompiledModule &);  // all but objects and text
Result<CompiledModule> parseProgram(const nlohmann::json &, const std::string &where);

}  // namespace llc::compiler
