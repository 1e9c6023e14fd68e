// Programs of ops and what follows for types: text fields, parsing once, inference, verification.
#include "dialect/interfaces/derive.h"

#include <mutex>
#include <unordered_map>

#include "dialect/interfaces/derive_internal.h"
#include "dialect/interfaces/interfaces.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Diagnostics.h"

static_assert(llc::index::dynamicExtent == mlir::ShapedType::kDynamic);

namespace llc::llm::derive {
namespace {

// Texts parse once per process: ops are created and queried far more often than there are texts.
template <class T>
class ParseCache {
 public:
  template <class Parse>
  Result<T> get(const std::string &key, Parse parse) {
    std::lock_guard lock(mutex_);
    auto found = entries_.find(key);
    if (found != entries_.end()) return found->second;
    LLC_ASSIGN(T value, parse());
    entries_.emplace(key, value);
    return value;
  }

 private:
  std::mutex mutex_;
  std::unordered_map<std::string, T> entries_;
};

// "%name|fallback" is the string attribute or the fallback; "?name A : B" chooses by a boolean attribute.
std::string resolveField(llvm::StringRef field, mlir::DictionaryAttr attributes) {
  if (field.consume_front("%")) {
    auto [name, fallback] = field.split('|');
    auto attribute = attributes.getAs<mlir::StringAttr>(name);
    return attribute ? attribute.str() : fallback.str();
  }
  if (field.consume_front("?")) {
    auto [name, choices] = field.split(' ');
    auto [yes, no] = choices.split(" : ");
    auto attribute = attributes.getAs<mlir::BoolAttr>(name);
    return (attribute && attribute.getValue() ? yes : no).trim().str();
  }
  return field.str();
}

std::optional<double> numberOf(mlir::Attribute attribute) {
  if (auto real = mlir::dyn_cast_or_null<mlir::FloatAttr>(attribute)) return real.getValueAsDouble();
  if (auto flag = mlir::dyn_cast_or_null<mlir::BoolAttr>(attribute)) return flag.getValue();
  if (auto integer = mlir::dyn_cast_or_null<mlir::IntegerAttr>(attribute))
    return static_cast<double>(integer.getValue().getSExtValue());
  return std::nullopt;
}

Result<index::Statement> parsedStatement(const std::string &signature, const std::string &body,
                                         const std::string &combiner) {
  static ParseCache<index::Statement> cache;
  return cache.get(signature + '\n' + body + '\n' + combiner,
                   [&] { return index::makeStatement(signature, body, combiner); });
}

Status bindAll(index::Program &program, mlir::DictionaryAttr attributes) {
  auto lookup = [&](std::string_view name) { return numberOf(attributes.get(llvm::StringRef(name))); };
  for (index::Statement &statement : program.statements) {
    LLC_ASSIGN(statement, index::bindAttributes(statement, lookup));
  }
  return llc::success();
}

bool reducesBySum(const index::Program &program) {
  for (const index::Statement &statement : program.statements)
    if (statement.combiner == "sum" || statement.combiner == "prod") return true;
  return false;
}

// The one rule for result element types: the widest float among the deciding operands; sums and products accumulate in
// f32, so whatever reduces by them gives at least f32. Encodings never survive.
mlir::Type resultElement(const MeaningText &text, const index::Program &program, const std::vector<std::string> &names,
                         mlir::ValueRange operands) {
  std::vector<std::string> deciding = splitNames(text.elementFrom);
  llvm::SmallVector<mlir::Type> types;
  for (auto [position, operand] : llvm::enumerate(operands)) {
    bool decides = deciding.empty() || (position < names.size() && llvm::is_contained(deciding, names[position]));
    if (decides) types.push_back(operand.getType());
  }
  mlir::Type element = widestElement(types);
  return text.widens || reducesBySum(program) ? atLeastF32(element) : element;
}

}  // namespace

std::vector<std::string> splitNames(const char *names) {
  llvm::SmallVector<llvm::StringRef> parts;
  llvm::StringRef(names).split(parts, ',', -1, false);
  std::vector<std::string> result;
  for (llvm::StringRef part : parts) result.push_back(part.str());
  return result;
}

// ---- programs
bool isOverridden(mlir::Operation *op, llvm::StringRef facet) {
  auto indexed = mlir::dyn_cast<Indexed>(op);
  if (!indexed) return false;
  llvm::SmallVector<llvm::StringRef> byHand;  // no copies: verifiers ask this of every op
  llvm::StringRef(indexed.meaningText().byHand).split(byHand, ',', -1, false);
  return llvm::is_contained(byHand, facet);
}

bool hasProgram(mlir::Operation *op) {
  auto indexed = mlir::dyn_cast<Indexed>(op);
  if (!indexed) return false;
  const MeaningText &text = indexed.meaningText();
  return *text.signature || *text.program || isOverridden(op, "buildProgram");
}

std::vector<std::string> operandNames(mlir::Operation *op) {
  std::vector<std::string> names = splitNames(mlir::cast<Indexed>(op).meaningText().operandNames);
  for (size_t position = names.size(); position < op->getNumOperands(); ++position)
    names.push_back(std::to_string(position));
  names.resize(op->getNumOperands());
  return names;
}

std::vector<std::string> resultNames(mlir::Operation *op) {
  return splitNames(mlir::cast<Indexed>(op).meaningText().resultNames);
}

Result<index::Program> boundProgram(llvm::StringRef text, mlir::DictionaryAttr attributes) {
  static ParseCache<index::Program> cache;
  LLC_ASSIGN(index::Program program, cache.get(text.str(), [&] { return index::parse(std::string_view(text)); }));
  LLC_TRY(bindAll(program, attributes));
  return program;
}

Result<index::Program> programOf(const MeaningText &text, mlir::DictionaryAttr attributes) {
  if (*text.program) return boundProgram(text.program, attributes);
  if (!*text.signature)
    return diagnose(ErrorKind::unsupported)
        .says("the op has no program")
        .toFix("write this facet by hand in the op's .cpp");
  LLC_ASSIGN(index::Statement statement,
             parsedStatement(resolveField(text.signature, attributes), resolveField(text.body, attributes),
                             resolveField(text.combiner, attributes)));
  statement.name = text.resultNames;
  index::Program program;
  program.statements.push_back(std::move(statement));
  LLC_TRY(bindAll(program, attributes));
  return program;
}

Result<index::Program> buildProgram(mlir::Operation *op) {
  return programOf(mlir::cast<Indexed>(op).meaningText(), op->getAttrDictionary());
}

Result<index::Program> programFromText(mlir::Operation *op, llvm::StringRef text) {
  return boundProgram(text, op->getAttrDictionary());
}

Result<index::Statement> statementFromText(mlir::Operation *op, llvm::StringRef signature, llvm::StringRef body,
                                           llvm::StringRef combiner) {
  LLC_ASSIGN(index::Statement statement, parsedStatement(signature.str(), body.str(), combiner.str()));
  statement.name = mlir::cast<Indexed>(op).meaningText().resultNames;
  return statement;
}

Result<std::vector<index::Statement>> concreteStatements(mlir::Operation *op) {
  auto indexed = mlir::cast<Indexed>(op);
  LLC_ASSIGN(index::Program program, indexed.buildProgram());
  std::vector<Shape> shapes;
  for (mlir::Type type : op->getOperandTypes()) shapes.push_back(shapeOf(type));
  std::vector<std::string> names = indexed.operandNames();
  Scope<Shape> scope = bindOperands<Shape>(names, shapes);
  Scope<Shape> results;
  for (auto [name, type] : llvm::zip(resultNames(op), op->getResultTypes())) results[name] = shapeOf(type);
  std::vector<index::Statement> statements;
  auto step = [&](const index::Statement &concrete, const std::vector<Shape> &operands) -> Result<Shape> {
    statements.push_back(concrete);
    for (std::string &name : statements.back().inputNames)
      if (size_t position = 0; !llvm::StringRef(name).getAsInteger(10, position) && position < names.size())
        name = names[position];
    if (auto known = results.find(concrete.name); known != results.end()) return known->second;
    return index::resultShape(concrete, operands);
  };
  LLC_TRY(runProgram<Shape>(program, scope, [](const Shape &shape) { return shape; }, step));
  return statements;
}

// ---- types
Shape shapeOf(mlir::Type type) {
  auto tensor = mlir::dyn_cast<mlir::RankedTensorType>(type);
  return tensor ? Shape(tensor.getShape().begin(), tensor.getShape().end()) : Shape();
}

bool isFloat(mlir::Type type) { return mlir::isa<mlir::FloatType>(mlir::getElementTypeOrSelf(type)); }

mlir::Type widestElement(mlir::TypeRange types) {
  mlir::Type widest, first;
  for (mlir::Type type : types) {
    mlir::Type element = mlir::getElementTypeOrSelf(type);
    if (!first) first = element;
    if (!mlir::isa<mlir::FloatType>(element)) continue;
    if (!widest || element.getIntOrFloatBitWidth() > widest.getIntOrFloatBitWidth())
      widest = element;
    else if (element != widest && element.getIntOrFloatBitWidth() == widest.getIntOrFloatBitWidth())
      widest = mlir::Float32Type::get(element.getContext());  // bf16 with f16
  }
  return widest ? widest : first;
}

mlir::Type atLeastF32(mlir::Type element) {
  if (!mlir::isa<mlir::FloatType>(element) || element.getIntOrFloatBitWidth() >= 32) return element;
  return mlir::Float32Type::get(element.getContext());
}

mlir::RankedTensorType gradientType(mlir::Type type) {
  auto tensor = mlir::cast<mlir::RankedTensorType>(type);
  return mlir::RankedTensorType::get(tensor.getShape(), atLeastF32(tensor.getElementType()));
}

Result<llvm::SmallVector<mlir::Type>> inferTypes(const MeaningText &text, mlir::ValueRange operands,
                                                 mlir::DictionaryAttr attributes) {
  LLC_ASSIGN(index::Program program, programOf(text, attributes));
  std::vector<Shape> shapes;
  for (mlir::Value operand : operands) {
    if (!mlir::isa<mlir::RankedTensorType>(operand.getType()))
      return diagnose(ErrorKind::invalidInput).says("an operand is no ranked tensor").toFix("give tensors");
    shapes.push_back(shapeOf(operand.getType()));
  }
  std::vector<std::string> names = splitNames(text.operandNames);
  Scope<Shape> scope = bindOperands<Shape>(names, shapes);
  auto step = [](const index::Statement &concrete, const std::vector<Shape> &inputs) {
    return index::resultShape(concrete, inputs);
  };
  LLC_TRY(runProgram<Shape>(program, scope, [](const Shape &shape) { return shape; }, step));
  mlir::Type element = resultElement(text, program, names, operands);
  llvm::SmallVector<mlir::Type> types;
  for (const std::string &name : splitNames(text.resultNames))
    types.push_back(mlir::RankedTensorType::get(scope[name], element));
  return types;
}

bool compatible(mlir::TypeRange left, mlir::TypeRange right) {
  if (left.size() != right.size()) return false;
  for (auto [one, other] : llvm::zip(left, right)) {
    auto oneTensor = mlir::dyn_cast<mlir::RankedTensorType>(one),
         otherTensor = mlir::dyn_cast<mlir::RankedTensorType>(other);
    bool refines = oneTensor && otherTensor && oneTensor.getElementType() == otherTensor.getElementType() &&
                   oneTensor.getEncoding() == otherTensor.getEncoding() &&
                   mlir::succeeded(mlir::verifyCompatibleShape(oneTensor, otherTensor));
    if (one != other && !refines) return false;
  }
  return true;
}

static std::string messageOf(const Error &error) {
  std::string place = error.where.empty() ? "" : error.where + ": ";
  return place + error.what + "; to fix: " + error.remedy;
}

llvm::LogicalResult report(std::optional<mlir::Location> location, const Error &error) {
  if (!location) return mlir::failure();
  return mlir::emitError(*location, messageOf(error));
}

llvm::LogicalResult report(mlir::Operation *op, const Error &error) { return op->emitOpError(messageOf(error)); }

// Ops whose types are inferred are checked by their trait; here the rest, whose result types are written.
llvm::LogicalResult verifyProgram(mlir::Operation *op) {
  if (!hasProgram(op) || mlir::isa<mlir::InferTypeOpInterface>(op)) return mlir::success();
  auto statements = concreteStatements(op);
  if (!statements.ok()) return report(op, statements.error());
  if (statements->size() != 1) return mlir::success();
  std::vector<Shape> shapes;
  for (mlir::Type type : op->getOperandTypes()) shapes.push_back(shapeOf(type));
  Shape result = shapeOf(op->getResult(0).getType());
  auto extents = index::bindLetters(statements->front(), shapes, &result);
  return extents.ok() ? mlir::success() : report(op, extents.error());
}

}  // namespace llc::llm::derive
