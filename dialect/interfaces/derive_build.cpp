// Building IR from statements: emission, decomposition, adjoints.
#include "dialect/interfaces/derive_internal.h"
#include "dialect/ops/llm.h"

namespace llc::llm::derive {
namespace {

bool readsOperand(const index::ExprPtr &body, int position) {
  bool reads = false;
  index::walk(body,
              [&](const index::Expr &part) { reads |= part.kind == index::Expr::Operand && part.operand == position; });
  return reads;
}

bool hasPlain(const std::string &indices, char letter) {
  return llvm::any_of(index::dimensions(indices), [&](const index::Dimension &item) { return item.letter == letter; });
}

// Operand k gives neither a value nor an index, and every extent it has is known from elsewhere.
bool isSuperfluous(const index::Statement &statement, int position) {
  if (readsOperand(statement.body, position)) return false;
  auto indirect = [&](const index::Dimension &item) { return item.indirect == position; };
  for (const std::string &indices : statement.inputs)
    if (llvm::any_of(index::dimensions(indices), indirect)) return false;
  if (llvm::any_of(index::dimensions(statement.output), indirect)) return false;
  for (const index::Dimension &item : index::dimensions(statement.inputs[position])) {
    if (!index::isIndexLetter(item.letter)) continue;
    bool elsewhere = hasPlain(statement.output, item.letter);
    for (int k = 0; k < static_cast<int>(statement.inputs.size()); ++k)
      elsewhere |= k != position && hasPlain(statement.inputs[k], item.letter);
    if (!elsewhere) return false;
  }
  return true;
}

// With a static result type an operand that only gives a shape is needed only for a letter that is reduced.
index::Statement dropShapeOnly(index::Statement statement, llvm::SmallVectorImpl<mlir::Value> &operands,
                               mlir::RankedTensorType type) {
  if (!type.hasStaticShape()) return statement;
  for (int k = static_cast<int>(operands.size()) - 1; k >= 0; --k) {
    if (!isSuperfluous(statement, k)) continue;
    operands.erase(operands.begin() + k);
    statement.inputs.erase(statement.inputs.begin() + k);
    auto shift = [&](int position) { return position > k ? position - 1 : position; };
    for (std::string &indices : statement.inputs) indices = index::renumber(indices, shift);
    statement.output = index::renumber(statement.output, shift);
    statement.body = index::rewrite(statement.body, [&](const index::ExprPtr &part) -> index::ExprPtr {
      return part->kind == index::Expr::Operand && part->operand > k ? index::operand(part->operand - 1) : nullptr;
    });
  }
  return statement;
}

bool isContraction(const index::Statement &statement, llvm::ArrayRef<mlir::Value> operands,
                   mlir::RankedTensorType type) {
  if (statement.combiner != "sum" || operands.size() != 2 || type.getEncoding()) return false;
  std::string body = index::print(statement.body);
  if (body != "a*b" && body != "b*a") return false;
  if (statement.signature().find_first_of("1({") != std::string::npos) return false;
  mlir::Type element = widestElement({operands[0].getType(), operands[1].getType()});
  if (!mlir::isa<mlir::FloatType>(element) || atLeastF32(element) != type.getElementType()) return false;
  std::vector<Shape> shapes = {shapeOf(operands[0].getType()), shapeOf(operands[1].getType())};
  auto shape = index::resultShape(statement, shapes);
  return shape.ok() && mlir::succeeded(mlir::verifyCompatibleShape(*shape, type.getShape()));
}

std::string lettersOf(mlir::Value value) {
  std::string letters;
  for (int64_t d = 0, rank = mlir::cast<mlir::RankedTensorType>(value.getType()).getRank(); d < rank; ++d)
    letters += static_cast<char>('a' + d);
  return letters;
}

// Gradients of values on the way back; missing ones are null.
class Gradients {
 public:
  Gradients(mlir::OpBuilder &builder, mlir::Location location) : builder_(builder), location_(location) {}
  mlir::Value of(mlir::Value value) const { return sums_.lookup(value); }
  void add(mlir::Value value, mlir::Value gradient) {
    if (!gradient) return;
    mlir::Value &sum = sums_[value];
    sum = sumOf(builder_, location_, sum, gradient);
  }
  // A value used in two slots has its whole gradient in one sum: report it once.
  void collect(mlir::ValueRange operands, llvm::SmallVectorImpl<mlir::Value> &gradients) const {
    llvm::SmallPtrSet<mlir::Value, 4> seen;
    gradients.assign(operands.size(), mlir::Value());
    for (auto [position, operand] : llvm::enumerate(operands))
      if (seen.insert(operand).second) gradients[position] = of(operand);
  }

