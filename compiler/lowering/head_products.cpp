#include "compiler/lowering/head_products.h"

#include "compiler/lowering/epilogue.h"
#include "compiler/lowering/kernel_choice.h"
#include "compiler/lowering/row_program.h"
#include "compiler/memory/attention_spec.h"

namespace llc::compiler {
using namespace mlir;
namespace {

Error refuse(Operation *op, const std::string &why) {
  return diagnose(ErrorKind::unsupported, op ? modelName(op) : "queries").says(why).toFix("leave the ops apart");
}

// The rows of a program over x[r,h,d] and vectors become those of x[r*h,d]: every value of rows is indexed by the same
// two letters first. nullopt: the program tells rows from heads.
std::optional<kernels::RowProgramSpec> mergeRows(kernels::RowProgramSpec spec) {
  if (spec.inputs.empty() || spec.inputs[0].shape.size() != 3 || spec.outputs.size() != 1) return std::nullopt;
  const int64_t heads = spec.inputs[0].shape[1];
  for (auto *list : {&spec.inputs, &spec.outputs})
    for (kernels::RowProgramSpec::Value &value : *list)
      if (!value.shape.empty() && value.shape[0] < 0) {
        if (value.shape.size() < 2 || value.shape[1] != heads) return std::nullopt;
        value.shape.erase(value.shape.begin() + 1);
      }
  for (index::Statement &statement : spec.statements) {
    if (statement.output.size() < 2) return std::nullopt;
    char row = statement.output[0], head = statement.output[1];
    auto merge = [&](std::string &indices) {
      if (indices.rfind(std::string{row, head}, 0) == 0) indices.erase(1, 1);
      return indices.find(head) == std::string::npos;
    };
    bool merges = merge(statement.output);
    for (std::string &input : statement.inputs) merges &= merge(input);
    index::walk(statement.body, [&](const index::Expr &node) {
      merges &= (node.kind != index::Expr::Extent && node.kind != index::Expr::Position) ||
                (node.letter != head && node.letter != row);
    });
    if (!merges) return std::nullopt;
  }
  return spec;
}

// May y lie where x lies? Only if the last statement alone writes y, where it reads x, and none reads x later.
bool worksInPlace(const kernels::RowProgramSpec &spec) {
  const std::string &x = spec.inputs[0].name;
  for (const index::Statement &statement : spec.statements) {
    bool isLast = &statement == &spec.statements.back();
    if ((statement.name == spec.outputs[0].name) != isLast) return false;
    for (size_t i = 0; isLast && i < statement.inputs.size(); ++i)
      if (statement.inputNames[i] == x && statement.inputs[i] != statement.output) return false;
  }
  return true;
}

// The program of an op on heads, with the numbers of the operands that are its vectors.
std::optional<kernels::RowProgramSpec> headProgram(Operation *op, llvm::SmallVectorImpl<unsigned> &operands) {
  if (op->getNumResults() != 1 || !worksRowByRow(op)) return std::nullopt;
  auto spec = rowProgramOf(op, operands);
  if (!spec.ok() || operands.empty() || operands[0] != 0) return std::nullopt;
  auto merged = mergeRows(*spec);
  if (!merged || merged->inputs[0].shape != merged->outputs[0].shape || !worksInPlace(*merged)) return std::nullopt;
  for (size_t i = 1; i < merged->inputs.size(); ++i)
    if (!merged->inputs[i].shape.empty() && merged->inputs[i].shape[0] < 0) return std::nullopt;
  return merged->inputs[0].type == DType::f32 && merged->outputs[0].type == DType::f32 ? merged : std::nullopt;
}

class PartReader {
 public:
  Result<HeadPart> read(Value value) {
    if (auto rotary = step<llm::RotaryOp>(value)) {
      part_.rotary = rotary;
      value = rotary.getX();
    }
    LLC_TRY(single(value));
    if (!isa<llm::ReshapeOp>(value.getDefiningOp())) {
      Operation *op = value.getDefiningOp();
      llvm::SmallVector<unsigned> operands;
      if (!headProgram(op, operands)) return refuse(op, "is not done head by head");
      part_.program = op;
      value = op->getOperand(0);
      LLC_TRY(single(value));
    }
    part_.heads = value.getDefiningOp<llm::ReshapeOp>();
    if (!part_.heads) return refuse(value.getDefiningOp(), "stands between the product and its heads");
    return readColumns(part_.heads->getOperand(0), cast<RankedTensorType>(part_.heads.getType()));
  }

