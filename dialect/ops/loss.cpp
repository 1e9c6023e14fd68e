// Losses: derived; linear_log_prob chooses its text by its attributes.
#include "dialect/ops/llm.h"

#define GET_OP_CLASSES
#include "dialect/ops/loss.cpp.inc"

namespace llc::llm {

void LlmDialect::addLossOps() {
  addOperations<
#define GET_OP_LIST
#include "dialect/ops/loss.cpp.inc"
      >();
}

Result<llvm::SmallVector<mlir::Type>> LinearLogProbOp::resultTypes(mlir::ValueRange operands,
                                                                   mlir::DictionaryAttr attributes) {
  auto x = mlir::cast<mlir::RankedTensorType>(operands[0].getType());
  auto w = mlir::cast<mlir::RankedTensorType>(operands[1].getType());
  auto targets = mlir::cast<mlir::RankedTensorType>(operands[2].getType());
  auto transposed = attributes.getAs<mlir::BoolAttr>("transposed");
  if (x.getRank() != 2 || w.getRank() != 2 || targets.getRank() != 1)
    return diagnose(ErrorKind::invalidInput)
        .says("the ranks are not x 2, w 2, targets 1")
        .toFix("reshape the operands");
  int64_t inner = w.getDimSize(!transposed || transposed.getValue() ? 1 : 0);
  if (x.getDimSize(1) != inner)
    return diagnose(ErrorKind::invalidInput)
        .says("x has " + std::to_string(x.getDimSize(1)) + " features, w takes " + std::to_string(inner))
        .toFix("check the weight, or set transposed");
  mlir::Type element = derive::atLeastF32(derive::widestElement(operands.getTypes()));
  return llvm::SmallVector<mlir::Type>{mlir::RankedTensorType::get({x.getDimSize(0)}, element)};
}

Result<index::Program> LinearLogProbOp::buildProgram() {
  std::string weight = getTransposed() ? "w[vd]" : "w[dv]";
  std::string logits = "z[tv]";
  std::string text = "z[tv] = sum[d] x[td]*" + weight + "*%scale;";
  if (getSoftCap().convertToDouble() > 0) {
    text += "c[tv] = %soft_cap*tanh(z[tv]/%soft_cap);";
    logits = "c[tv]";
  }
  text += "m[t] = max[v] stop(" + logits + ");";
  text += "s[t] = sum[v] exp(" + logits + "-m[t]);";
  text += "p[t] = sum[v] " + logits + "*eq(@v,targets[t]);";
  text += "y[t] = (p[t]-m[t]-log(s[t]))*ge(targets[t],0)";
  return derive::programFromText(*this, text);
}

}  // namespace llc::llm
