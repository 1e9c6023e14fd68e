// Layout ops: reshape by hand, slice, concat and pad as programs with affine indices (out of range reads 0).
#include "dialect/ops/llm.h"
#include "mlir/IR/PatternMatch.h"

#define GET_OP_CLASSES
#include "dialect/ops/layout.cpp.inc"

namespace llc::llm {
namespace {

using mlir::RankedTensorType;
using Types = llvm::SmallVector<mlir::Type>;

constexpr int64_t mostLetters = 26;

// The attribute's value, and the operand's extent there; the dimension must exist and be static.
Result<int64_t> staticDimension(RankedTensorType type, mlir::DictionaryAttr attributes) {
  int64_t dim = attributes.getAs<mlir::IntegerAttr>("dim").getInt();
  if (dim < 0 || dim >= type.getRank() || type.isDynamicDim(dim))
    return diagnose(ErrorKind::invalidInput)
        .says("dimension " + std::to_string(dim) + " is dynamic or beyond rank " + std::to_string(type.getRank()))
        .toFix("name a static dimension");
  if (type.getRank() > mostLetters)
    return diagnose(ErrorKind::invalidInput).says("the rank exceeds 26").toFix("reshape first");
  return dim;
}

int64_t attributeOf(mlir::DictionaryAttr attributes, llvm::StringRef name) {
  return attributes.getAs<mlir::IntegerAttr>(name).getInt();
}

RankedTensorType withExtent(RankedTensorType type, int64_t dim, int64_t extent) {
  llvm::SmallVector<int64_t> shape(type.getShape());
  shape[dim] = extent;
  return RankedTensorType::get(shape, type.getElementType());
}

std::string letters(int64_t rank) {
  std::string text;
  for (int64_t d = 0; d < rank; ++d) text += static_cast<char>('a' + d);
  return text;
}

// "ab(c+3)d": the letters with an offset at one dimension. Always affine, so that the result gives the letter's extent.
std::string shifted(int64_t rank, int64_t dim, int64_t offset) {
  std::string text = letters(rank);
  std::string item = std::string("(") + text[dim] + (offset < 0 ? "-" : "+") + std::to_string(std::abs(offset)) + ")";
  return text.substr(0, dim) + item + text.substr(dim + 1);
}

Result<index::Program> shiftedRead(mlir::Operation *op, int64_t rank, int64_t dim, int64_t offset) {
  LLC_ASSIGN(index::Statement statement,
             derive::statementFromText(op, shifted(rank, dim, offset) + "->" + letters(rank), "a", ""));
  return index::Program{{std::move(statement)}};
}

mlir::IntegerAttr integer(mlir::OpBuilder &builder, int64_t value) { return builder.getI64IntegerAttr(value); }

}  // namespace

void LlmDialect::addLayoutOps() {
  addOperations<
#define GET_OP_LIST
#include "dialect/ops/layout.cpp.inc"
      >();
}

// ---- reshape
static int64_t staticProduct(RankedTensorType type) {
  int64_t product = 1;
  for (int64_t extent : type.getShape())
    if (extent != mlir::ShapedType::kDynamic) product *= extent;
  return product;
}

llvm::LogicalResult ReshapeOp::verify() {
  auto from = mlir::cast<RankedTensorType>(getX().getType()), to = mlir::cast<RankedTensorType>(getType());
  if (from.getElementType() != to.getElementType())
    return emitOpError() << "changes the element type from " << from.getElementType() << " to " << to.getElementType()
                         << "; to fix: use llm.cast";
  if (from.getNumDynamicDims() > 1 || from.getNumDynamicDims() != to.getNumDynamicDims())
    return emitOpError() << "has " << from.getNumDynamicDims() << " dynamic dimensions in and "
                         << to.getNumDynamicDims() << " out; to fix: keep at most one, on both sides";
  if (staticProduct(from) != staticProduct(to))
    return emitOpError() << "has " << staticProduct(from) << " elements in and " << staticProduct(to)
                         << " out (per dynamic extent); to fix: make the products equal";
  return mlir::success();
}

mlir::OpFoldResult ReshapeOp::fold(FoldAdaptor) {
  return getX().getType() == getType() ? mlir::OpFoldResult(getX()) : nullptr;
}

void ReshapeOp::getCanonicalizationPatterns(mlir::RewritePatternSet &patterns, mlir::MLIRContext *) {
  // A reshape of a reshape is one reshape.
  patterns.add(+[](ReshapeOp op, mlir::PatternRewriter &rewriter) {
    auto inner = op.getX().getDefiningOp<ReshapeOp>();
    if (!inner) return mlir::failure();
    rewriter.replaceOpWithNewOp<ReshapeOp>(op, op.getType(), inner.getX());
    return mlir::success();
  });
}

llvm::LogicalResult ReshapeOp::evaluate(llvm::ArrayRef<Datum> operands, Environment &,
                                        llvm::SmallVectorImpl<Datum> &results) {
  const Tensor &x = operands[0].tensor;
  auto type = mlir::cast<RankedTensorType>(getType());
  int64_t known = staticProduct(type);
  Shape shape(type.getShape().begin(), type.getShape().end());
  for (int64_t &extent : shape)
    if (extent == mlir::ShapedType::kDynamic) extent = known ? x.size() / known : 0;
  results.push_back(x.reshaped(std::move(shape)));
  return mlir::success();
}

llvm::LogicalResult ReshapeOp::buildAdjoint(mlir::OpBuilder &builder, mlir::ValueRange gradients,
                                            llvm::SmallVectorImpl<mlir::Value> &operandGradients) {
  mlir::Value gradient;
  if (gradients[0] && derive::isFloat(getType()))
    gradient = builder.create<ReshapeOp>(getLoc(), derive::gradientType(getX().getType()), gradients[0]);
  operandGradients.push_back(gradient);
  return mlir::success();
}

llvm::LogicalResult ReshapeOp::decompose(mlir::OpBuilder &, llvm::SmallVectorImpl<mlir::Value> &) {
  return emitOpError("is primitive: it has no decomposition");
}

// Leading dimensions that agree one to one, and trailing ones likewise, can be cut on both sides alike. A leading
// dimension that is split ([h*d] to [h, d]) or merged can be cut at the granularity of its leading part.
std::vector<Factor> ReshapeOp::shardingFactors() {
  llvm::ArrayRef<int64_t> from = mlir::cast<RankedTensorType>(getX().getType()).getShape();
  llvm::ArrayRef<int64_t> to = mlir::cast<RankedTensorType>(getType()).getShape();
  std::vector<Factor> factors;
  size_t front = 0, least = std::min(from.size(), to.size());
  while (front < least && from[front] == to[front]) {
    int place = static_cast<int>(front);
    factors.push_back({from[front], false, {{0, place}}, {{0, place}}});
    ++front;
  }
  size_t back = 0;
  while (front + back < least && from[from.size() - 1 - back] == to[to.size() - 1 - back]) {
    int fromPlace = static_cast<int>(from.size() - 1 - back), toPlace = static_cast<int>(to.size() - 1 - back);
    factors.push_back({from[from.size() - 1 - back], false, {{0, fromPlace}}, {{0, toPlace}}});
    ++back;
  }
  if (front < from.size() - back && front < to.size() - back) {
    int64_t a = from[front], b = to[front];
    bool divides = a != mlir::ShapedType::kDynamic && b != mlir::ShapedType::kDynamic && a > 0 && b > 0 &&
                   (a % b == 0 || b % a == 0);
    int place = static_cast<int>(front);
    if (divides) factors.push_back({std::min(a, b), false, {{0, place}}, {{0, place}}});
  }
  return factors;
}

Cost ReshapeOp::cost(const CostQuery &) { return {}; }  // a view

// ---- after
llvm::LogicalResult AfterOp::evaluate(llvm::ArrayRef<Datum> operands, Environment &,
                                      llvm::SmallVectorImpl<Datum> &results) {
  results.push_back(operands[0].tensor);
  return mlir::success();
}

llvm::LogicalResult AfterOp::buildAdjoint(mlir::OpBuilder &, mlir::ValueRange gradients,
                                          llvm::SmallVectorImpl<mlir::Value> &operandGradients) {
  operandGradients.assign({gradients[0], mlir::Value()});
  return mlir::success();
}

llvm::LogicalResult AfterOp::decompose(mlir::OpBuilder &, llvm::SmallVectorImpl<mlir::Value> &) {
  return emitOpError("is primitive: it has no decomposition");
}

std::vector<Factor> AfterOp::shardingFactors() {
  std::vector<Factor> factors;
  for (auto [place, extent] : llvm::enumerate(mlir::cast<RankedTensorType>(getType()).getShape()))
    factors.push_back({extent, false, {{0, static_cast<int>(place)}}, {{0, static_cast<int>(place)}}});
  return factors;
}

Cost AfterOp::cost(const CostQuery &) { return {}; }  // a view

// ---- transpose
mlir::OpFoldResult TransposeOp::fold(FoldAdaptor) {
  auto [from, to] = getSignature().split("->");
  return from == to && getX().getType() == getType() ? mlir::OpFoldResult(getX()) : nullptr;
}

// ---- slice
Result<Types> SliceOp::resultTypes(mlir::ValueRange operands, mlir::DictionaryAttr attributes) {
  auto type = mlir::cast<RankedTensorType>(operands[0].getType());
  LLC_ASSIGN(int64_t dim, staticDimension(type, attributes));
  int64_t start = attributeOf(attributes, "start"), size = attributeOf(attributes, "size"),
          extent = type.getDimSize(dim);
  if (start < 0 || size < 0 || start > extent || size > extent - start)
    return diagnose(ErrorKind::invalidInput)
        .says("[" + std::to_string(start) + ", " + std::to_string(start) + " + " + std::to_string(size) +
              ") is not inside the dimension's " + std::to_string(extent) + " elements")
        .toFix("correct start or size");
  return Types{withExtent(type, dim, size)};
}

Result<index::Program> SliceOp::buildProgram() {
  return shiftedRead(*this, mlir::cast<RankedTensorType>(getType()).getRank(), getDim(), getStart());
}

mlir::OpFoldResult SliceOp::fold(FoldAdaptor) {
  return getX().getType() == getType() ? mlir::OpFoldResult(getX()) : nullptr;
}

llvm::LogicalResult SliceOp::buildAdjoint(mlir::OpBuilder &builder, mlir::ValueRange gradients,
                                          llvm::SmallVectorImpl<mlir::Value> &operandGradients) {
  operandGradients.push_back(mlir::Value());
  if (!gradients[0] || !derive::isFloat(getType())) return mlir::success();
  int64_t extent = mlir::cast<RankedTensorType>(getX().getType()).getDimSize(getDim());
  int64_t high = extent - static_cast<int64_t>(getStart()) - static_cast<int64_t>(getSize());
  operandGradients[0] = builder.create<PadOp>(getLoc(), gradients[0], getDim(), getStart(), high);
  return mlir::success();
}

// ---- concat
Result<Types> ConcatOp::resultTypes(mlir::ValueRange operands, mlir::DictionaryAttr attributes) {
  if (operands.empty())
    return diagnose(ErrorKind::invalidInput).says("there is nothing to join").toFix("give one tensor or more");
  auto first = mlir::cast<RankedTensorType>(operands[0].getType());
  LLC_ASSIGN(int64_t dim, staticDimension(first, attributes));
  int64_t extent = 0;
  for (mlir::Value operand : operands) {
    auto type = mlir::cast<RankedTensorType>(operand.getType());
    if (type.getRank() != first.getRank() || type.isDynamicDim(dim) ||
        mlir::failed(mlir::verifyCompatibleShape(withExtent(type, dim, 0), withExtent(first, dim, 0))))
      return diagnose(ErrorKind::invalidInput)
          .says("the shapes differ beside dimension " + std::to_string(dim))
          .toFix("join tensors that agree in every other dimension");
    extent += type.getDimSize(dim);
  }
  mlir::Type element = derive::widestElement(operands.getTypes());
  return Types{RankedTensorType::get(withExtent(first, dim, extent).getShape(), element)};
}

// The sum of the parts, each read at its own offset: outside its part an operand reads 0.
Result<index::Program> ConcatOp::buildProgram() {
  int64_t rank = mlir::cast<RankedTensorType>(getType()).getRank(), offset = 0;
  std::string operands, body;
  for (auto [position, input] : llvm::enumerate(getInputs())) {
    std::string comma = position ? "," : "", plus = position ? "+" : "";
    operands += comma + shifted(rank, getDim(), -offset);
    body += plus + index::print(index::operand(static_cast<int>(position)));
    offset += mlir::cast<RankedTensorType>(input.getType()).getDimSize(getDim());
  }
  LLC_ASSIGN(index::Statement statement, derive::statementFromText(*this, operands + "->" + letters(rank), body, ""));
  return index::Program{{std::move(statement)}};
}

llvm::LogicalResult ConcatOp::buildAdjoint(mlir::OpBuilder &builder, mlir::ValueRange gradients,
                                           llvm::SmallVectorImpl<mlir::Value> &operandGradients) {
  int64_t offset = 0;
  for (mlir::Value input : getInputs()) {
    int64_t size = mlir::cast<RankedTensorType>(input.getType()).getDimSize(getDim());
    mlir::Value gradient;
    if (gradients[0] && derive::isFloat(input.getType()))
      gradient = builder.create<SliceOp>(getLoc(), gradients[0], integer(builder, getDim()), integer(builder, offset),
                                         integer(builder, size));
    operandGradients.push_back(gradient);
    offset += size;
  }
  return mlir::success();
}

// ---- pad
Result<Types> PadOp::resultTypes(mlir::ValueRange operands, mlir::DictionaryAttr attributes) {
  auto type = mlir::cast<RankedTensorType>(operands[0].getType());
  LLC_ASSIGN(int64_t dim, staticDimension(type, attributes));
  int64_t low = attributeOf(attributes, "low"), high = attributeOf(attributes, "high");
  constexpr int64_t most = int64_t{1} << 40;
  if (low < 0 || high < 0 || low > most || high > most)
    return diagnose(ErrorKind::invalidInput).says("padding is negative or absurd").toFix("use llm.slice to cut");
  return Types{withExtent(type, dim, low + type.getDimSize(dim) + high)};
}

Result<index::Program> PadOp::buildProgram() {
  return shiftedRead(*this, mlir::cast<RankedTensorType>(getType()).getRank(), getDim(),
                     -static_cast<int64_t>(getLow()));
}

llvm::LogicalResult PadOp::buildAdjoint(mlir::OpBuilder &builder, mlir::ValueRange gradients,
                                        llvm::SmallVectorImpl<mlir::Value> &operandGradients) {
  operandGradients.push_back(mlir::Value());
  if (!gradients[0] || !derive::isFloat(getType())) return mlir::success();
  int64_t extent = mlir::cast<RankedTensorType>(getX().getType()).getDimSize(getDim());
  operandGradients[0] = builder.create<SliceOp>(getLoc(), gradients[0], integer(builder, getDim()),
                                                integer(builder, getLow()), integer(builder, extent));
  return mlir::success();
}

}  // namespace llc::llm