 private:
  template <class Op>
  Op step(Value value) {
    auto op = value.getDefiningOp<Op>();
    return op && value.hasOneUse() ? op : Op();
  }
  static Status single(Value value) {
    if (!value.getDefiningOp()) return refuse(nullptr, "an argument of the function is no product of this stage");
    if (!value.hasOneUse()) return refuse(value.getDefiningOp(), "is read more than once");
    return success();
  }

  Result<HeadPart> readColumns(Value columns, RankedTensorType heads) {
    auto type = cast<RankedTensorType>(columns.getType());
    if (heads.getRank() != 3 || type.getRank() != 2 || type.getDimSize(1) != heads.getDimSize(1) * heads.getDimSize(2))
      return refuse(part_.heads, "does not cut the product's columns into heads");
    for (;;) {
      LLC_TRY(single(columns));
      Operation *op = columns.getDefiningOp();
      if (auto linear = dyn_cast<llm::LinearOp>(op)) {
        if (!llm::isPacked(linear.getW().getType()) || !isPlainF32(linear.getX().getType()))
          return refuse(op, "does not stream a packed weight");
        part_.linear = linear;
        std::reverse(part_.epilogue.begin(), part_.epilogue.end());
        return std::move(part_);
      }
      auto elementwise = asElementwise(op);
      if (!elementwise) return refuse(op, "is no product and not element-wise");
      part_.epilogue.push_back(op);
      std::optional<unsigned> inner;
      for (auto [i, reading] : llvm::enumerate(elementwise->reads)) {
        if (reading == readsColumns) continue;
        if (reading != readsMatrix || inner) return refuse(op, "reads more than the product and vectors over columns");
        inner = static_cast<unsigned>(i);
      }
      if (!inner) return refuse(op, "does not read the product");
      columns = op->getOperand(*inner);
    }
  }

