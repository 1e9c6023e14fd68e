// Facet: reverse mode.
#ifndef LLC_DIFFERENTIABLE
#define LLC_DIFFERENTIABLE
include "mlir/IR/OpBase.td"

def Differentiable : OpInterface<"Differentiable"> {
  let cppNamespace = "::llc::llm";
  let description = [{
    Default: the text in the ODS field `adjoint`, or the statements' adjoints in reverse. An op with a reason in the
    field `notDifferentiable` refuses and says the reason.
  }];
  let methods = [
    InterfaceMethod<[{Emits ops at the builder that compute the gradients of the operands from those of the results.
      `gradients` has one value per result (null where nothing flows back); `operandGradients` gets one per operand,
      null where there is none (integers, handles) or where another slot of the same value already holds the sum.
      A gradient's type is derive::gradientType of the value's.}],
      "::llvm::LogicalResult", "buildAdjoint",
      (ins "::mlir::OpBuilder &":$builder, "::mlir::ValueRange":$gradients,
           "::llvm::SmallVectorImpl<::mlir::Value> &":$operandGradients), "",
      [{ return ::llc::llm::derive::buildAdjoint($_op, builder, gradients, operandGradients); }]>,
    InterfaceMethod<[{The parameter that the op reads, null for ops that read none: gradients of its result are that
      parameter's, and it is not asked for an adjoint.}],
      "::mlir::FlatSymbolRefAttr", "readParameter", (ins), "", [{ return {}; }]>
  ];
}
#endif
