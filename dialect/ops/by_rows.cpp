// llm.by_rows: a region that is run for one tile of rows after the other.
#include "dialect/interfaces/derive.h"
#include "dialect/ops/llm.h"
#include "dialect/reference/interpreter.h"
#include "mlir/IR/IRMapping.h"

namespace llc::llm {
namespace {
using mlir::RankedTensorType;
using mlir::Value;

RankedTensorType tensorOf(mlir::Type type) { return mlir::cast<RankedTensorType>(type); }

// The type of all rows from that of a tile's, or the other way round.
RankedTensorType withRows(mlir::Type type, int64_t rows) {
  llvm::SmallVector<int64_t> shape(tensorOf(type).getShape());
  shape.front() = rows;
  return RankedTensorType::get(shape, tensorOf(type).getElementType());
}

bool hasRows(mlir::Type type) { return tensorOf(type).getRank() > 0 && !tensorOf(type).isDynamicDim(0); }

// True if `whole` are `count` tiles like `tile`.
bool isCut(mlir::Type whole, mlir::Type tile, int64_t count) {
  return hasRows(whole) && hasRows(tile) && withRows(tile, tensorOf(tile).getDimSize(0) * count) == whole;
}

size_t elementsOfRow(const Tensor &tensor) {
  return tensor.shape()[0] ? tensor.values().size() / size_t(tensor.shape()[0]) : 0;
}

Datum rowsOf(const Tensor &tensor, int64_t first, int64_t count) {
  auto from = tensor.values().begin() + int64_t(elementsOfRow(tensor)) * first;
  Shape shape = tensor.shape();
  shape[0] = count;
  return Tensor(shape, std::vector<double>(from, from + int64_t(elementsOfRow(tensor)) * count));
}

void addTo(Tensor &sum, const Tensor &part) {
  auto values = sum.mutableValues();
  for (size_t i = 0; i < values.size(); ++i) values[i] += part.values()[i];
}

Tensor joined(llvm::ArrayRef<Tensor> parts) {
  std::vector<double> values;
  for (const Tensor &part : parts) values.insert(values.end(), part.values().begin(), part.values().end());
  Shape shape = parts.front().shape();
  shape[0] *= int64_t(parts.size());
  return Tensor(shape, std::move(values));
}
}  // namespace

int64_t ByRowsOp::tileRows() { return tensorOf(getBody().front().getArgument(0).getType()).getDimSize(0); }
int64_t ByRowsOp::tiles() { return tensorOf(getInputs().front().getType()).getDimSize(0) / tileRows(); }

// Checks: at least one input is tiled; inputs and results are whole tiles of what the region takes and yields; the
// others are of the same types.
llvm::LogicalResult ByRowsOp::verify() {
  mlir::Block &body = getBody().front();
  mlir::ValueRange yielded = body.getTerminator()->getOperands();
  size_t tiled = size_t(getTiled()), rowResults = size_t(getRowResults());
  if (body.getNumArguments() != getInputs().size() || yielded.size() != getNumResults())
    return emitOpError("has a region with other numbers of arguments or results; to fix: give it one for each");
  if (tiled < 1 || tiled > getInputs().size() || rowResults > getNumResults())
    return emitOpError(
        "has no input to cut, or fewer inputs or results than it says; to fix: compare tiled with the "
        "inputs and row_results with the results");
  mlir::Type whole = getInputs().front().getType(), tile = body.getArgument(0).getType();
  if (!hasRows(whole) || !hasRows(tile) || tileRows() < 1 || tiles() < 1 || !isCut(whole, tile, tiles()))
    return emitOpError("has ")
           << whole << " to cut into tiles of " << tile
           << ", which are not whole tiles; to fix: pad the inputs to a multiple of the tile's rows";
  auto fits = [&](mlir::Type outer, mlir::Type inner, bool isTile) {
    return isTile ? isCut(outer, inner, tiles()) : outer == inner;
  };
  for (auto [i, input] : llvm::enumerate(getInputs()))
    if (!fits(input.getType(), body.getArgument(i).getType(), i < tiled))
      return emitOpError("has input ") << i << " of " << input.getType() << ", the region takes "
                                       << body.getArgument(i).getType() << "; to fix: compare it with `tiled`";
  for (auto [i, result] : llvm::enumerate(getResultTypes()))
    if (!fits(result, yielded[i].getType(), i < rowResults) || (i >= rowResults && !derive::isFloat(result)))
      return emitOpError("has result ") << i << " of " << result << ", the region yields " << yielded[i].getType()
                                        << "; to fix: compare it with row_results";
  return mlir::success();
}

llvm::LogicalResult ByRowsOp::evaluate(llvm::ArrayRef<Datum> operands, Environment &environment,
                                       llvm::SmallVectorImpl<Datum> &results) {
  std::vector<std::vector<Tensor>> rows{size_t(getRowResults())};
  std::vector<Tensor> sums;
  for (int64_t tile = 0; tile < tiles(); ++tile) {
    llvm::SmallVector<Datum> inputs(operands), yielded;
    for (size_t i = 0; i < size_t(getTiled()); ++i)
      inputs[i] = rowsOf(operands[i].tensor, tile * tileRows(), tileRows());
    if (mlir::failed(interpretBlock(getBody().front(), inputs, environment, yielded))) return mlir::failure();
    for (auto [i, datum] : llvm::enumerate(yielded)) {
      if (i < rows.size())
        rows[i].push_back(datum.tensor);
      else if (tile == 0)
        sums.push_back(datum.tensor);
      else
        addTo(sums[i - rows.size()], datum.tensor);
    }
  }
  for (const std::vector<Tensor> &parts : rows) results.push_back(joined(parts));
  for (Tensor &sum : sums) results.push_back(std::move(sum));
  return mlir::success();
}

namespace {
// The op's tiles, written one after the other.
class Unrolled {
 public:
  Unrolled(ByRowsOp op, mlir::OpBuilder &builder)
      : op_(op), builder_(builder), rows_(size_t(op.getRowResults())), sums_(op.getNumResults() - rows_.size()) {}

