// What the facets' default methods call: everything that follows from an op's program. No op is named here except
// llm.contract and llm.generic, which emit() builds.
#pragma once
#include <optional>

#include "dialect/interfaces/meaning.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/OperationSupport.h"

namespace llc::llm::derive {

// ---- the program
bool hasProgram(mlir::Operation *op);  // it has a text or builds its program by hand
bool isOverridden(mlir::Operation *op, llvm::StringRef facet);
std::vector<std::string> operandNames(mlir::Operation *op);
Result<index::Program> buildProgram(mlir::Operation *op);
// Statements with `*` expanded against the op's operand types. Operand names are those of operandNames(), result names
// those of the ODS results. Dynamic extents are fine.
Result<std::vector<index::Statement>> concreteStatements(mlir::Operation *op);
std::vector<std::string> resultNames(mlir::Operation *op);
// The text as a program, for ops that choose among texts by hand. Parsed once per text.
Result<index::Program> programFromText(mlir::Operation *op, llvm::StringRef text);
Result<index::Statement> statementFromText(mlir::Operation *op, llvm::StringRef signature, llvm::StringRef body,
                                           llvm::StringRef combiner);
llvm::LogicalResult verifyProgram(mlir::Operation *op);

// ---- types
Shape shapeOf(mlir::Type type);
bool isFloat(mlir::Type type);  // element type of a tensor is floating point
// The widest floating point element type among `types` (bf16 with f16: f32); without floats the first element type.
mlir::Type widestElement(mlir::TypeRange types);
mlir::Type atLeastF32(mlir::Type element);
// Shape and encoding of the value's gradient: same shape, at least f32, no encoding.
mlir::RankedTensorType gradientType(mlir::Type type);
// Result types of an op with a text. Encodings are dropped: a derived result is a plain row-major tensor.
Result<llvm::SmallVector<mlir::Type>> inferTypes(const MeaningText &text, mlir::ValueRange operands,
                                                 mlir::DictionaryAttr attributes);
// Types that may stand for each other: equal up to dynamic extents.
bool compatible(mlir::TypeRange left, mlir::TypeRange right);
// Hands an error to MLIR: "what; to fix: remedy".
llvm::LogicalResult report(std::optional<mlir::Location> location, const Error &error);
llvm::LogicalResult report(mlir::Operation *op, const Error &error);

// ---- the default facets
llvm::LogicalResult evaluate(mlir::Operation *op, llvm::ArrayRef<Datum> operands,
                             llvm::SmallVectorImpl<Datum> &results);
llvm::LogicalResult buildAdjoint(mlir::Operation *op, mlir::OpBuilder &builder, mlir::ValueRange gradients,
                                 llvm::SmallVectorImpl<mlir::Value> &operandGradients);
llvm::LogicalResult decompose(mlir::Operation *op, mlir::OpBuilder &builder,
                              llvm::SmallVectorImpl<mlir::Value> &results);
std::vector<Factor> shardingFactors(mlir::Operation *op);
Cost cost(mlir::Operation *op, const CostQuery &query);
double bytesOf(mlir::Type type, const CostQuery &query);

// ---- building IR
// The one place where a statement becomes an op: llm.contract for "a*b" + sum, else llm.generic.
mlir::Value emit(mlir::OpBuilder &builder, mlir::Location location, const index::Statement &concrete,
                 mlir::ValueRange operands, mlir::RankedTensorType type);
mlir::Value zerosLike(mlir::OpBuilder &builder, mlir::Location location, mlir::Value value);  // of gradientType
mlir::Value onesLike(mlir::OpBuilder &builder, mlir::Location location, mlir::Value value);   // of gradientType
mlir::Value sumOf(mlir::OpBuilder &builder, mlir::Location location, mlir::Value left,
                  mlir::Value right);  // left may be null
// Is the op such a sum, whatever its name: element by element of two values of the result's type?
bool isSum(mlir::Operation *op);
// The adjoint of an op that has a decomposition: emits it, then runs backwards over the emitted ops.
llvm::LogicalResult adjointThroughDecomposition(mlir::Operation *op, mlir::OpBuilder &builder,
                                                mlir::ValueRange gradients,
                                                llvm::SmallVectorImpl<mlir::Value> &operandGradients);
// Runs backwards over `ops`, which stand in order and made `results` from `operands`. Null where nothing flows.
llvm::LogicalResult reverse(llvm::ArrayRef<mlir::Operation *> ops, mlir::OpBuilder &builder, mlir::Location location,
                            mlir::ValueRange results, mlir::ValueRange gradients, mlir::ValueRange operands,
                            llvm::SmallVectorImpl<mlir::Value> &operandGradients);

// Inherent attributes live in Properties: inferReturnTypes must merge them back. Ops without attributes have no
// Properties member at all, hence the overload.
template <class Op>
auto propertyAttributes(mlir::MLIRContext *context, mlir::OpaqueProperties properties, int)
    -> decltype(Op::getPropertiesAsAttr(context, std::declval<typename Op::Properties &>())) {
  return properties ? Op::getPropertiesAsAttr(context, *properties.as<typename Op::Properties *>()) : mlir::Attribute();
}
template <class Op>
mlir::Attribute propertyAttributes(mlir::MLIRContext *, mlir::OpaqueProperties, ...) {
  return {};
}
template <class Op>
mlir::DictionaryAttr attributes(mlir::MLIRContext *context, mlir::DictionaryAttr given,
                                mlir::OpaqueProperties properties) {
  mlir::NamedAttrList all(given);
  if (auto inherent =
          mlir::dyn_cast_or_null<mlir::DictionaryAttr>(mlir::Attribute(propertyAttributes<Op>(context, properties, 0))))
    for (mlir::NamedAttribute attribute : inherent) all.set(attribute.getName(), attribute.getValue());
  return all.getDictionary(context);
}
// The body of every inferReturnTypes.
template <class Infer>
llvm::LogicalResult inferInto(std::optional<mlir::Location> location, llvm::SmallVectorImpl<mlir::Type> &types,
                              Infer infer) {
  auto inferred = infer();
  if (!inferred.ok()) return report(location, inferred.error());
  types.assign(inferred->begin(), inferred->end());
  return mlir::success();
}

}  // namespace llc::llm::derive
