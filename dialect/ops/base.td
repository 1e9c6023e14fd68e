// Base classes of the ops: how an op states its meaning.
#ifndef LLC_OPS_BASE
#define LLC_OPS_BASE
include "dialect/interfaces/interfaces.td"
include "dialect/types/types.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

// Facets written by hand are named in `handWritten`; they are declared in the class and defined in the family's .cpp.
class Facet<string method, list<string> handWritten> {
  list<string> only = !filter(name, handWritten, !eq(name, method));
}

// Fields: either `signature` (+ body, combiner) or `program`; see MeaningText in dialect/interfaces/meaning.h.
class Llm_Op<string mnemonic, list<Trait> traits = [], list<string> handWritten = []>
    : Op<Llm_Dialect, mnemonic, !listconcat([
          DeclareOpInterfaceMethods<Indexed, !listconcat(Facet<"operandNames", handWritten>.only,
                                                         Facet<"buildProgram", handWritten>.only)>,
          DeclareOpInterfaceMethods<Evaluable, Facet<"evaluate", handWritten>.only>,
          DeclareOpInterfaceMethods<Differentiable, !listconcat(Facet<"buildAdjoint", handWritten>.only,
                                                                Facet<"readParameter", handWritten>.only)>,
          DeclareOpInterfaceMethods<Decomposable, Facet<"decompose", handWritten>.only>,
          DeclareOpInterfaceMethods<Shardable, Facet<"shardingFactors", handWritten>.only>,
          DeclareOpInterfaceMethods<Costed, Facet<"cost", handWritten>.only>], traits)> {
  string signature = "";
  string body = "a";
  string combiner = "";
  string program = "";
  string adjoint = "";
  string elementFrom = "";
  bit widens = 0;
  string notDifferentiable = "";
  string byHand = !interleave(handWritten, ",");
  string operandNames = !interleave(!foreach(i, !range(!size(arguments)), !getdagname(arguments, i)), ",");
  string resultNames = !interleave(!foreach(i, !range(!size(results)), !getdagname(results, i)), ",");
  code infer = "";  // set by the subclasses that infer result types
  // mlir-tblgen substitutes a dollar sign here, hence %name for attributes in the texts.
  let extraClassDefinition = "const ::llc::llm::MeaningText &$cppClass::meaningText() {\n"
      "  static const ::llc::llm::MeaningText text{R\"(" # signature # ")\", R\"(" # body # ")\", \"" # combiner #
      "\", R\"(" # program # ")\", R\"(" # adjoint # ")\", \"" # operandNames # "\", \"" # resultNames # "\", \"" #
      elementFrom # "\", " # !if(widens, "true", "false") # ", \"" # notDifferentiable # "\", \"" # byHand #
      "\"};\n  return text;\n}\n" # infer;
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, results)";
}

class Llm_InferringOp<string mnemonic, list<Trait> traits, list<string> handWritten, string inferred>
    : Llm_Op<mnemonic, !listconcat([DeclareOpInterfaceMethods<InferTypeOpInterface>], traits), handWritten> {
  code declarations = "";
  let extraClassDeclaration =
      "static bool isCompatibleReturnTypes(::mlir::TypeRange left, ::mlir::TypeRange right);" # declarations;
  let infer = "::llvm::LogicalResult $cppClass::inferReturnTypes(::mlir::MLIRContext *context, "
      "std::optional<::mlir::Location> location, ::mlir::ValueRange operands, ::mlir::DictionaryAttr attributes, "
      "::mlir::OpaqueProperties properties, ::mlir::RegionRange, ::llvm::SmallVectorImpl<::mlir::Type> &types) {\n"
      "  auto all = ::llc::llm::derive::attributes<$cppClass>(context, attributes, properties);\n"
      "  return ::llc::llm::derive::inferInto(location, types, [&] { return " # inferred # "; });\n}\n"
      "bool $cppClass::isCompatibleReturnTypes(::mlir::TypeRange left, ::mlir::TypeRange right) {\n"
      "  return ::llc::llm::derive::compatible(left, right);\n}\n";
}

// Result types follow from the text: builder.create<AddOp>(location, x, y) needs no type.
class Llm_Derived<string mnemonic, list<Trait> traits = [], list<string> handWritten = []>
    : Llm_InferringOp<mnemonic, !listconcat([Pure], traits), handWritten,
                      "::llc::llm::derive::inferTypes(meaningText(), operands, all)">;

// Result types follow from resultTypes(), written in the family's .cpp.
class Llm_Inferred<string mnemonic, list<Trait> traits = [], list<string> handWritten = []>
    : Llm_InferringOp<mnemonic, traits, handWritten, "resultTypes(operands, all)"> {
  let declarations = [{
    static ::llc::Result<::llvm::SmallVector<::mlir::Type>> resultTypes(::mlir::ValueRange operands,
                                                                       ::mlir::DictionaryAttr attributes);
  }];
}
#endif
