// Losses: derived; log-probabilities through a weight choose their text by attributes, and work tile by tile.
#include <algorithm>
#include <cmath>
#include <limits>

#include "dialect/interfaces/derive_internal.h"
#include "dialect/ops/llm.h"
#include "dialect/ops/row_tiles.h"

#define GET_OP_CLASSES
#include "dialect/ops/loss.cpp.inc"

namespace llc::llm {
namespace {
using mlir::RankedTensorType;
using mlir::Value;
using Types = llvm::SmallVector<mlir::Type>;

RankedTensorType tensorType(Value value) { return mlir::cast<RankedTensorType>(value.getType()); }

// Of the first three operands of both ops.
Status checkOperands(mlir::ValueRange operands, mlir::DictionaryAttr attributes) {
  RankedTensorType x = tensorType(operands[0]), w = tensorType(operands[1]);
  auto transposed = attributes.getAs<mlir::BoolAttr>("transposed");
  if (x.getRank() != 2 || w.getRank() != 2 || tensorType(operands[2]).getRank() != 1)
    return diagnose(ErrorKind::invalidInput)
        .says("the ranks are not x 2, w 2, targets 1")
        .toFix("reshape the operands");
  int64_t inner = w.getDimSize(!transposed || transposed.getValue() ? 1 : 0);
  if (x.getDimSize(1) != inner)
    return diagnose(ErrorKind::invalidInput)
        .says("x has " + std::to_string(x.getDimSize(1)) + " features, w takes " + std::to_string(inner))
        .toFix("check the weight, or set transposed");
  return llc::success();
}

RankedTensorType logProbabilitiesType(mlir::ValueRange operands) {
  mlir::Type element = derive::atLeastF32(derive::widestElement(operands.getTypes()));
  return RankedTensorType::get({tensorType(operands[0]).getDimSize(0)}, element);
}

// Statements that give y[t] from x[td], w and targets[t]. On the way: the exponentials e[tv] of the logits, their sum
// s[t], and what the gradient of a logit is multiplied by to be that of the product.
struct LogProbText {
  std::string statements, slope;
};
template <class Op>
LogProbText logProbText(Op op) {
  std::string text = std::string("z[tv] = sum[d] x[td]*") + (op.getTransposed() ? "w[vd];" : "w[dv];");
  std::string logits = "z[tv]", slope;
  if (op.getScale().convertToDouble() != 1) {
    text += "u[tv] = z[tv]*%scale;";
    logits = "u[tv]", slope = "*%scale";
  }
  if (op.getSoftCap().convertToDouble() > 0) {
    text += "h[tv] = tanh(" + logits + "/%soft_cap); c[tv] = h[tv]*%soft_cap;";
    logits = "c[tv]", slope += "*(1-h[tv]*h[tv])";
  }
  text += "m[t] = max[v] stop(" + logits + "); e[tv] = exp(" + logits + "-m[t]); s[t] = sum[v] e[tv];";
  text += "p[t] = sum[v] " + logits + "*eq(@v,targets[t]);";
  text += "y[t] = (p[t]-m[t]-log(s[t]))*ge(targets[t],0)";
  return {text, slope};
}

// ---- tiles of rows
// Rows of a tile for x[rows,:] and a vocabulary: all of them, or equal parts.
int64_t chooseTileRows(int64_t rows, int64_t vocabulary) {
  int64_t most = mostTileRows(vocabulary);
  int64_t tiles = (rows + most - 1) / most;
  return tiles <= 1 ? rows : ((rows + tiles - 1) / tiles + 15) / 16 * 16;
}

// The values of one tile by name: "x", "targets", "w" and what the text computes.
using TileValues = derive::Scope<Value>;

class Tiles {
 public:
  Tiles(mlir::Operation *op, mlir::OpBuilder &builder, int64_t tileRows)
      : op_(op), builder_(builder), rows_(tileRows) {}

  // Calls body(values) for each tile in order; it gives what the next tile has to wait for. `rowOperands`: those that
  // have one entry for a row, with "x" first. `before`: what the first of several tiles waits for; may be null.
  llvm::LogicalResult forEach(llvm::ArrayRef<std::pair<const char *, Value>> rowOperands, Value w, Value before,
                              llvm::function_ref<mlir::FailureOr<Value>(TileValues &)> body) {
    int64_t all = tensorType(rowOperands[0].second).getDimSize(0);
    bool isOne = mlir::ShapedType::isDynamic(all) || rows_ >= all;
    for (int64_t first = 0; first == 0 || first < all; first += rows_) {
      TileValues values = {{"w", w}};
      for (auto [name, operand] : rowOperands) values[name] = isOne ? operand : rowsOf(operand, first, all);
      if (!isOne && before)
        values["x"] = builder_.create<AfterOp>(op_->getLoc(), values["x"].getType(), values["x"], before);
      auto done = body(values);
      if (mlir::failed(done)) return mlir::failure();
      before = *done;
      if (isOne) break;
    }
    return mlir::success();
  }
  llvm::LogicalResult emit(const std::string &text, TileValues &values) {
    auto program = derive::programFromText(op_, text);
    if (!program.ok()) return derive::report(op_, program.error());
    std::vector<derive::EmittedStep> steps;
    Status status = derive::emitProgram(*program, builder_, op_, values, {}, {}, steps);
    return status.ok() ? mlir::success() : derive::report(op_, status.error());
  }
  Value joined(llvm::ArrayRef<Value> parts) {
    return parts.size() == 1 ? parts[0] : builder_.create<ConcatOp>(op_->getLoc(), parts, 0).getResult();
  }

