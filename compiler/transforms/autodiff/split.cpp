#include "compiler/transforms/autodiff/split.h"

#include "compiler/lowering/row_program.h"
#include "compiler/memory/stages.h"
#include "compiler/transforms/autodiff/recomputation.h"
#include "dialect/interfaces/derive.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

namespace llc::compiler {
using namespace mlir;
namespace {
// Each element of the result is made of the same one of the operands.
bool isElementwise(Operation *op) {
  if (!llm::derive::hasProgram(op)) return false;
  auto statements = llm::derive::concreteStatements(op);
  if (!statements.ok() || statements->size() != 1 || !statements->front().combiner.empty()) return false;
  const index::Statement &statement = statements->front();
  return llvm::all_of(statement.inputs, [&](const std::string &input) { return input == statement.output; });
}
// Numbers of each row are computed, by which the row is changed: of one matrix and vectors beside it.
bool normalizes(Operation *op) {
  if (op->getNumResults() != 1 || op->getNumOperands() == 0 || !llm::derive::hasProgram(op)) return false;
  auto statements = llm::derive::concreteStatements(op);
  auto isVector = [](Type type) { return cast<RankedTensorType>(type).getRank() == 1; };
  return statements.ok() && statements->size() > 1 && op->getOperand(0).getType() == op->getResult(0).getType() &&
         llvm::all_of(llvm::drop_begin(op->getOperandTypes()), isVector) && worksRowByRow(op);
}
}  // namespace

Split::Split(Tape &tape, Block *block, unsigned arguments, const Saving &saving)
    : tape_(tape), block_(block), arguments_(arguments), saving_(saving) {
  Block::iterator firstAdjoint = tape.lastForward() ? std::next(tape.lastForward()->getIterator()) : block->begin();
  for (Operation &op : llvm::make_range(block->begin(), firstAdjoint)) forwardOps_.insert(&op);
  SmallVector<Value> read;
  for (Operation &op : llvm::make_range(firstAdjoint, block->end())) llvm::append_range(read, op.getOperands());
  if (saving.price() > 0)
    cheaper_ = leastRecomputation(forwardOps_, read, saving.price(), [this](Operation *op) { return isFree(op); });
  for (Value value : read) need(value);
  if (saving.savesEverything()) repeatWhatIsCheap();
}

// silu of a gate that is saved: who reads it element by element applies it to the gate on the way, which costs no
// memory traffic and saves a tensor. A normalization of what is saved: one pass over it, beside products that read the
// result as often as it has columns.
void Split::repeatWhatIsCheap() {
  for (Value value : SmallVector<Value>(saved_.getArrayRef())) {
    Operation *op = value.getDefiningOp();
    auto fuses = [&](Operation *user) { return forwardOps_.contains(user) || isElementwise(user); };
    bool isCheap = normalizes(op) || (op->getNumOperands() == 1 && op->getNumResults() == 1 && isElementwise(op) &&
                                      llvm::all_of(value.getUsers(), fuses));
    auto isThere = [&](Value operand) {
      Value root = memoryOf(operand);
      bool isVector = isa<BlockArgument>(root) && cast<RankedTensorType>(root.getType()).getRank() == 1;
      return isVector || saved_.contains(root) || used_.contains(root);
    };
    if (!isCheap || !llvm::all_of(op->getOperands(), isThere)) continue;
    again_.insert(op);
    saved_.remove(value);
    for (Value operand : op->getOperands()) need(operand);  // its aliases are made again
  }
}

// Constants are made again where they are read, and so are other shapes of what is saved: as results of the forward
// pass they would be copies.
bool Split::isFree(Operation *op) const {
  return (op->getNumOperands() == 0 && isMemoryEffectFree(op)) || stageKind(op) == StageKind::alias;
}

bool Split::saves(Operation *op) const {
  if (isFree(op)) return false;
  return saving_.price() > 0 ? !cheaper_.contains(op) : saving_.saves(op);
}

void Split::need(Value value) {
  SmallVector<Value> open = {value};
  while (!open.empty()) {
    Value next = open.pop_back_val();
    if (auto argument = dyn_cast<BlockArgument>(next)) {
      if (argument.getArgNumber() < arguments_) used_.insert(next);
      continue;
    }
    Operation *op = next.getDefiningOp();
    if (!forwardOps_.contains(op)) continue;
    if (saves(op))
      saved_.insert(next);
    else if (again_.insert(op).second)
      llvm::append_range(open, op->getOperands());
  }
}

std::vector<unsigned> Split::arguments() const {
  std::vector<unsigned> list;
  for (unsigned place = 0; place < arguments_; ++place)
    if (used_.contains(block_->getArgument(place))) list.push_back(place);
  return list;
}

SmallVector<Value> Split::backwardInputs() const {
  SmallVector<Value> inputs;
  for (unsigned place : arguments()) inputs.push_back(block_->getArgument(place));
  llvm::append_range(inputs, saved_);
  llvm::append_range(inputs, block_->getArguments().drop_front(arguments_));
  return inputs;
}

SmallVector<Type> Split::backwardTypes() const {
  SmallVector<Type> types;
  for (Value input : backwardInputs()) types.push_back(input.getType());
  return types;
}

SmallVector<Value> Split::cloneForward(OpBuilder &builder) {
  IRMapping mapping;
  mapping.map(block_->getArguments().take_front(arguments_), builder.getInsertionBlock()->getArguments());
  for (Operation &op : *block_)
    if (forwardOps_.contains(&op)) builder.clone(op, mapping);
  SmallVector<Value> results;
  for (Value value : tape_.results()) results.push_back(mapping.lookup(value));
  for (Value value : saved_) results.push_back(mapping.lookup(value));
  return results;
}

SmallVector<Value> Split::cloneBackward(OpBuilder &builder) {
  IRMapping mapping;
  mapping.map(backwardInputs(), builder.getInsertionBlock()->getArguments());
  for (Operation &op : block_->without_terminator())
    if (!forwardOps_.contains(&op) || again_.contains(&op)) builder.clone(op, mapping);
  SmallVector<Value> results;
  for (Value value : block_->getTerminator()->getOperands()) results.push_back(mapping.lookup(value));
  return results;
}

}  // namespace llc::compiler