 private:
  mlir::OpBuilder &builder_;
  mlir::Location location_;
  llvm::DenseMap<mlir::Value, mlir::Value> sums_;
};

Status adjointOfStep(const EmittedStep &step, mlir::OpBuilder &builder, mlir::Location location, Gradients &gradients) {
  mlir::Value gradient = gradients.of(step.value);
  if (!gradient) return llc::success();
  const int count = static_cast<int>(step.operands.size());
  for (int position = 0; position < count; ++position) {
    mlir::Value operand = step.operands[position];
    if (!isFloat(operand.getType())) continue;
    LLC_ASSIGN(index::Adjoint adjoint, index::adjointOf(step.statement, position));
    const index::ExprPtr &body = adjoint.statement.body;
    if (body->kind == index::Expr::Number && body->number == 0) continue;
    llvm::SmallVector<mlir::Value> inputs;
    for (int used : adjoint.used)
      inputs.push_back(used == count + 1 ? gradient : used == count ? step.value : step.operands[used]);
    gradients.add(operand, emit(builder, location, adjoint.statement, inputs, gradientType(operand.getType())));
  }
  return llc::success();
}

// The ODS field `adjoint`: reads operands, results and d<result>; computes d<operand>.
Status writtenAdjoint(mlir::Operation *op, mlir::OpBuilder &builder, mlir::ValueRange gradients,
                      llvm::SmallVectorImpl<mlir::Value> &operandGradients) {
  auto indexed = mlir::cast<Indexed>(op);
  LLC_ASSIGN(index::Program program, boundProgram(indexed.meaningText().adjoint, op->getAttrDictionary()));
  std::vector<std::string> names = indexed.operandNames();
  Scope<mlir::Value> scope = bindOperands<mlir::Value>(names, op->getOperands());
  Scope<mlir::RankedTensorType> types;
  for (auto [name, operand] : llvm::zip(names, op->getOperands()))
    if (isFloat(operand.getType())) types["d" + name] = gradientType(operand.getType());
  for (auto [name, result, gradient] : llvm::zip(resultNames(op), op->getResults(), gradients)) {
    scope[name] = result;
    scope["d" + name] = gradient;
  }
  std::vector<EmittedStep> steps;
  LLC_TRY(emitProgram(program, builder, op, scope, {}, types, steps));
  operandGradients.assign(op->getNumOperands(), mlir::Value());
  for (auto [position, name] : llvm::enumerate(names))
    if (auto found = scope.find("d" + name); found != scope.end()) operandGradients[position] = found->second;
  return llc::success();
}

Status derivedAdjoint(mlir::Operation *op, mlir::OpBuilder &builder, mlir::ValueRange gradients,
                      llvm::SmallVectorImpl<mlir::Value> &operandGradients) {
  auto indexed = mlir::cast<Indexed>(op);
  LLC_ASSIGN(index::Program program, indexed.buildProgram());
  Scope<mlir::Value> scope = bindOperands<mlir::Value>(indexed.operandNames(), op->getOperands()), results;
  for (auto [name, result] : llvm::zip(resultNames(op), op->getResults())) results[name] = result;
  std::vector<EmittedStep> steps;
  LLC_TRY(emitProgram(program, builder, op, scope, results, {}, steps));
  Gradients sums(builder, op->getLoc());
  for (auto [result, gradient] : llvm::zip(op->getResults(), gradients)) sums.add(result, gradient);
  for (const EmittedStep &step : llvm::reverse(steps)) LLC_TRY(adjointOfStep(step, builder, op->getLoc(), sums));
  sums.collect(op->getOperands(), operandGradients);
  return llc::success();
}

}  // namespace

Status emitProgram(const index::Program &program, mlir::OpBuilder &builder, mlir::Operation *op,
                   Scope<mlir::Value> &scope, const Scope<mlir::Value> &known,
                   const Scope<mlir::RankedTensorType> &types, std::vector<EmittedStep> &steps) {
  mlir::TypeRange deciding =
      op->getNumOperands() ? mlir::TypeRange(op->getOperandTypes()) : mlir::TypeRange(op->getResultTypes());
  mlir::Type element = atLeastF32(widestElement(deciding));
  auto typeOf = [&](const index::Statement &concrete,
                    llvm::ArrayRef<mlir::Value> inputs) -> Result<mlir::RankedTensorType> {
    if (auto given = types.find(concrete.name); given != types.end()) return given->second;
    std::vector<Shape> shapes;
    for (mlir::Value input : inputs) shapes.push_back(shapeOf(input.getType()));
    LLC_ASSIGN(Shape shape, index::resultShape(concrete, shapes));
    return mlir::RankedTensorType::get(shape, element);
  };
  auto step = [&](const index::Statement &concrete, const std::vector<mlir::Value> &inputs) -> Result<mlir::Value> {
    mlir::Value value;
    if (auto computed = known.find(concrete.name); computed != known.end()) {
      value = computed->second;
    } else {
      LLC_ASSIGN(mlir::RankedTensorType type, typeOf(concrete, inputs));
      value = emit(builder, op->getLoc(), concrete, inputs, type);
    }
    steps.push_back({concrete, inputs, value});
    return value;
  };
  return runProgram<mlir::Value>(program, scope, [](mlir::Value value) { return shapeOf(value.getType()); }, step);
}

mlir::Value emit(mlir::OpBuilder &builder, mlir::Location location, const index::Statement &concrete,
                 mlir::ValueRange operands, mlir::RankedTensorType type) {
  llvm::SmallVector<mlir::Value> inputs(operands);
  index::Statement statement = dropShapeOnly(concrete, inputs, type);
  mlir::StringAttr signature = builder.getStringAttr(statement.signature());
  if (isContraction(statement, inputs, type))
    return builder.create<ContractOp>(location, type, inputs[0], inputs[1], signature);
  return builder.create<GenericOp>(location, type, inputs, signature,
                                   builder.getStringAttr(index::print(statement.body)),
                                   builder.getStringAttr(statement.combiner));
}

static mlir::Value filledLike(mlir::OpBuilder &builder, mlir::Location location, mlir::Value value, double number) {
  index::Statement statement;
  statement.inputs = {lettersOf(value)};
  statement.output = statement.inputs[0];
  statement.body = index::number(number);
  return emit(builder, location, statement, value, gradientType(value.getType()));
}

mlir::Value zerosLike(mlir::OpBuilder &builder, mlir::Location location, mlir::Value value) {
  return filledLike(builder, location, value, 0);
}

mlir::Value onesLike(mlir::OpBuilder &builder, mlir::Location location, mlir::Value value) {
  return filledLike(builder, location, value, 1);
}

mlir::Value sumOf(mlir::OpBuilder &builder, mlir::Location location, mlir::Value left, mlir::Value right) {
  if (!left) return right;
  index::Statement statement;
  statement.inputs = {lettersOf(left), lettersOf(left)};
  statement.output = statement.inputs[0];
  statement.body = index::call("add", {index::operand(0), index::operand(1)});
  return emit(builder, location, statement, {left, right}, mlir::cast<mlir::RankedTensorType>(left.getType()));
}

bool isSum(mlir::Operation *op) {
  if (op->getNumOperands() != 2 || op->getNumResults() != 1 || !hasProgram(op)) return false;
  mlir::Type type = op->getResult(0).getType();
  if (op->getOperand(0).getType() != type || op->getOperand(1).getType() != type) return false;
  auto statements = concreteStatements(op);
  if (!statements.ok() || statements->size() != 1) return false;
  const index::Statement &sum = statements->front();
  bool alike = llvm::all_of(sum.inputs, [&](const std::string &input) { return input == sum.output; });
  return alike && sum.combiner.empty() && sum.inputs.size() == 2 && index::print(sum.body) == "a+b";
}

llvm::LogicalResult decompose(mlir::Operation *op, mlir::OpBuilder &builder,
                              llvm::SmallVectorImpl<mlir::Value> &results) {
  auto indexed = mlir::cast<Indexed>(op);
  if (!hasProgram(op) || mlir::isa<GenericOp, ContractOp>(op))
    return op->emitOpError("is primitive: it has no decomposition");
  auto program = indexed.buildProgram();
  if (!program.ok()) return report(op, program.error());
  Scope<mlir::Value> scope = bindOperands<mlir::Value>(indexed.operandNames(), op->getOperands());
  Scope<mlir::RankedTensorType> types;
  for (auto [name, type] : llvm::zip(resultNames(op), op->getResultTypes()))
    types[name] = mlir::cast<mlir::RankedTensorType>(type);
  std::vector<EmittedStep> steps;
  Status status = emitProgram(*program, builder, op, scope, {}, types, steps);
  if (!status.ok()) return report(op, status.error());
  for (const std::string &name : resultNames(op)) results.push_back(scope[name]);
  return mlir::success();
}

llvm::LogicalResult buildAdjoint(mlir::Operation *op, mlir::OpBuilder &builder, mlir::ValueRange gradients,
                                 llvm::SmallVectorImpl<mlir::Value> &operandGradients) {
  const MeaningText &text = mlir::cast<Indexed>(op).meaningText();
  if (*text.notDifferentiable)
    return op->emitOpError("is not differentiable: ") << text.notDifferentiable << "; to fix: keep it out of the loss";
  llvm::SmallVector<mlir::Value> all;
  for (auto [result, gradient] : llvm::zip(op->getResults(), gradients))
    all.push_back(gradient || !isFloat(result.getType()) ? gradient : zerosLike(builder, op->getLoc(), result));
  Status status = *text.adjoint ? writtenAdjoint(op, builder, all, operandGradients)
                                : derivedAdjoint(op, builder, all, operandGradients);
  return status.ok() ? mlir::success() : report(op, status.error());
}

llvm::LogicalResult reverse(llvm::ArrayRef<mlir::Operation *> ops, mlir::OpBuilder &builder, mlir::Location location,
                            mlir::ValueRange results, mlir::ValueRange gradients, mlir::ValueRange operands,
                            llvm::SmallVectorImpl<mlir::Value> &operandGradients) {
  Gradients sums(builder, location);
  for (auto [result, gradient] : llvm::zip(results, gradients)) sums.add(result, gradient);
  for (mlir::Operation *op : llvm::reverse(ops)) {
    llvm::SmallVector<mlir::Value> own, inputs;
    for (mlir::Value result : op->getResults()) own.push_back(sums.of(result));
    if (llvm::none_of(own, [](mlir::Value value) { return bool(value); })) continue;
    auto differentiable = mlir::dyn_cast<Differentiable>(op);
    if (!differentiable)
      return op->emitError("has no adjoint, and a gradient passes through it; to fix: use ops of the llm dialect");
    if (mlir::failed(differentiable.buildAdjoint(builder, own, inputs))) return mlir::failure();
    for (auto [operand, gradient] : llvm::zip(op->getOperands(), inputs)) sums.add(operand, gradient);
  }
  sums.collect(operands, operandGradients);
  return mlir::success();
}

llvm::LogicalResult adjointThroughDecomposition(mlir::Operation *op, mlir::OpBuilder &builder,
                                                mlir::ValueRange gradients,
                                                llvm::SmallVectorImpl<mlir::Value> &operandGradients) {
  mlir::Block *block = builder.getInsertionBlock();
  mlir::Block::iterator end = builder.getInsertionPoint();
  mlir::Operation *before = end == block->begin() ? nullptr : &*std::prev(end);
  llvm::SmallVector<mlir::Value> results;
  if (mlir::failed(mlir::cast<Decomposable>(op).decompose(builder, results))) return mlir::failure();
  llvm::SmallVector<mlir::Operation *> emitted;
  for (auto place = before ? std::next(before->getIterator()) : block->begin(); place != end; ++place)
    emitted.push_back(&*place);
  return reverse(emitted, builder, op->getLoc(), results, gradients, op->getOperands(), operandGradients);
}

}  // namespace llc::llm::derive
