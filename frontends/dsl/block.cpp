// Blocks: functions that are traced where they are called, and kept once.
#include "dialect/ops/llm.h"
#include "dialect/ops/row_tiles.h"
#include "frontends/dsl/ops.h"
#include "frontends/dsl/program.h"
#include "mlir/IR/OperationSupport.h"

namespace llc::dsl {
namespace {
using mlir::func::FuncOp;

// Traces the body into a function that stands outside of the module until it turns out whether it is new.
mlir::OwningOpRef<FuncOp> traceBody(ProgramState &state, Frame &frame, llvm::StringRef name,
                                    const std::vector<Value> &arguments, const TraceBody &body) {
  mlir::Location location = mlir::NameLoc::get(mlir::StringAttr::get(&state.context, name));
  mlir::OwningOpRef<FuncOp> function = FuncOp::create(location, name, mlir::FunctionType::get(&state.context, {}, {}));
  frame.function = *function;
  frame.function.setPrivate();
  frame.builder = mlir::OpBuilder::atBlockEnd(frame.function.addEntryBlock());
  state.frame = &frame;
  try {
    std::vector<Value> inner;
    for (Value argument : arguments) inner.push_back(argument ? wrap<Value>(state.resolve(unwrap(argument))) : Value());
    finishFunction(state, frame, body(inner));
  } catch (...) {
    state.frame = frame.outer;
    throw;
  }
  state.frame = frame.outer;
  return function;
}

bool equal(FuncOp one, FuncOp other) {
  return one.getFunctionType() == other.getFunctionType() && one.getArgAttrsAttr() == other.getArgAttrsAttr() &&
         mlir::OperationEquivalence::isRegionEquivalentTo(&one.getBody(), &other.getBody(),
                                                          mlir::OperationEquivalence::IgnoreLocations);
}

// The function of the module that is equal to `traced`; there is one afterwards.
FuncOp keepOne(ProgramState &state, const std::string &name, mlir::OwningOpRef<FuncOp> traced) {
  std::vector<FuncOp> &known = state.blocks[name];
  for (FuncOp candidate : known)
    if (equal(candidate, *traced)) return candidate;
  FuncOp function = traced.release();
  if (!known.empty()) function.setName(name + "_" + std::to_string(known.size() + 1));
  // Before the entries, behind the parameters and the blocks that exist already.
  mlir::Block *module = state.module->getBody();
  auto entry = llvm::find_if(*module, [](mlir::Operation &op) {
    auto other = mlir::dyn_cast<FuncOp>(op);
    return other && !other.isPrivate();
  });
  module->getOperations().insert(entry, function);
  known.push_back(function);
  return function;
}
}  // namespace

Tensors traceBlock(std::string_view name, const std::vector<Value> &arguments, const TraceBody &body) {
  ProgramState &state = currentState();
  mlir::Location location = state.location();
  Frame frame{.outer = state.frame, .builder = mlir::OpBuilder(&state.context), .firstScope = state.scopes.size()};
  FuncOp callee = keepOne(state, std::string(name), traceBody(state, frame, name, arguments, body));
  std::vector<mlir::Value> operands;
  std::string dimension;
  for (mlir::Value value : frame.captured) {
    operands.push_back(state.resolve(value));
    if (std::string found = state.frame->dimensions.lookup(operands.back()); !found.empty()) dimension = found;
  }
  auto call = state.frame->builder.create<mlir::func::CallOp>(location, callee, operands);
  Tensors results;
  for (mlir::Value result : call.getResults()) {
    auto type = mlir::cast<mlir::RankedTensorType>(result.getType());
    if (!dimension.empty() && !type.hasStaticShape()) state.frame->dimensions[result] = dimension;
    results.push_back(wrap<Tensor>(result));
  }
  return results;
}

namespace {
// Tiles of equal size: if need be with rows of zeros behind the last row.
struct RowTiles {
  int64_t count, rows;
};
RowTiles tilesOf(int64_t rows, int64_t width) {
  int64_t least = (rows + llm::mostTileRows(width) - 1) / llm::mostTileRows(width);
  for (int64_t count = least; count < 2 * least; ++count)
    if (rows % count == 0) return {count, rows / count};
  int64_t aligned = ((rows + least - 1) / least + 15) / 16 * 16;
  return {(rows + aligned - 1) / aligned, aligned};
}

// The traced function of a tile as the region of an op. What it captured first are the slices that stand for `rows`.
llm::ByRowsOp opOfTile(ProgramState &state, const Frame &frame, FuncOp tile, const Tensors &rows, int64_t tiles) {
  llvm::SmallVector<mlir::Value> inputs;
  for (Tensor row : rows) inputs.push_back(unwrap(row));
  for (size_t i = rows.size(); i < frame.captured.size(); ++i) inputs.push_back(state.resolve(frame.captured[i]));
  mlir::Operation *end = tile.getBody().front().getTerminator();
  llvm::SmallVector<mlir::Type> types;
  for (mlir::Type type : end->getOperandTypes()) {
    auto tensor = mlir::cast<mlir::RankedTensorType>(type);
    llvm::SmallVector<int64_t> shape(tensor.getShape());
    shape.front() *= tiles;
    types.push_back(mlir::RankedTensorType::get(shape, tensor.getElementType()));
  }
  mlir::OpBuilder &builder = state.frame->builder;
  auto op = builder.create<llm::ByRowsOp>(state.location(), types, inputs, int64_t(rows.size()), int64_t(types.size()));
  op.getBody().takeBody(tile.getBody());
  mlir::OpBuilder inner(end);
  inner.create<llm::YieldOp>(end->getLoc(), end->getOperands());
  end->erase();
  return op;
}
}  // namespace

Tensors byRows(const Tensors &rows, int64_t width, const std::function<Tensors(const Tensors &)> &body) {
  int64_t all = rows.front().size(0);
  RowTiles tiles = all == dynamicSize ? RowTiles{1, all} : tilesOf(all, width);
  if (tiles.count <= 1) return body(rows);
  ProgramState &state = currentState();
  Tensors whole;
  std::vector<Value> first;
  for (Tensor row : rows) {
    int64_t missing = tiles.count * tiles.rows - all;
    whole.push_back(missing ? pad(row, {.dim = 0, .low = 0, .high = missing}) : row);
    first.push_back(slice(whole.back(), {.dim = 0, .start = 0, .size = tiles.rows}));
  }
  Frame frame{.outer = state.frame, .builder = mlir::OpBuilder(&state.context), .firstScope = state.scopes.size()};
  auto tile = traceBody(state, frame, "tile", first, [&](const std::vector<Value> &inner) {
    Tensors values;
    for (const Value &value : inner) values.push_back(Tensor(value.handle()));
    return body(values);
  });
  llm::ByRowsOp op = opOfTile(state, frame, *tile, whole, tiles.count);
  for (const Value &slice : first) unwrap(slice).getDefiningOp()->erase();
  Tensors results;
  for (mlir::Value result : op.getResults()) {
    Tensor made = wrap<Tensor>(result);
    results.push_back(made.size(0) == all ? made : slice(made, {.dim = 0, .start = 0, .size = all}));
  }
  return results;
}

}  // namespace llc::dsl
