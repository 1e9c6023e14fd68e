#include "compiler/lowering/dense_product.h"

#include <algorithm>
#include <map>

#include "compiler/lowering/epilogue.h"
#include "compiler/lowering/kernel_choice.h"
#include "compiler/memory/stages.h"
#include "dialect/interfaces/interfaces.h"
#include "dialect/ops/llm.h"

namespace llc::compiler {
using namespace mlir;
namespace {

constexpr double leastMultiplyAdds = 16384;  // below that copies and tiles do not pay

// A tensor with the letters of its dimensions; those of extent one are left out.
struct Indexed {
  std::string letters;
  std::map<char, int64_t> strides, extents;
  bool has(char letter) const { return extents.count(letter) != 0; }
};

std::optional<Indexed> indexed(Value value, const std::string &indices) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!type || !type.hasStaticShape() || llm::isPacked(type)) return std::nullopt;
  if (static_cast<int64_t>(indices.size()) != type.getRank()) return std::nullopt;
  Indexed result;
  int64_t stride = 1;
  for (size_t i = indices.size(); i-- > 0;) {
    int64_t extent = type.getDimSize(static_cast<int64_t>(i));
    if (!index::isIndexLetter(indices[i]) && indices[i] != '1') return std::nullopt;
    if (extent == 1) continue;
    if (!result.extents.emplace(indices[i], extent).second) return std::nullopt;  // a diagonal
    result.strides[indices[i]] = stride;
    result.letters.insert(result.letters.begin(), indices[i]);
    stride *= extent;
  }
  return result;
}

// Letters of a role that follow each other with one distance, in both tensors: one dimension of a matrix.
struct Merged {
  std::string letters;  // outermost first
  int64_t extent = 1;
};
// From the innermost of `candidates` (in the order of `first`) outward, as far as it goes.
Merged merge(const std::string &candidates, const Indexed &first, const Indexed &second) {
  Merged merged;
  for (size_t i = candidates.size(); i-- > 0;) {
    char letter = candidates[i];
    if (!merged.letters.empty()) {
      char inner = merged.letters.front();
      int64_t extent = first.extents.at(inner);
      if (first.strides.at(letter) != first.strides.at(inner) * extent ||
          second.strides.at(letter) != second.strides.at(inner) * extent)
        break;
    }
    merged.letters.insert(merged.letters.begin(), letter);
    merged.extent *= first.extents.at(letter);
  }
  return merged;
}

class Matrices {
 public:
  Matrices(Indexed a, Indexed b, Indexed y) : a_(std::move(a)), b_(std::move(b)), y_(std::move(y)) {}

  std::optional<kernels::DenseProductSpec> spec() {
    std::string rows, columns, steps;
    for (char letter : y_.letters) {
      if (a_.has(letter) && !b_.has(letter)) rows += letter;
      if (b_.has(letter) && !a_.has(letter)) columns += letter;
      if (!a_.has(letter) && !b_.has(letter)) return std::nullopt;
    }
    for (const Indexed *tensor : {&a_, &b_})
      for (char letter : tensor->letters)
        if (!y_.has(letter) && (!a_.has(letter) || !b_.has(letter))) return std::nullopt;  // summed in one alone
    for (char letter : a_.letters)
      if (!y_.has(letter)) steps += letter;
    if (rows.empty() || columns.empty() || steps.empty() || columns.back() != y_.letters.back()) return std::nullopt;
    Merged m = merge(rows, y_, a_), n = merge(columns, y_, b_), k = merge(steps, a_, b_);
    char row = m.letters.back(), column = n.letters.back(), step = k.letters.back();
    kernels::DenseProductSpec spec;
    spec.m = m.extent, spec.n = n.extent, spec.k = k.extent;
    spec.aRow = a_.strides[row], spec.aStep = a_.strides[step];
    spec.bStep = b_.strides[step], spec.bColumn = b_.strides[column];
    spec.yRow = y_.strides[row];
    std::string used = m.letters + n.letters + k.letters;
    for (char letter : y_.letters)
      if (used.find(letter) == std::string::npos) spec.batches.push_back(dimension(letter, y_.extents[letter]));
    for (char letter : steps)
      if (used.find(letter) == std::string::npos) spec.outerSteps.push_back(dimension(letter, a_.extents[letter]));
    return spec;
  }

 private:
  kernels::DenseProductSpec::Dimension dimension(char letter, int64_t extent) const {
    auto stride = [&](const Indexed &tensor) { return tensor.has(letter) ? tensor.strides.at(letter) : 0; };
    return {extent, stride(a_), stride(b_), stride(y_)};
  }
  Indexed a_, b_, y_;
};

bool isLarge(const kernels::DenseProductSpec &spec) {
  double work = double(spec.m) * double(spec.n) * double(spec.k);
  for (auto *list : {&spec.batches, &spec.outerSteps})
    for (auto &dimension : *list) work *= double(dimension.extent);
  return spec.n >= 8 && spec.k >= 4 && work >= leastMultiplyAdds;
}

bool isFloat(DType type) { return type == DType::f32 || type == DType::bf16 || type == DType::f16; }

