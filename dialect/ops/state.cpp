// Parameters, constants, packing.
#include "dialect/ops/llm.h"
#include "dialect/reference/interpreter.h"

#define GET_OP_CLASSES
#include "dialect/ops/state.cpp.inc"

namespace llc::llm {
namespace {
using mlir::RankedTensorType;
using Types = llvm::SmallVector<mlir::Type>;
}  // namespace

void LlmDialect::addStateOps() {
  addOperations<
#define GET_OP_LIST
#include "dialect/ops/state.cpp.inc"
      >();
}

// ---- parameter
llvm::LogicalResult ParameterOp::verify() {
  auto type = mlir::cast<RankedTensorType>(getType());
  if (!type.hasStaticShape()) return emitOpError() << "has the dynamic type " << type << "; to fix: write every extent";
  return mlir::success();
}
llvm::LogicalResult ParameterOp::evaluate(llvm::ArrayRef<Datum>, Environment &, llvm::SmallVectorImpl<Datum> &) {
  return mlir::success();
}
llvm::LogicalResult ParameterOp::decompose(mlir::OpBuilder &, llvm::SmallVectorImpl<mlir::Value> &) {
  return emitOpError("is primitive: it is a declaration");
}
std::vector<Factor> ParameterOp::shardingFactors() { return {}; }
Cost ParameterOp::cost(const CostQuery &) { return {}; }

// ---- use
llvm::LogicalResult UseOp::verifySymbolUses(mlir::SymbolTableCollection &symbols) {
  auto parameter = symbols.lookupNearestSymbolFrom<ParameterOp>(*this, getNameAttr());
  if (!parameter)
    return emitOpError() << "names the parameter @" << getName()
                         << ", which the module does not declare; to fix: add llm.parameter @" << getName() << " : "
                         << getType();
  if (parameter.getType() != getType())
    return emitOpError() << "has type " << getType() << ", the parameter @" << getName() << " is "
                         << parameter.getType() << "; to fix: use the declared type";
  return mlir::success();
}
mlir::FlatSymbolRefAttr UseOp::readParameter() { return getNameAttr(); }
llvm::LogicalResult UseOp::evaluate(llvm::ArrayRef<Datum>, Environment &environment,
                                    llvm::SmallVectorImpl<Datum> &results) {
  if (!environment.parameters)
    return emitOpError("reads a parameter, but the interpreter was given none; to fix: set Environment::parameters");
  Result<Tensor> value = environment.parameters(getName());
  if (!value.ok()) return derive::report(*this, value.error());
  auto type = mlir::cast<RankedTensorType>(getType());
  if (!llvm::equal(value->shape(), type.getShape()))
    return emitOpError() << "got a value of another shape for @" << getName() << "; to fix: return a tensor of type "
                         << type;
  results.push_back(std::move(*value));
  return mlir::success();
}
llvm::LogicalResult UseOp::decompose(mlir::OpBuilder &, llvm::SmallVectorImpl<mlir::Value> &) {
  return emitOpError("is primitive: it reads a parameter");
}
std::vector<Factor> UseOp::shardingFactors() {
  std::vector<Factor> factors;  // a parameter may be cut along any dimension
  for (auto [dimension, extent] : llvm::enumerate(mlir::cast<RankedTensorType>(getType()).getShape()))
    factors.push_back({extent, false, {}, {{0, static_cast<int>(dimension)}}});
  return factors;
}
Cost UseOp::cost(const CostQuery &) { return {}; }  // its reader pays

// ---- constant
mlir::OpFoldResult ConstantOp::fold(FoldAdaptor) { return getValue(); }
llvm::LogicalResult ConstantOp::evaluate(llvm::ArrayRef<Datum>, Environment &, llvm::SmallVectorImpl<Datum> &results) {
  auto type = mlir::cast<RankedTensorType>(getType());
  Tensor value(Shape(type.getShape().begin(), type.getShape().end()));
  std::span<double> values = value.mutableValues();
  size_t place = 0;
  auto dense = mlir::dyn_cast<mlir::DenseElementsAttr>(getValue());
  if (!dense) return emitOpError("has a value that is no dense attribute; to fix: write dense<...>");
  if (mlir::isa<mlir::FloatType>(type.getElementType())) {
    for (llvm::APFloat number : dense.getValues<llvm::APFloat>()) {
      bool losesInformation = false;
      number.convert(llvm::APFloat::IEEEdouble(), llvm::APFloat::rmNearestTiesToEven, &losesInformation);
      values[place++] = number.convertToDouble();
    }
  } else {
    for (const llvm::APInt &number : dense.getValues<llvm::APInt>())
      values[place++] = static_cast<double>(number.getBitWidth() == 1 ? number.getZExtValue() : number.getSExtValue());
  }
  results.push_back(std::move(value));
  return mlir::success();
}
llvm::LogicalResult ConstantOp::decompose(mlir::OpBuilder &, llvm::SmallVectorImpl<mlir::Value> &) {
  return emitOpError("is primitive: it is a constant");
}
std::vector<Factor> ConstantOp::shardingFactors() { return {}; }
Cost ConstantOp::cost(const CostQuery &query) { return {0, derive::bytesOf(getType(), query)}; }

// ---- pack
Result<Types> PackOp::resultTypes(mlir::ValueRange operands, mlir::DictionaryAttr attributes) {
  auto type = mlir::cast<RankedTensorType>(operands[0].getType());
  if (type.getEncoding())
    return diagnose(ErrorKind::invalidInput).says("the weight is packed already").toFix("pack once");
  if (type.getRank() != 2 || !type.hasStaticShape())
    return diagnose(ErrorKind::invalidInput)
        .says("only matrices of static shape have panels")
        .toFix("reshape the weight first");
  auto element = attributes.getAs<mlir::TypeAttr>("element");
  mlir::Type target = element ? element.getValue() : type.getElementType();
  if (!mlir::isa<mlir::FloatType>(target) || !derive::isFloat(type))
    return diagnose(ErrorKind::invalidInput).says("the elements are no floats").toFix("pack f32, f16 or bf16");
  return Types{RankedTensorType::get(type.getShape(), target, attributes.get("layout"))};
}
llvm::LogicalResult PackOp::evaluate(llvm::ArrayRef<Datum> operands, Environment &,
                                     llvm::SmallVectorImpl<Datum> &results) {
  results.push_back(operands[0]);
  return mlir::success();
}
llvm::LogicalResult PackOp::buildAdjoint(mlir::OpBuilder &, mlir::ValueRange gradients,
                                         llvm::SmallVectorImpl<mlir::Value> &operandGradients) {
  operandGradients.push_back(gradients[0]);  // gradients have no encoding and at least f32: the identity
  return mlir::success();
}
llvm::LogicalResult PackOp::decompose(mlir::OpBuilder &, llvm::SmallVectorImpl<mlir::Value> &) {
  return emitOpError("is primitive: it changes the layout only");
}
std::vector<Factor> PackOp::shardingFactors() {
  auto type = mlir::cast<RankedTensorType>(getType());
  return {{type.getDimSize(0), false, {{0, 0}}, {{0, 0}}}, {type.getDimSize(1), false, {{0, 1}}, {{0, 1}}}};
}
Cost PackOp::cost(const CostQuery &query) {
  return {0, derive::bytesOf(getW().getType(), query) + derive::bytesOf(getType(), query)};
}

}  // namespace llc::llm
