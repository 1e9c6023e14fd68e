// Facet: reference evaluation.
#ifndef LLC_EVALUABLE
#define LLC_EVALUABLE
include "mlir/IR/OpBase.td"

def Evaluable : OpInterface<"Evaluable"> {
  let cppNamespace = "::llc::llm";
  let description = "What the interpreter runs: clear, slow, right. Default: the program, in double.";
  let methods = [
    InterfaceMethod<"Computes the results; emits an error on the op on failure.", "::llvm::LogicalResult", "evaluate",
      (ins "::llvm::ArrayRef<::llc::llm::Datum>":$operands, "::llc::llm::Environment &":$environment,
           "::llvm::SmallVectorImpl<::llc::llm::Datum> &":$results), "",
      [{ return ::llc::llm::derive::evaluate($_op, operands, results); }]>
  ];
}
#endif