std::optional<DenseProductOp> productOf(Operation *op) {
  if (op->getNumResults() != 1 || op->getNumOperands() != 2 || !llm::derive::hasProgram(op)) return std::nullopt;
  auto statements = llm::derive::concreteStatements(op);
  if (!statements.ok() || statements->size() != 1) return std::nullopt;
  const index::Statement &statement = statements->front();
  const index::Expr &body = *statement.body;
  bool multiplies = statement.combiner == "sum" && statement.inputs.size() == 2 && body.kind == index::Expr::Call &&
                    body.function->name == "mul" && body.arguments[0]->kind == index::Expr::Operand &&
                    body.arguments[1]->kind == index::Expr::Operand &&
                    body.arguments[0]->operand != body.arguments[1]->operand;
  auto result = dyn_cast<RankedTensorType>(op->getResult(0).getType());
  if (!multiplies || !result || !result.getElementType().isF32()) return std::nullopt;
  auto names = llm::derive::operandNames(op);
  Value values[2];
  for (size_t i = 0; i < 2; ++i) {
    auto name = std::find(names.begin(), names.end(), statement.inputNames[i]);
    if (name == names.end() || name - names.begin() > 1) return std::nullopt;
    values[i] = op->getOperand(static_cast<unsigned>(name - names.begin()));
    auto type = dyn_cast<RankedTensorType>(values[i].getType());
    auto element = type ? dtypeOf(type.getElementType()) : std::nullopt;
    if (!element || !isFloat(*element)) return std::nullopt;
  }
  auto first = indexed(values[0], statement.inputs[0]), second = indexed(values[1], statement.inputs[1]);
  auto y = indexed(op->getResult(0), statement.output);
  if (!first || !second || !y || y->letters.empty()) return std::nullopt;
  bool swap = !second->has(y->letters.back());  // columns of the result come from b
  if (swap) std::swap(*first, *second), std::swap(values[0], values[1]);
  auto spec = Matrices(std::move(*first), std::move(*second), std::move(*y)).spec();
  if (!spec || !isLarge(*spec)) return std::nullopt;
  spec->aType = *dtypeOf(cast<RankedTensorType>(values[0].getType()).getElementType());
  spec->bType = *dtypeOf(cast<RankedTensorType>(values[1].getType()).getElementType());
  return DenseProductOp{std::move(*spec), values[0], values[1]};
}

// A factor inside of `fused` becomes what it is read from outside; a conversion in between is the kernel's to do.
bool readFromOutside(llm::FusedOp fused, Value &value, DType &type, DType &rounded) {
  if (auto cast = value.getDefiningOp<llm::CastOp>()) {
    auto from = dtypeOf(getElementTypeOrSelf(cast.getX().getType()));
    if (!from || !isFloat(*from)) return false;
    rounded = type, type = *from, value = cast.getX();
  }
  auto argument = dyn_cast<BlockArgument>(value);
  if (argument) value = fused->getOperand(argument.getArgNumber());
  return bool(argument);
}

// Conversions, one product of what they give, and its epilogue.
std::optional<DenseProductOp> productOf(llm::FusedOp fused) {
  if (fused.getNumResults() != 1) return std::nullopt;
  Block &body = fused.getBody().front();
  std::optional<DenseProductOp> product;
  Epilogue epilogue(fused);
  for (Operation &op : body.without_terminator()) {
    if (isa<llm::CastOp>(op)) continue;
    if (product) {
      if (!product->takesEpilogue() || !epilogue.add(&op)) return std::nullopt;
    } else {
      if (!(product = productOf(&op))) return std::nullopt;
      epilogue.addProduct(op.getResult(0));
    }
  }
  if (!product || !readFromOutside(fused, product->a, product->spec.aType, product->spec.aRounded) ||
      !readFromOutside(fused, product->b, product->spec.bType, product->spec.bRounded))
    return std::nullopt;
  index::ExprPtr expression = epilogue.expressionOf(body.getTerminator()->getOperand(0));
  if (!expression) return std::nullopt;
  product->spec.epilogue = index::print(expression), product->spec.extras = epilogue.readings();
  product->extras.assign(epilogue.operands().begin(), epilogue.operands().end());
  return product;
}

// Factors that are copied before; `spec` is then of their copies.
llvm::SmallVector<Preparation> copiesOf(kernels::DenseProductSpec &spec, kernels::Emitter &emitter) {
  using kernels::DenseFactor;
  kernels::DenseCopies copies = kernels::denseCopies(spec);
  llvm::SmallVector<Preparation> preparations;
  if (copies.aBytes) preparations.push_back({kernels::copyDenseFactor(emitter, spec, DenseFactor::a), 0, 0});
  if (copies.bBytes)
    preparations.push_back({kernels::copyDenseFactor(emitter, spec, DenseFactor::b), 1, copies.aBytes});
  spec.aCopied = copies.aBytes > 0, spec.bCopied = copies.bBytes > 0;
  return preparations;
}
}  // namespace

std::optional<DenseProductOp> asDenseProduct(Operation *op) {
  auto fused = dyn_cast<llm::FusedOp>(op);
  return fused ? productOf(fused) : productOf(op);
}

Result<std::optional<KernelChoice>> denseProductKernel(Operation *op, const KernelContext &context) {
  auto product = asDenseProduct(op);
  if (!product) return std::optional<KernelChoice>();
  KernelChoice choice;
  choice.operands = {product->a, product->b};
  choice.operands.append(product->extras);
  kernels::DenseProductSpec spec = product->spec;
  if (kernels::multipliesCopies(context.emitter.target, spec)) choice.preparations = copiesOf(spec, context.emitter);
  choice.function = kernels::emitDenseProduct(context.emitter, spec);
  return std::optional(std::move(choice));
}

}  // namespace llc::compiler
