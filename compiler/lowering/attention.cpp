// Stages of attention over the paged cache and of whole sequences, and what prepares their operands.
#include "compiler/kernels/dense_attention.h"
#include "compiler/lowering/kernel_choice.h"
#include "compiler/memory/attention_spec.h"
#include "dialect/ops/llm.h"

namespace llc::compiler {
using namespace mlir;

namespace {

KernelChoice pagedAttention(llm::PagedAttentionOp op, const KernelContext &context) {
  kernels::PagedAttentionSpec spec = attentionSpec(op, context.bounds);
  auto result = cast<OpResult>(op.getY());
  spec.yInBf16 = context.wantsBf16Rows(result);
  KernelChoice choice{kernels::emitPagedAttention(context.emitter, spec), {op.getQ(), op.getKv()}};
  if (op.getSinks()) choice.operands.push_back(op.getSinks());
  if (op.getSlopes()) choice.operands.push_back(op.getSlopes());
  if (spec.yInBf16) choice.bf16Rows.push_back(result);
  kernels::AttentionParts parts = kernels::attentionParts(spec);
  if (parts.number == 1) return choice;
  choice.split = {parts, kernels::emitMergeAttention(context.emitter, spec), {}};
  if (op.getSinks()) choice.split->operands.push_back(op.getSinks());
  return choice;
}

bool isF32(Value value) { return getElementTypeOrSelf(value.getType()).isF32(); }

// A tensor of static shape whose elements the kernels read as f32.
std::optional<DType> factorType(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  auto element = type && type.hasStaticShape() ? dtypeOf(type.getElementType()) : std::nullopt;
  bool known = element && (*element == DType::f32 || *element == DType::bf16 || *element == DType::f16);
  return known ? element : std::nullopt;
}

// What attention and its gradient have in common; nothing if they have no kernel for these types.
template <class Op>
std::optional<kernels::DenseAttentionSpec> denseSpec(Op op) {
  auto q = factorType(op.getQ()), k = factorType(op.getK()), v = factorType(op.getV());
  if (!q || !k || !v) return std::nullopt;
  for (Value result : op->getResults())
    if (!isF32(result)) return std::nullopt;
  if (op.getSegments() && !getElementTypeOrSelf(op.getSegments().getType()).isInteger(32)) return std::nullopt;
  bool drops = op.getDropRate().convertToDouble() > 0;
  if (drops != bool(op.getDropKey()) || (drops && !isF32(op.getDropKey()))) return std::nullopt;
  ArrayRef<int64_t> queries = cast<RankedTensorType>(op.getQ().getType()).getShape();
  ArrayRef<int64_t> keys = cast<RankedTensorType>(op.getK().getType()).getShape();
  if (queries[1] > keys[1] || llm::derive::bytesOf(op.getQ().getType(), {}) == 0) return std::nullopt;
  return kernels::DenseAttentionSpec{.batch = queries[0],
                                     .queries = queries[1],
                                     .keys = keys[1],
                                     .heads = queries[2],
                                     .kvHeads = keys[2],
                                     .keyDim = queries[3],
                                     .valueDim = cast<RankedTensorType>(op.getV().getType()).getDimSize(3),
                                     .qType = *q,
                                     .kType = *k,
                                     .vType = *v,
                                     .scale = static_cast<float>(op.getScale().convertToDouble()),
                                     .causal = op.getCausal(),
                                     .window = static_cast<int64_t>(op.getWindow()),
                                     .softCap = static_cast<float>(op.getSoftCap().convertToDouble()),
                                     .segments = bool(op.getSegments()),
                                     .dropRate = static_cast<float>(op.getDropRate().convertToDouble())};
}

std::optional<kernels::DenseAttentionSpec> denseAttentionSpec(Operation *op) {
  std::optional<kernels::DenseAttentionSpec> spec;
  if (auto attention = dyn_cast<llm::AttentionOp>(op)) {
    if (attention.getSinks() && !isF32(attention.getSinks())) return std::nullopt;
    if ((spec = denseSpec(attention))) spec->sinks = bool(attention.getSinks());
  } else if (auto backward = dyn_cast<llm::AttentionBackwardOp>(op)) {
    auto dy = factorType(backward.getDy());
    if (!dy || !isF32(backward.getLogSum()) || !isF32(backward.getDelta())) return std::nullopt;
    if ((spec = denseSpec(backward))) spec->gradientType = *dy;
  }
  return spec;
}

std::optional<KernelChoice> denseAttention(Operation *op, const KernelContext &context) {
  auto spec = denseAttentionSpec(op);
  if (!spec) return std::nullopt;
  bool isForward = isa<llm::AttentionOp>(op);
  return KernelChoice{isForward ? kernels::emitDenseAttention(context.emitter, *spec)
                                : kernels::emitDenseAttentionBackward(context.emitter, *spec),
                      llvm::to_vector(op->getOperands())};
}
}  // namespace

bool hasDenseAttentionKernel(Operation *op) { return denseAttentionSpec(op).has_value(); }

bool hasRotaryKernel(Operation *op) {
  auto rotary = cast<llm::RotaryOp>(op);
  auto x = cast<RankedTensorType>(rotary.getX().getType()), cosines = cast<RankedTensorType>(rotary.getCos().getType());
  return x.getRank() == 3 && cosines.getRank() == 2 && isF32(rotary.getX()) && isF32(rotary.getCos());
}

Result<std::optional<KernelChoice>> attentionKernel(Operation *op, const KernelContext &context) {
  if (auto attention = dyn_cast<llm::PagedAttentionOp>(op)) return std::optional(pagedAttention(attention, context));
  if (auto choice = denseAttention(op, context)) return choice;
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