  void run(llvm::SmallVectorImpl<Value> &results) {
    // All of the first tile waits for all inputs: else what depends on some of them would be computed with those, and
    // live until the others are there.
    llvm::SmallVector<Value> before(op_.getInputs().take_front(op_.getTiled()));
    for (int64_t tile = 0; tile < op_.tiles(); ++tile) before = emit(tile, before);
    for (auto &parts : rows_)
      results.push_back(parts.size() == 1 ? parts[0] : builder_.create<ConcatOp>(op_.getLoc(), parts, 0).getResult());
    llvm::append_range(results, sums_);
  }

 private:
  // Gives what the next tile has to wait for: what is read of this one.
  llvm::SmallVector<Value> emit(int64_t tile, llvm::ArrayRef<Value> before) {
    mlir::Block &body = op_.getBody().front();
    mlir::IRMapping mapping;
    for (auto [i, input] : llvm::enumerate(op_.getInputs()))
      mapping.map(body.getArgument(i), i < op_.getTiled() ? rowsOf(input, tile, before) : input);
    for (mlir::Operation &inner : body.without_terminator()) builder_.clone(inner, mapping);
    llvm::SmallVector<Value> done;
    for (auto [i, value] : llvm::enumerate(body.getTerminator()->getOperands())) {
      Value made = mapping.lookup(value);
      if (i < rows_.size())
        rows_[i].push_back(made);
      else
        made = sums_[i - rows_.size()] = derive::sumOf(builder_, op_.getLoc(), sums_[i - rows_.size()], made);
      if (!op_.getResult(unsigned(i)).use_empty()) done.push_back(made);
    }
    return done;
  }
  Value rowsOf(Value input, int64_t tile, llvm::ArrayRef<Value> before) {
    if (op_.tiles() == 1) return input;
    Value rows = builder_.create<SliceOp>(op_.getLoc(), input, 0, tile * op_.tileRows(), op_.tileRows());
    for (Value done : before)
      if (done != input) rows = builder_.create<AfterOp>(op_.getLoc(), rows.getType(), rows, done);
    return rows;
  }

  ByRowsOp op_;
  mlir::OpBuilder &builder_;
  std::vector<llvm::SmallVector<Value>> rows_;
  std::vector<Value> sums_;
};
}  // namespace

llvm::LogicalResult ByRowsOp::decompose(mlir::OpBuilder &builder, llvm::SmallVectorImpl<Value> &results) {
  Unrolled(*this, builder).run(results);
  return mlir::success();
}

namespace {
// Values of which some are cut into tiles and the others are not, in the op's order.
struct CutValues {
  llvm::SmallVector<Value> rows, others;
  void add(Value value, bool isTiled) { (isTiled ? rows : others).push_back(value); }
  llvm::SmallVector<Value> all() const {
    llvm::SmallVector<Value> values(rows);
    values.append(others);
    return values;
  }
};

// Makes the op that gives the results of `forward` once more, then the gradients of its inputs.
class AdjointMaker {
 public:
  AdjointMaker(ByRowsOp forward, mlir::ValueRange gradients) : forward_(forward), given_(gradients) {}

