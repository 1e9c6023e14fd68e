#include "compiler/transforms/autodiff/reverse.h"

#include "compiler/transforms/autodiff/split.h"
#include "compiler/transforms/autodiff/tape.h"
#include "compiler/transforms/precision/Passes.h"
#include "dialect/interfaces/interfaces.h"

namespace llc::compiler {
using namespace mlir;
namespace derive = llm::derive;

func::FuncOp Derivatives::add(func::FuncOp after, StringRef name, TypeRange arguments) {
  OpBuilder builder(after.getContext());
  auto function = func::FuncOp::create(after.getLoc(), name, builder.getFunctionType(arguments, {}));
  symbols_.insert(function, std::next(after->getIterator()));  // gives it another name if that one is taken
  function.addEntryBlock();
  return function;
}

namespace {
// Names of the function's dynamic sizes (llm.dim), for the first arguments of `to`.
void copyArgumentAttributes(func::FuncOp from, func::FuncOp to, ArrayRef<unsigned> arguments) {
  for (auto [place, argument] : llvm::enumerate(arguments))
    if (DictionaryAttr attributes = from.getArgAttrDict(argument)) to.setArgAttrs(place, attributes);
}

void finish(func::FuncOp function, OpBuilder &builder, ValueRange results) {
  builder.create<func::ReturnOp>(function.getLoc(), results);
  function.setType(builder.getFunctionType(function.getArgumentTypes(), results.getTypes()));
}
}  // namespace

const Derivative *Derivatives::of(func::FuncOp function, const std::vector<bool> &active, const Saving &saving) {
  std::unique_ptr<Derivative> &known = known_[{function, active, &saving}];
  if (known) return known.get();
  if (!inProgress_.insert(function).second) {
    function.emitError("calls itself, which has no derivative; to fix: remove the recursion");
    return nullptr;
  }
  func::FuncOp scratch = add(function, (function.getName() + "_tape").str(), function.getArgumentTypes());
  auto derivative = std::make_unique<Derivative>();
  llvm::LogicalResult made = derive(function, scratch, active, saving, *derivative);
  symbols_.erase(scratch);
  inProgress_.erase(function);
  if (failed(made)) return nullptr;
  return (known = std::move(derivative)).get();
}

LogicalResult Derivatives::derive(func::FuncOp function, func::FuncOp scratch, const std::vector<bool> &active,
                                  const Saving &saving, Derivative &derivative) {
  Block *block = &scratch.getBody().front();
  Tape tape(*this, function, block, &saving);
  if (failed(tape.forward(active, /*mayReadParameters=*/false))) return failure();
  derivative.forward = function;
  derivative.results = function.getNumResults();
  for (auto [place, result] : llvm::enumerate(tape.results())) {
    if (!tape.isActive(result)) continue;
    derivative.cotangents.push_back(place);
    tape.addGradient(result, block->addArgument(derive::gradientType(result.getType()), function.getLoc()));
  }
  if (derivative.cotangents.empty()) return mlir::success();
  if (failed(tape.backward())) return failure();
  SmallVector<Value> gradients;
  for (BlockArgument argument : block->getArguments().take_front(function.getNumArguments())) {
    if (!tape.isActive(argument)) continue;
    derivative.gradients.push_back(argument.getArgNumber());
    gradients.push_back(tape.gradientOf(argument));
  }
  tape.builder().create<func::ReturnOp>(function.getLoc(), gradients);
  tape.removeDeadAdjoints();
  Split split(tape, block, function.getNumArguments(), saving);
  derivative.arguments = split.arguments();
  if (tape.callsForwards() || !split.saved().empty()) {
    derivative.forward = add(function, (function.getName() + "_forward").str(), function.getArgumentTypes());
    derivative.forward.setPrivate();
    if (ArrayAttr attributes = function.getArgAttrsAttr()) derivative.forward.setArgAttrsAttr(attributes);
    OpBuilder builder = OpBuilder::atBlockEnd(&derivative.forward.getBody().front());
    finish(derivative.forward, builder, split.cloneForward(builder));
  }
  derivative.backward = add(derivative.forward, (function.getName() + "_backward").str(), split.backwardTypes());
  derivative.backward.setPrivate();
  OpBuilder builder = OpBuilder::atBlockEnd(&derivative.backward.getBody().front());
  finish(derivative.backward, builder, split.cloneBackward(builder));
  copyArgumentAttributes(function, derivative.backward, derivative.arguments);
  return mlir::success();
}

bool Derivatives::isFrozen(StringAttr parameter) const {
  Operation *declaration = symbols_.lookup(parameter);
  return declaration && declaration->hasAttr("llm.frozen");
}

void Derivatives::noteSaved(ValueRange values) {
  for (Value value : values) savedBytes_ += derive::bytesOf(value.getType(), {});
}

namespace {
// The gradient of the loss by itself where that is not 1: a further argument of the derivative, named by the mark
// llm.scale_loss.
Value argumentForSeed(func::FuncOp function, func::FuncOp derivative, Value loss) {
  auto name = function->getAttrOfType<StringAttr>("llm.scale_loss");
  if (!name) return {};
  unsigned place = derivative.getNumArguments();
  OpBuilder builder(function.getContext());
  derivative.insertArgument(place, derive::gradientType(loss.getType()),
                            builder.getDictionaryAttr(builder.getNamedAttr("llm.name", name)), function.getLoc());
  function->removeAttr("llm.scale_loss");
  return derivative.getArgument(place);
}
}  // namespace

LogicalResult Derivatives::differentiate(func::FuncOp function) {
  auto loss = function.getNumResults() ? dyn_cast<RankedTensorType>(function.getResultTypes().front()) : nullptr;
  if (!loss || !derive::isFloat(loss) || !loss.hasStaticShape() || loss.getNumElements() != 1)
    return function.emitError(
        "is marked llm.differentiate, but its first result is not one float; "
        "to fix: return the loss first");
  func::FuncOp both = add(function, (function.getName() + "_and_gradients").str(), function.getArgumentTypes());
  if (ArrayAttr attributes = function.getArgAttrsAttr()) both.setArgAttrsAttr(attributes);
  if (Attribute products = function->getAttr(productsAttribute)) both->setAttr(productsAttribute, products);
  Tape tape(*this, function, &both.getBody().front(), /*saving=*/nullptr);
  std::vector<bool> none(function.getNumArguments(), false);
  if (failed(tape.forward(none, /*mayReadParameters=*/true))) return failure();
  Value result = tape.results().front();
  if (!tape.isActive(result))
    return function.emitError(
        "is marked llm.differentiate, but its loss depends on no parameter; "
        "to fix: read one with llm.use, or remove the mark");
  Value seed = argumentForSeed(function, both, result);
  tape.addGradient(result, seed ? seed : derive::onesLike(tape.builder(), function.getLoc(), result));
  if (failed(tape.backward())) return failure();
  SmallVector<Value> results(tape.results());
  for (auto &[name, value] : tape.parameters()) results.push_back(tape.gradientOf(value));
  finish(both, tape.builder(), results);
  tape.removeDeadAdjoints();
  for (unsigned i = 0; i < function.getNumResults(); ++i)
    if (DictionaryAttr attributes = function.getResultAttrDict(i)) both.setResultAttrs(i, attributes);
  unsigned place = tape.results().size();
  for (auto &[name, value] : tape.parameters()) both.setResultAttr(place++, "llm.gradient", name);
  return mlir::success();
}

}  // namespace llc::compiler
