// Facet: the op's meaning as a program in index notation.
#ifndef LLC_INDEXED
#define LLC_INDEXED
include "mlir/IR/OpBase.td"

def Indexed : OpInterface<"Indexed"> {
  let cppNamespace = "::llc::llm";
  let description = [{
    The meaning of an op as text. Every other facet derives its default from it. Ops without a text (layout of caches,
    parameters, regions) implement the other facets by hand; `derive::hasProgram` tells them apart.
  }];
  let methods = [
    StaticInterfaceMethod<"The ODS fields.", "const ::llc::llm::MeaningText &", "meaningText">,
    InterfaceMethod<"The names by which the program reads the operands.", "::std::vector<::std::string>",
      "operandNames", (ins), "", [{ return ::llc::llm::derive::operandNames($_op); }]>,
    InterfaceMethod<"The program with attributes substituted; `*` not yet expanded.",
      "::llc::Result<::llc::index::Program>", "buildProgram", (ins), "",
      [{ return ::llc::llm::derive::buildProgram($_op); }]>
  ];
  let verify = [{ return ::llc::llm::derive::verifyProgram($_op); }];
}
#endif