  mlir::FailureOr<ByRowsOp> make(mlir::OpBuilder &builder) {
    mlir::Region region;
    region.emplaceBlock();
    if (mlir::failed(fill(region.front()))) return mlir::failure();
    llvm::SmallVector<mlir::Type> types;
    for (Value row : yielded_.rows)
      types.push_back(withRows(row.getType(), tensorOf(row.getType()).getDimSize(0) * forward_.tiles()));
    for (Value sum : yielded_.others) types.push_back(sum.getType());
    auto made = builder.create<ByRowsOp>(forward_.getLoc(), types, inputs_.all(), int64_t(inputs_.rows.size()),
                                         int64_t(yielded_.rows.size()));
    made.getBody().takeBody(region);
    return made;
  }
  // Of each input, the place of its gradient among the results; nothing if there is none.
  llvm::ArrayRef<std::optional<size_t>> places() const { return places_; }

 private:
  llvm::LogicalResult fill(mlir::Block &block) {
    mlir::Block &source = forward_.getBody().front();
    mlir::OpBuilder builder(forward_.getContext());
    builder.setInsertionPointToEnd(&block);
    size_t tiled = size_t(forward_.getTiled()), rowResults = size_t(forward_.getRowResults());
    mlir::ValueRange forwardYields = source.getTerminator()->getOperands();
    addArguments(block, source, tiled, rowResults);
    mlir::IRMapping mapping;
    mapping.map(source.getArguments(), arguments_);
    llvm::SmallVector<mlir::Operation *> ops;
    for (mlir::Operation &op : source.without_terminator()) ops.push_back(builder.clone(op, mapping));
    llvm::SmallVector<Value> results, found;
    for (Value value : forwardYields) results.push_back(mapping.lookup(value));
    if (mlir::failed(derive::reverse(ops, builder, forward_.getLoc(), results, cotangents_, arguments_, found)))
      return mlir::failure();
    for (auto [i, value] : llvm::enumerate(results)) yielded_.add(value, i < rowResults);
    noteGradients(found, tiled);
    builder.create<YieldOp>(forward_.getLoc(), yielded_.all());
    return mlir::success();
  }

  // The forward's inputs and the gradients of its results, of both first those that are cut into tiles.
  void addArguments(mlir::Block &block, mlir::Block &source, size_t tiled, size_t rowResults) {
    auto add = [&](Value outer, mlir::Type type, bool isTiled) {
      inputs_.add(outer, isTiled);
      return block.addArgument(type, outer.getLoc());
    };
    mlir::ValueRange yielded = source.getTerminator()->getOperands();
    arguments_.resize(source.getNumArguments());
    cotangents_.resize(yielded.size());
    for (bool isTiled : {true, false}) {
      for (auto [i, argument] : llvm::enumerate(source.getArguments()))
        if ((i < tiled) == isTiled) arguments_[i] = add(forward_.getInputs()[i], argument.getType(), isTiled);
      for (auto [i, value] : llvm::enumerate(yielded))
        if (given_[i] && (i < rowResults) == isTiled)
          cotangents_[i] = add(given_[i], derive::gradientType(value.getType()), isTiled);
    }
  }

  // Gradients of rows come behind the results that are rows, those of the other inputs behind the sums.
  void noteGradients(llvm::ArrayRef<Value> found, size_t tiled) {
    places_.resize(found.size());
    for (bool isTiled : {true, false})
      for (auto [i, gradient] : llvm::enumerate(found))
        if (gradient && (i < tiled) == isTiled) {
          places_[i] = yielded_.rows.size() + (isTiled ? 0 : yielded_.others.size());
          yielded_.add(gradient, isTiled);
        }
  }

  ByRowsOp forward_;
  mlir::ValueRange given_;
  llvm::SmallVector<Value> arguments_, cotangents_;  // in the region
  CutValues inputs_, yielded_;
  llvm::SmallVector<std::optional<size_t>> places_;
};
}  // namespace

llvm::LogicalResult ByRowsOp::buildAdjoint(mlir::OpBuilder &builder, mlir::ValueRange gradients,
                                           llvm::SmallVectorImpl<Value> &operandGradients) {
  AdjointMaker maker(*this, gradients);
  auto made = maker.make(builder);
  if (mlir::failed(made)) return mlir::failure();
  for (std::optional<size_t> place : maker.places())
    operandGradients.push_back(place ? made->getResult(unsigned(*place)) : Value());
  return mlir::success();
}

// The region is written for so many rows: cutting the op means to write another one.
std::vector<Factor> ByRowsOp::shardingFactors() { return {}; }

// The arithmetic of all tiles; inputs that are not cut are read for each.
Cost ByRowsOp::cost(const CostQuery &query) {
  Cost total;
  for (mlir::Operation &op : getBody().front())
    if (auto costed = mlir::dyn_cast<Costed>(op)) total.flops += costed.cost(query).flops * double(tiles());
  for (auto [i, type] : llvm::enumerate(getOperandTypes()))
    total.bytes += derive::bytesOf(type, query) * (i < getTiled() ? 1 : double(tiles()));
  for (Value result : getResults())
    if (!result.use_empty()) total.bytes += derive::bytesOf(result.getType(), query);
  return total;
}

}  // namespace llc::llm
