// Facet: arithmetic and memory traffic.
#ifndef LLC_COSTED
#define LLC_COSTED
include "mlir/IR/OpBase.td"

def Costed : OpInterface<"Costed"> {
  let cppNamespace = "::llc::llm";
  let description = "Default: points of the iteration spaces times scalar operations; bytes of operands and results.";
  let methods = [
    InterfaceMethod<"Scalar operations and bytes for the given dynamic extents.", "::llc::llm::Cost", "cost",
      (ins "const ::llc::llm::CostQuery &":$query), "", [{ return ::llc::llm::derive::cost($_op, query); }]>
  ];
}
#endif
