// Position embeddings: the rotation of pairs by hand.
#include "dialect/ops/llm.h"

#define GET_OP_CLASSES
#include "dialect/ops/position.cpp.inc"

namespace llc::llm {
namespace {

using mlir::RankedTensorType;
using Types = llvm::SmallVector<mlir::Type>;

}  // namespace

void LlmDialect::addPositionOps() {
  addOperations<
#define GET_OP_LIST
#include "dialect/ops/position.cpp.inc"
      >();
}

// ---- rotary
Result<Types> RotaryOp::resultTypes(mlir::ValueRange operands, mlir::DictionaryAttr) {
  auto x = mlir::cast<RankedTensorType>(operands[0].getType());
  auto cos = mlir::cast<RankedTensorType>(operands[1].getType()),
       sin = mlir::cast<RankedTensorType>(operands[2].getType());
  if (x.getRank() != 3 || cos.getRank() != 2 || sin.getRank() != 2)
    return diagnose(ErrorKind::invalidInput)
        .says("the ranks are not x 3, cos 2, sin 2")
        .toFix("reshape x to [rows, heads, dim]");
  if (cos.getShape() != sin.getShape() || cos.isDynamicDim(1) || x.isDynamicDim(2) ||
      2 * cos.getDimSize(1) > x.getDimSize(2))
    return diagnose(ErrorKind::invalidInput)
        .says("the tables differ in shape or rotate more elements than a head has")
        .toFix("make tables of at most dim/2 columns");
  mlir::Type element = derive::atLeastF32(derive::widestElement(operands.getTypes()));
  return Types{RankedTensorType::get(x.getShape(), element)};
}

llvm::LogicalResult RotaryOp::evaluate(llvm::ArrayRef<Datum> operands, Environment &,
                                       llvm::SmallVectorImpl<Datum> &results) {
  const Tensor &x = operands[0].tensor, &cos = operands[1].tensor, &sin = operands[2].tensor;
  int64_t rows = x.shape()[0], heads = x.shape()[1], dim = x.shape()[2], pairs = cos.shape()[1];
  if (cos.shape()[0] != rows)
    return emitOpError("has tables for another number of rows; to fix: make them from the same positions");
  Tensor y = x;
  std::span<double> values = y.mutableValues();
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t head = 0; head < heads; ++head)
      for (int64_t pair = 0; pair < pairs; ++pair) {
        double *base = values.data() + (row * heads + head) * dim;
        double &first = base[getInterleaved() ? 2 * pair : pair];
        double &second = base[getInterleaved() ? 2 * pair + 1 : pair + pairs];
        double c = cos.values()[row * pairs + pair], s = sin.values()[row * pairs + pair];
        double a = first, b = second;
        first = a * c - b * s;
        second = b * c + a * s;
      }
  results.push_back(std::move(y));
  return mlir::success();
}

// A rotation's adjoint is the rotation back.
llvm::LogicalResult RotaryOp::buildAdjoint(mlir::OpBuilder &builder, mlir::ValueRange gradients,
                                           llvm::SmallVectorImpl<mlir::Value> &operandGradients) {
  operandGradients.assign(3, mlir::Value());
  if (!gradients[0]) return mlir::success();
  mlir::Value back = builder.create<NegOp>(getLoc(), getSin());
  operandGradients[0] = builder.create<RotaryOp>(getLoc(), gradients[0], getCos(), back, getInterleavedAttr());
  return mlir::success();
}

