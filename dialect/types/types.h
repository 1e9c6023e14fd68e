// Types and attributes of the llm dialect: !llm.kv, !llm.batch, #llm.panel.
#pragma once
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/DialectImplementation.h"

// clang-format off
#include "dialect/interfaces/dialect.h.inc"
// clang-format on
#define GET_TYPEDEF_CLASSES
#include "dialect/types/types.h.inc"
#define GET_ATTRDEF_CLASSES
#include "dialect/types/attributes.h.inc"

namespace llc::llm {
// The tensor's encoding is a weight layout (the tensor is packed).
inline bool isPacked(mlir::Type type) {
  auto tensor = mlir::dyn_cast<mlir::RankedTensorType>(type);
  return tensor && mlir::isa_and_nonnull<PanelAttr>(tensor.getEncoding());
}
}  // namespace llc::llm
