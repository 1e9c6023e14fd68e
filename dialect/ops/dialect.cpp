// Registration of the dialect, constant materialization, the attributes of function arguments.
#include "dialect/ops/llm.h"

#include "mlir/Dialect/Func/Extensions/InlinerExtension.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Transforms/InliningUtils.h"

// clang-format off
#include "dialect/interfaces/dialect.cpp.inc"
// clang-format on

namespace llc::llm {
namespace {

// Every llm op may be inlined: none has control flow or names a symbol of its function.
struct Inlining : mlir::DialectInlinerInterface {
  using DialectInlinerInterface::DialectInlinerInterface;
  bool isLegalToInline(mlir::Operation *, mlir::Region *, bool, mlir::IRMapping &) const final { return true; }
  bool isLegalToInline(mlir::Region *, mlir::Region *, bool, mlir::IRMapping &) const final { return true; }
};

}  // namespace

void LlmDialect::initialize() {
  registerTypes();
  registerAttributes();
  addElementwiseOps();
  addStructuredOps();
  addLayoutOps();
  addIndexingOps();
  addNormalizationOps();
  addPositionOps();
  addAttentionOps();
  addLossOps();
  addStateOps();
  addStructureOps();
  addInterfaces<Inlining>();
}

mlir::Operation *LlmDialect::materializeConstant(mlir::OpBuilder &builder, mlir::Attribute value, mlir::Type type,
                                                 mlir::Location location) {
  auto elements = mlir::dyn_cast<mlir::ElementsAttr>(value);
  if (!elements || elements.getType() != type) return nullptr;
  return builder.create<ConstantOp>(location, elements);
}

// `llm.dim` names an argument's leading dynamic dimension; a misspelt name would silently lose its bound.
llvm::LogicalResult LlmDialect::verifyRegionArgAttribute(mlir::Operation *op, unsigned, unsigned argument,
                                                         mlir::NamedAttribute attribute) {
  if (attribute.getName() != "llm.dim") return mlir::success();
  auto name = mlir::dyn_cast<mlir::StringAttr>(attribute.getValue());
  if (name && (name == "tokens" || name == "rows")) return mlir::success();
  return op->emitOpError() << "argument " << argument << " has llm.dim = " << attribute.getValue()
                           << "; to fix: write \"tokens\" or \"rows\"";
}

void registerDialect(mlir::DialectRegistry &registry) {
  registry.insert<LlmDialect, mlir::func::FuncDialect>();
  mlir::func::registerInlinerExtension(registry);
}

}  // namespace llc::llm