 private:
  Value rowsOf(Value operand, int64_t first, int64_t all) {
    return builder_.create<SliceOp>(op_->getLoc(), operand, 0, first, std::min(rows_, all - first));
  }
  mlir::Operation *op_;
  mlir::OpBuilder &builder_;
  int64_t rows_;
};

int64_t vocabularyOf(RankedTensorType w, bool transposed) { return w.getDimSize(transposed ? 0 : 1); }
}  // namespace

void LlmDialect::addLossOps() {
  addOperations<
#define GET_OP_LIST
#include "dialect/ops/loss.cpp.inc"
      >();
}

// ---- linear_log_prob
Result<Types> LinearLogProbOp::resultTypes(mlir::ValueRange operands, mlir::DictionaryAttr attributes) {
  LLC_TRY(checkOperands(operands, attributes));
  return Types{logProbabilitiesType(operands)};
}

Result<index::Program> LinearLogProbOp::buildProgram() {
  return derive::programFromText(*this, logProbText(*this).statements);
}

llvm::LogicalResult LinearLogProbOp::buildAdjoint(mlir::OpBuilder &builder, mlir::ValueRange gradients,
                                                  llvm::SmallVectorImpl<Value> &operandGradients) {
  auto backward = builder.create<LinearLogProbBackwardOp>(getLoc(), getX(), getW(), getTargets(), gradients[0],
                                                          getSoftCapAttr(), getScaleAttr(), getTransposedAttr());
  operandGradients.assign({backward.getDx(), backward.getDw(), Value()});
  return mlir::success();
}

llvm::LogicalResult LinearLogProbOp::decompose(mlir::OpBuilder &builder, llvm::SmallVectorImpl<Value> &results) {
  int64_t rows = tensorType(getX()).getDimSize(0);
  Tiles tiles(*this, builder, chooseTileRows(rows, vocabularyOf(tensorType(getW()), getTransposed())));
  llvm::SmallVector<Value> parts;
  auto tile = [&](TileValues &values) -> mlir::FailureOr<Value> {
    if (mlir::failed(tiles.emit(logProbText(*this).statements, values))) return mlir::failure();
    parts.push_back(values["y"]);
    return parts.back();
  };
  if (mlir::failed(tiles.forEach({{"x", getX()}, {"targets", getTargets()}}, getW(), {}, tile))) return mlir::failure();
  results.push_back(tiles.joined(parts));
  return mlir::success();
}

// ---- linear_log_prob_backward
Result<Types> LinearLogProbBackwardOp::resultTypes(mlir::ValueRange operands, mlir::DictionaryAttr attributes) {
  LLC_TRY(checkOperands(operands, attributes));
  RankedTensorType y = logProbabilitiesType(operands.take_front(3));
  if (mlir::failed(mlir::verifyCompatibleShape(tensorType(operands[3]).getShape(), y.getShape())))
    return diagnose(ErrorKind::invalidInput)
        .says("dy is not one number for each row of x")
        .toFix("pass the gradient of llm.linear_log_prob's result");
  auto tileRows = attributes.getAs<mlir::IntegerAttr>("tile_rows");
  if (tileRows && tileRows.getInt() < 0)
    return diagnose(ErrorKind::invalidInput).says("tile_rows is negative").toFix("give 0, or a number of rows");
  return Types{y, derive::gradientType(operands[0].getType()), derive::gradientType(operands[1].getType())};
}

// r: gradient of the row's log-probability, g: of the logits' products.
llvm::LogicalResult LinearLogProbBackwardOp::decompose(mlir::OpBuilder &builder,
                                                       llvm::SmallVectorImpl<Value> &results) {
  LogProbText text = logProbText(*this);
  std::string all = text.statements + "; r[t] = dy[t]*ge(targets[t],0); q[t] = r[t]/s[t];";
  all += "g[tv] = (r[t]*eq(@v,targets[t])-e[tv]*q[t])" + text.slope + ";";
  all += std::string("dx[td] = sum[v] g[tv]*") + (getTransposed() ? "w[vd]; dw[vd]" : "w[dv]; dw[dv]");
  all += getTransposed() ? " = sum[t] g[tv]*x[td]" : " = sum[t] x[td]*g[tv]";
  int64_t rows = tensorType(getX()).getDimSize(0), given = int64_t(getTileRows());
  int64_t chosen = chooseTileRows(rows, vocabularyOf(tensorType(getW()), getTransposed()));
  Tiles tiles(*this, builder, given ? given : chosen);
  llvm::SmallVector<Value> y, dx;
  Value dw;
  auto tile = [&](TileValues &values) -> mlir::FailureOr<Value> {
    if (mlir::failed(tiles.emit(all, values))) return mlir::failure();
    y.push_back(values["y"]), dx.push_back(values["dx"]);
    dw = derive::sumOf(builder, getLoc(), dw, values["dw"]);
    return getDx().use_empty() ? dw : dx.back();
  };
  if (mlir::failed(tiles.forEach({{"x", getX()}, {"targets", getTargets()}, {"dy", getDy()}}, getW(), getDy(), tile)))
    return mlir::failure();
  results.assign({tiles.joined(y), tiles.joined(dx), dw});
  return mlir::success();
}

namespace {
// The reference evaluation, row by row.
struct RowReference {
  double scale, cap;
  std::vector<double> logits, slopes;  // of a row; derivatives by the dot product

