// The reference interpreter behind the interface of compiled code.
#pragma once
#include <memory>

#include "runtime/serve/engine.h"
#include "tools/cli/model.h"
#include "runtime/base/progress.h"
#include "tools/cli/tracing.h"

namespace llc::cli {

// Traces the directory and interprets its entries. All arithmetic in double, results rounded to the types of the module.
Result<std::unique_ptr<Engine>> makeReferenceEngine(const ModelPlace &place, const TraceOptions &options, Progress &progress);

}  // namespace llc::cli
