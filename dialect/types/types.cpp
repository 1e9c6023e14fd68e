// Registration and verification of the types and attributes.
#include "dialect/types/types.h"

#include "llvm/ADT/TypeSwitch.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/OpImplementation.h"

#define GET_TYPEDEF_CLASSES
#include "dialect/types/types.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "dialect/types/attributes.cpp.inc"

namespace llc::llm {

llvm::LogicalResult KvType::verify(llvm::function_ref<mlir::InFlightDiagnostic()> emitError, int64_t kvHeads,
                                   int64_t keyDim, int64_t valueDim, mlir::Type elementType) {
  if (kvHeads < 1 || keyDim < 1 || valueDim < 1)
    return emitError() << "!llm.kv needs positive sizes, found " << kvHeads << ", " << keyDim << ", " << valueDim
                       << "; to fix: write heads, key dim, value dim";
  if (!mlir::isa<mlir::FloatType>(elementType))
    return emitError() << "!llm.kv stores floating point elements, found " << elementType
                       << "; to fix: use f32, f16 or bf16";
  return mlir::success();
}

void LlmDialect::registerTypes() {
  addTypes<
#define GET_TYPEDEF_LIST
#include "dialect/types/types.cpp.inc"
      >();
}

void LlmDialect::registerAttributes() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialect/types/attributes.cpp.inc"
      >();
}

}  // namespace llc::llm
