// Stages of attention over the paged cache, and what prepares its operands.
#include "compiler/lowering/kernel_choice.h"
#include "compiler/memory/attention_spec.h"
#include "dialect/ops/llm.h"

namespace llc::compiler {
using namespace mlir;

namespace {

KernelChoice pagedAttention(llm::PagedAttentionOp op, const KernelContext &context) {
  kernels::PagedAttentionSpec spec = attentionSpec(op, context.bounds);
  KernelChoice choice{kernels::emitPagedAttention(context.emitter, spec), {op.getQ(), op.getKv()}};
  if (op.getSinks()) choice.operands.push_back(op.getSinks());
  if (op.getSlopes()) choice.operands.push_back(op.getSlopes());
  kernels::AttentionParts parts = kernels::attentionParts(spec);
  if (parts.number == 1) return choice;
  choice.split = {parts, kernels::emitMergeAttention(context.emitter, spec), {}};
  if (op.getSinks()) choice.split->operands.push_back(op.getSinks());
  return choice;
}

bool isF32(Value value) { return getElementTypeOrSelf(value.getType()).isF32(); }
}  // namespace

bool hasRotaryKernel(Operation *op) {
  auto rotary = cast<llm::RotaryOp>(op);
  auto x = cast<RankedTensorType>(rotary.getX().getType()), cosines = cast<RankedTensorType>(rotary.getCos().getType());
  return x.getRank() == 3 && cosines.getRank() == 2 && isF32(rotary.getX()) && isF32(rotary.getCos());
}

Result<std::optional<KernelChoice>> attentionKernel(Operation *op, const KernelContext &context) {
  if (auto attention = dyn_cast<llm::PagedAttentionOp>(op)) return std::optional(pagedAttention(attention, context));
  if (auto append = dyn_cast<llm::CacheAppendOp>(op)) {
    return std::optional(KernelChoice{kernels::emitCacheAppend(context.emitter, cacheSpec(append.getKv().getType())),
                                      {append.getK(), append.getV(), append.getKv()}});
  }
  if (auto rotary = dyn_cast<llm::RotaryOp>(op)) {
    if (!hasRotaryKernel(op))
      return diagnose(ErrorKind::unsupported, modelName(op))
          .says("rotary embeddings have a kernel for x[t,h,d] with tables [t,r/2] of f32 only")
          .toFix("run llm-decompose before");
    auto x = cast<RankedTensorType>(rotary.getX().getType());
    auto cosines = cast<RankedTensorType>(rotary.getCos().getType());
    kernels::RotarySpec spec{.heads = x.getDimSize(1),
                             .dim = x.getDimSize(2),
                             .rotated = 2 * cosines.getDimSize(1),
                             .interleaved = rotary.getInterleaved()};
    return std::optional(
        KernelChoice{kernels::emitRotary(context.emitter, spec), {rotary.getX(), rotary.getCos(), rotary.getSin()}});
  }
  return std::optional<KernelChoice>();
}

}  // namespace llc::compiler