// Pairs as an own dimension of extent 2: [t,h,2,r] for halves, [t,h,r,2] for neighbours.
llvm::LogicalResult RotaryOp::decompose(mlir::OpBuilder &builder, llvm::SmallVectorImpl<mlir::Value> &results) {
  mlir::Location location = getLoc();
  auto type = mlir::cast<RankedTensorType>(getType());
  mlir::Type element = type.getElementType();
  int64_t rows = type.getDimSize(0), heads = type.getDimSize(1), dim = type.getDimSize(2);
  int64_t pairs = mlir::cast<RankedTensorType>(getCos().getType()).getDimSize(1);
  auto part = [&](mlir::Value from, int64_t dimension, int64_t start, int64_t size) -> mlir::Value {
    return builder.create<SliceOp>(location, from, dimension, start, size);
  };
  mlir::Value rotated = part(getX(), 2, 0, 2 * pairs);
  int64_t axis = getInterleaved() ? 3 : 2;
  llvm::SmallVector<int64_t> shape = {rows, heads, pairs, pairs};
  shape[axis] = 2;
  auto pairType = RankedTensorType::get(shape, mlir::cast<RankedTensorType>(rotated.getType()).getElementType());
  mlir::Value split = builder.create<ReshapeOp>(location, pairType, rotated);
  mlir::Value first = part(split, axis, 0, 1), second = part(split, axis, 1, 1);
  std::string item = getInterleaved() ? "thi1" : "th1i";
  auto turn = [&](const char *body) -> mlir::Value {
    std::string signature = item + "," + item + ",ti,ti->" + item;
    llvm::SmallVector<int64_t> half = shape;
    half[axis] = 1;
    return builder.create<GenericOp>(
        location, RankedTensorType::get(half, element), mlir::ValueRange{first, second, getCos(), getSin()},
        builder.getStringAttr(signature), builder.getStringAttr(body), builder.getStringAttr(""));
  };
  mlir::Value turned[] = {turn("a*c-b*d"), turn("b*c+a*d")};
  mlir::Value joined = builder.create<ConcatOp>(location, turned, axis);
  mlir::Value flat =
      builder.create<ReshapeOp>(location, RankedTensorType::get({rows, heads, 2 * pairs}, element), joined);
  if (2 * pairs < dim) {
    mlir::Value both[] = {flat, part(getX(), 2, 2 * pairs, dim - 2 * pairs)};
    flat = builder.create<ConcatOp>(location, both, 2);
  }
  results.push_back(flat);
  return mlir::success();
}

std::vector<Factor> RotaryOp::shardingFactors() {
  auto type = mlir::cast<RankedTensorType>(getType());
  return {{type.getDimSize(0), false, {{0, 0}, {1, 0}, {2, 0}}, {{0, 0}}},
          {type.getDimSize(1), false, {{0, 1}}, {{0, 1}}}};
}

Cost RotaryOp::cost(const CostQuery &query) {
  Cost total;
  for (mlir::Value operand : getOperands()) total.bytes += derive::bytesOf(operand.getType(), query);
  double size = derive::bytesOf(getType(), query);
  total.bytes += size;
  total.flops = 3 * size / (mlir::cast<RankedTensorType>(getType()).getElementTypeBitWidth() / 8.0);
  return total;
}

// ---- sequence_lengths
Result<Types> SequenceLengthsOp::resultTypes(mlir::ValueRange operands, mlir::DictionaryAttr) {
  mlir::MLIRContext *context = operands[0].getContext();
  return Types{RankedTensorType::get({mlir::ShapedType::kDynamic}, mlir::IntegerType::get(context, 32))};
}

llvm::LogicalResult SequenceLengthsOp::evaluate(llvm::ArrayRef<Datum> operands, Environment &,
                                                llvm::SmallVectorImpl<Datum> &results) {
  const std::vector<int64_t> &lengths = operands[0].batch->sequenceLengths;
  results.push_back(
      Tensor({static_cast<int64_t>(lengths.size())}, std::vector<double>(lengths.begin(), lengths.end())));
  return mlir::success();
}

llvm::LogicalResult SequenceLengthsOp::decompose(mlir::OpBuilder &, llvm::SmallVectorImpl<mlir::Value> &) {
  return emitOpError("is primitive: it reads the batch");
}
std::vector<Factor> SequenceLengthsOp::shardingFactors() { return {}; }
Cost SequenceLengthsOp::cost(const CostQuery &query) { return {0, 2 * derive::bytesOf(getType(), query)}; }

}  // namespace llc::llm