  template <class Weight>
  void compute(const double *x, int64_t features, Weight w) {
    for (size_t v = 0; v < logits.size(); ++v) {
      double sum = 0;
      for (int64_t d = 0; d < features; ++d) sum += x[d] * w(int64_t(v), d);
      double bent = cap > 0 ? std::tanh(sum * scale / cap) : 0;
      logits[v] = cap > 0 ? cap * bent : sum * scale;
      slopes[v] = scale * (1 - bent * bent);
    }
  }
  double logSum() const {
    double most = *std::max_element(logits.begin(), logits.end()), sum = 0;
    for (double value : logits) sum += std::exp(value - most);
    return most + std::log(sum);
  }
};
}  // namespace

llvm::LogicalResult LinearLogProbBackwardOp::evaluate(llvm::ArrayRef<Datum> operands, Environment &,
                                                      llvm::SmallVectorImpl<Datum> &results) {
  const Tensor &x = operands[0].tensor, &w = operands[1].tensor;
  int64_t rows = x.shape()[0], features = x.shape()[1], vocabulary = w.shape()[getTransposed() ? 0 : 1];
  auto at = [&](int64_t v, int64_t d) { return size_t(getTransposed() ? v * features + d : d * vocabulary + v); };
  RowReference row{getScale().convertToDouble(), getSoftCap().convertToDouble(),
                   std::vector<double>(size_t(vocabulary)), std::vector<double>(size_t(vocabulary))};
  Tensor y({rows}), dx(x.shape()), dw(w.shape());
  for (int64_t t = 0; t < rows; ++t) {
    const double *features0 = x.values().data() + t * features;
    double target = operands[2].tensor.values()[size_t(t)], dy = operands[3].tensor.values()[size_t(t)];
    row.compute(features0, features, [&](int64_t v, int64_t d) { return w.values()[at(v, d)]; });
    if (target < 0) continue;
    double logSum = row.logSum();
    y.mutableValues()[size_t(t)] = (target < double(vocabulary) ? row.logits[size_t(target)] : 0) - logSum;
    for (int64_t v = 0; v < vocabulary; ++v) {
      double weight = std::exp(row.logits[size_t(v)] - logSum);
      double gradient = dy * ((double(v) == target) - weight) * row.slopes[size_t(v)];
      for (int64_t d = 0; d < features; ++d) {
        dx.mutableValues()[size_t(t * features + d)] += gradient * w.values()[at(v, d)];
        dw.mutableValues()[at(v, d)] += gradient * features0[d];
      }
    }
  }
  for (Tensor *result : {&y, &dx, &dw}) results.push_back(std::move(*result));
  return mlir::success();
}

llvm::LogicalResult LinearLogProbBackwardOp::buildAdjoint(mlir::OpBuilder &builder, mlir::ValueRange gradients,
                                                          llvm::SmallVectorImpl<Value> &operandGradients) {
  return derive::adjointThroughDecomposition(*this, builder, gradients, operandGradients);
}

std::vector<Factor> LinearLogProbBackwardOp::shardingFactors() {
  return {{tensorType(getX()).getDimSize(0), true, {{0, 0}, {2, 0}, {3, 0}}, {{0, 0}, {1, 0}}}};
}

Cost LinearLogProbBackwardOp::cost(const CostQuery &query) {
  RankedTensorType x = tensorType(getX()), w = tensorType(getW());
  double rows = double(x.isDynamicDim(0) ? query.rows : x.getDimSize(0)), features = double(x.getDimSize(1));
  double products = 1 + !getDx().use_empty() + !getDw().use_empty();
  Cost total;
  total.flops = rows * double(vocabularyOf(w, getTransposed())) * (2 * features * products + 10);
  for (mlir::Type type : getOperandTypes()) total.bytes += derive::bytesOf(type, query);
  for (Value result : getResults())
    if (!result.use_empty()) total.bytes += derive::bytesOf(result.getType(), query);
  return total;
}

}  // namespace llc::llm
