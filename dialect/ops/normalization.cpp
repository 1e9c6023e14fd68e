// Normalizations: derived; layer_norm chooses its text by the operands that are present.
#include "dialect/ops/llm.h"

#define GET_OP_CLASSES
#include "dialect/ops/normalization.cpp.inc"

namespace llc::llm {

void LlmDialect::addNormalizationOps() {
  addOperations<
#define GET_OP_LIST
#include "dialect/ops/normalization.cpp.inc"
      >();
}

Result<llvm::SmallVector<mlir::Type>> LayerNormOp::resultTypes(mlir::ValueRange operands, mlir::DictionaryAttr) {
  auto x = mlir::cast<mlir::RankedTensorType>(operands[0].getType());
  if (x.getRank() < 1)
    return diagnose(ErrorKind::invalidInput).says("x is a scalar").toFix("give it a dimension to normalize over");
  for (mlir::Value vector : operands.drop_front()) {
    auto type = mlir::cast<mlir::RankedTensorType>(vector.getType());
    if (type.getRank() != 1 || type.getDimSize(0) != x.getShape().back())
      return diagnose(ErrorKind::invalidInput)
          .says("weight or bias does not have the extent of x's last dimension")
          .toFix("give vectors of that extent");
  }
  mlir::Type element = derive::atLeastF32(derive::widestElement(operands.getTypes()));
  return llvm::SmallVector<mlir::Type>{mlir::RankedTensorType::get(x.getShape(), element)};
}

std::vector<std::string> LayerNormOp::operandNames() {
  std::vector<std::string> names = {"x"};
  if (getW()) names.push_back("w");
  if (getB()) names.push_back("b");
  return names;
}

Result<index::Program> LayerNormOp::buildProgram() {
  std::string text = R"(m[*] = sum[i] x[*i]/#i;
    q[*] = sum[i] (x[*i]-m[*])*(x[*i]-m[*])/#i;
    r[*] = rsqrt(q[*]+%eps);
    y[*i] = (x[*i]-m[*])*r[*])";
  if (getW()) text += "*w[i]";
  if (getB()) text += "+b[i]";
  return derive::programFromText(*this, text);
}

}  // namespace llc::llm
