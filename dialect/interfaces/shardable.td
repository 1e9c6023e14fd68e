// Facet: which dimensions may be cut across devices.
#ifndef LLC_SHARDABLE
#define LLC_SHARDABLE
include "mlir/IR/OpBase.td"

def Shardable : OpInterface<"Shardable"> {
  let cppNamespace = "::llc::llm";
  let description = [{
    Default: the letters of the program, united over its statements. Affine and indirect dimensions are no factors, nor
    letters whose position counts.
  }];
  let methods = [
    InterfaceMethod<"The factors; an empty list means that the op must be replicated.",
      "::std::vector<::llc::llm::Factor>", "shardingFactors", (ins), "",
      [{ return ::llc::llm::derive::shardingFactors($_op); }]>
  ];
}
#endif
