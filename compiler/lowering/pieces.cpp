// Stages that cut tensors into pieces or put them together: slices, padding, concatenations.
#include "compiler/lowering/kernel_choice.h"
#include "dialect/ops/llm.h"

namespace llc::compiler {
using namespace mlir;
namespace {

// What lies along a dimension of the result: `size` elements of an operand from `start` on, or zeros.
struct Range {
  int operand;
  int64_t start, size, extent;  // extent: of the operand
};
std::vector<Range> rangesOf(Operation *op) {
  auto extentOf = [&](Value value, int64_t dim) { return cast<RankedTensorType>(value.getType()).getDimSize(dim); };
  std::vector<Range> ranges;
  if (auto slice = dyn_cast<llm::SliceOp>(op)) {
    int64_t extent = extentOf(slice.getX(), int64_t(slice.getDim()));
    ranges.push_back({0, int64_t(slice.getStart()), int64_t(slice.getSize()), extent});
  } else if (auto pad = dyn_cast<llm::PadOp>(op)) {
    int64_t extent = extentOf(pad.getX(), int64_t(pad.getDim()));
    ranges = {{-1, 0, int64_t(pad.getLow()), 0}, {0, 0, extent, extent}, {-1, 0, int64_t(pad.getHigh()), 0}};
  } else if (auto concat = dyn_cast<llm::ConcatOp>(op)) {
    for (auto [number, input] : llvm::enumerate(concat.getInputs())) {
      int64_t extent = extentOf(input, int64_t(concat.getDim()));
      ranges.push_back({int(number), 0, extent, extent});
    }
  }
  return ranges;
}
}  // namespace

Result<std::optional<KernelChoice>> piecesKernel(Operation *op, const KernelContext &context) {
  if (!isa<llm::SliceOp, llm::PadOp, llm::ConcatOp>(op)) return std::optional<KernelChoice>();
  auto type = cast<RankedTensorType>(op->getResult(0).getType());
  int64_t dim = op->getAttrOfType<IntegerAttr>("dim").getInt();
  // Along the leading dimension only what keeps the number of a line: a slice, whose rows are the lines.
  bool leading = dim == 0;
  auto isCopied = [&](Type part) {
    return getElementTypeOrSelf(part) == type.getElementType() && !llm::isPacked(part);
  };
  bool hasWords = type.getElementType().getIntOrFloatBitWidth() == 32;
  if (!hasWords || !llvm::all_of(op->getOperandTypes(), isCopied) || (leading && !isa<llm::SliceOp>(op)))
    return std::optional<KernelChoice>();
  // The leading dimension is cut into chunks; all others are static.
  int64_t inner = ShapedType::getNumElements(type.getShape().drop_front(dim + 1));
  kernels::PiecesSpec spec;
  spec.operands = int64_t(op->getNumOperands());
  spec.lines = leading ? 1 : ShapedType::getNumElements(type.getShape().slice(1, dim - 1));
  spec.width = leading ? inner : inner * type.getDimSize(dim);
  int64_t at = 0;
  for (const Range &range : rangesOf(op)) {
    if (range.size == 0) continue;
    int64_t size = leading ? inner : range.size * inner;
    spec.pieces.push_back({at, size, range.operand, range.start * inner, leading ? inner : range.extent * inner});
    at += size;
  }
  KernelChoice choice{kernels::emitPieces(context.emitter, spec), llvm::to_vector(op->getOperands())};
  if (!type.isDynamicDim(0)) choice.rows = type.getDimSize(0);
  return std::optional(std::move(choice));
}

}  // namespace llc::compiler