  HeadPart part_;
};

Status fitTogether(HeadProducts &p) {
  for (HeadPart *part : {&p.key, &p.value}) {
    if (part->linear.getX() != p.query.linear.getX()) return refuse(part->linear, "is a product of another input");
    if (getElementTypeOrSelf(part->linear.getW().getType()) != getElementTypeOrSelf(p.query.linear.getW().getType()))
      return refuse(part->linear, "has a weight of another element type");
  }
  llm::RotaryOp first;
  for (HeadPart *part : {&p.query, &p.key, &p.value}) {
    llm::RotaryOp rotary = part->rotary;
    if (!rotary) continue;
    if (!isPlainF32(rotary.getCos().getType()) || cast<RankedTensorType>(rotary.getCos().getType()).getRank() != 2)
      return refuse(rotary, "has no table of f32");
    if (first && (first.getCos() != rotary.getCos() || first.getSin() != rotary.getSin() ||
                  first.getInterleaved() != rotary.getInterleaved()))
      return refuse(rotary, "turns by another table");
    first = rotary;
  }
  auto dim = [](HeadPart &part) { return cast<RankedTensorType>(part.heads.getType()).getDimSize(2); };
  if (!kernels::headColumns({dim(p.query), dim(p.key), dim(p.value)}))
    return refuse(p.append, "has heads of a size that no chunk of whole weight panels can cover");
  return success();
}

// The specification of one part; its operands are appended.
kernels::HeadProductsSpec::Part specOf(HeadPart &part, llvm::SmallVectorImpl<Value> &operands) {
  auto heads = cast<RankedTensorType>(part.heads.getType());
  kernels::HeadProductsSpec::Part spec;
  spec.heads = heads.getDimSize(1), spec.dim = heads.getDimSize(2), spec.rotates = static_cast<bool>(part.rotary);
  operands.push_back(part.linear.getW());
  index::ExprPtr expression = index::operand(0);
  for (Operation *op : part.epilogue) {
    auto elementwise = asElementwise(op);
    std::vector<index::ExprPtr> arguments;
    for (auto [i, value] : llvm::enumerate(op->getOperands())) {
      arguments.push_back(expression);
      if (elementwise->reads[i] == readsMatrix) continue;
      arguments.back() = index::operand(static_cast<int>(++spec.vectors));
      operands.push_back(value);
    }
    expression = index::rewrite(elementwise->body, [&](const index::ExprPtr &node) -> index::ExprPtr {
      return node->kind == index::Expr::Operand ? arguments[static_cast<size_t>(node->operand)] : nullptr;
    });
  }
  spec.epilogue = index::print(expression);
  if (part.program) {
    llvm::SmallVector<unsigned> numbers;
    spec.program = headProgram(part.program, numbers);
    for (unsigned number : llvm::drop_begin(numbers)) operands.push_back(part.program->getOperand(number));
  }
  return spec;
}
}  // namespace

llvm::SmallVector<Operation *> HeadProducts::members() {
  llvm::SmallVector<Operation *> list = {append};
  for (HeadPart *part : {&query, &key, &value}) {
    list.push_back(part->linear);
    list.append(part->epilogue);
    list.push_back(part->heads);
    if (part->program) list.push_back(part->program);
    if (part->rotary) list.push_back(part->rotary);
  }
  return list;
}

Result<HeadProducts> headProductsOf(llm::CacheAppendOp append, Value query) {
  HeadProducts products;
  products.append = append;
  LLC_ASSIGN(products.query, PartReader().read(query));
  LLC_ASSIGN(products.key, PartReader().read(append.getK()));
  LLC_ASSIGN(products.value, PartReader().read(append.getV()));
  LLC_TRY(fitTogether(products));
  return products;
}

HeadProductsKernel headProductsKernel(HeadProducts &products) {
  HeadProductsKernel kernel;
  kernels::HeadProductsSpec &spec = kernel.spec;
  auto x = cast<RankedTensorType>(products.query.linear.getX().getType());
  spec.k = x.getDimSize(1);
  spec.weights = *dtypeOf(getElementTypeOrSelf(products.query.linear.getW().getType()));
  kernel.operands.push_back(products.query.linear.getX());
  spec.query = specOf(products.query, kernel.operands);
  spec.key = specOf(products.key, kernel.operands);
  spec.value = specOf(products.value, kernel.operands);
  for (HeadPart *part : {&products.query, &products.key, &products.value}) {
    llm::RotaryOp rotary = part->rotary;
    if (!rotary || spec.rotated) continue;
    spec.rotated = 2 * cast<RankedTensorType>(rotary.getCos().getType()).getDimSize(1);
    spec.interleaved = rotary.getInterleaved();
    kernel.operands.append({rotary.getCos(), rotary.getSin()});
  }
  spec.cache = cacheSpec(products.append.getKv().getType());
  kernel.operands.push_back(products.append.getKv());
  return kernel;
}

Result<std::optional<KernelChoice>> headProductsStage(Operation *op, const KernelContext &context) {
  auto fused = dyn_cast<llm::FusedOp>(op);
  if (!fused || !appendsToCache(op)) return std::optional<KernelChoice>();
  Block &body = fused.getBody().front();
  Value query;
  for (Value value : body.getTerminator()->getOperands())
    if (!isa<llm::KvType>(value.getType())) query = value;
  if (!query || op->getNumResults() != 2) return refuse(op, "is no stage that makes queries and appends to a cache");
  LLC_ASSIGN(HeadProducts products, headProductsOf(*body.getOps<llm::CacheAppendOp>().begin(), query));
  HeadProductsKernel kernel = headProductsKernel(products);
  KernelChoice choice;
  for (Value inside : kernel.operands)
    choice.operands.push_back(op->getOperand(cast<BlockArgument>(inside).getArgNumber()));
  kernel.spec.xInBf16 = context.hasBf16Rows(choice.operands[0]);
  choice.function = kernels::emitHeadProducts(context.emitter, kernel.spec);
  return std::optional(std::move(choice));
}

}  // namespace llc::compiler
