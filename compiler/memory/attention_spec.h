// Attention ops as the kernel generators see them: for the plan of memory and for code, which must agree.
#pragma once
#include "compiler/kernels/kernels.h"
#include "compiler/memory/stages.h"
#include "dialect/ops/llm.h"

namespace llc::compiler {

kernels::CacheSpec cacheSpec(mlir::Type kvType);
kernels::PagedAttentionSpec attentionSpec(llm::PagedAttentionOp, const Bounds &);

}  // namespace llc::compiler
