#include "compiler/memory/attention_spec.h"

#include "compiler/memory/rounding.h"

namespace llc::compiler {
using namespace mlir;

kernels::CacheSpec cacheSpec(Type type) {
  auto kv = cast<llm::KvType>(type);
  return {.kvHeads = kv.getKvHeads(),
          .keyDim = kv.getKeyDim(),
          .valueDim = kv.getValueDim(),
          .type = dtypeOf(kv.getElementType()).value_or(DType::f32)};
}

kernels::PagedAttentionSpec attentionSpec(llm::PagedAttentionOp op, const Bounds &bounds) {
  kernels::PagedAttentionSpec spec;
  spec.cache = cacheSpec(op.getKv().getType());
  spec.heads = cast<RankedTensorType>(op.getQ().getType()).getDimSize(1);
  spec.scale = static_cast<float>(op.getScale().convertToDouble());
  spec.window = static_cast<int64_t>(op.getWindow());
  spec.softCap = static_cast<float>(op.getSoftCap().convertToDouble());
  spec.sinks = static_cast<bool>(op.getSinks()), spec.alibi = static_cast<bool>(op.getSlopes());
  spec.contextBound = bounds.context;
  spec.rounded = op->hasAttr(roundedAttribute);
  return spec;
}

}  // namespace llc::compiler
