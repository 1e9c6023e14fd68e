// The object file that holds llc_modules (runtime/abi/llc_abi.h): one row per instruction-set level, best first.
#pragma once
#include <string>

#include "compiler/pipelines/pipeline.h"
#include "runtime/base/cpu.h"

namespace llc::compiler {

// What the objects of `module` are for; all of them are for the same.
Result<Architecture> architectureOf(const CompiledModule &module);

// `entries`: names of the program's entries; their symbols are NAME.LEVEL, defined by the objects of `module`.
Result<std::string> emitModuleTable(const CompiledModule &module, const std::vector<std::string> &entries);

}  // namespace llc::compiler
