// Facet: replacement by simpler ops.
#ifndef LLC_DECOMPOSABLE
#define LLC_DECOMPOSABLE
include "mlir/IR/OpBase.td"

def Decomposable : OpInterface<"Decomposable"> {
  let cppNamespace = "::llc::llm";
  let description = "The op as simpler ops with the same results. Default: one generic or contract per statement.";
  let methods = [
    InterfaceMethod<"Emits the simpler ops at the builder; fails (with an error on the op) if the op is primitive.",
      "::llvm::LogicalResult", "decompose",
      (ins "::mlir::OpBuilder &":$builder, "::llvm::SmallVectorImpl<::mlir::Value> &":$results), "",
      [{ return ::llc::llm::derive::decompose($_op, builder, results); }]>
  ];
}
#endif
