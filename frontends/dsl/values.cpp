// Values, scopes, parameters, and the ops whose functions need more than the generator knows.
#include "dialect/ops/llm.h"
#include "frontends/dsl/ops.h"
#include "frontends/dsl/ops_support.h"
#include "frontends/dsl/program.h"

namespace llc::dsl {
namespace {
mlir::RankedTensorType tensorType(Value value) { return mlir::cast<mlir::RankedTensorType>(unwrap(value).getType()); }

mlir::RankedTensorType tensorType(ProgramState &state, Shape shape, DType type) {
  for (int64_t &size : shape)
    if (size == dynamicSize) size = mlir::ShapedType::kDynamic;
  return mlir::RankedTensorType::get(shape, state.elementType(type));
}

std::string shapeText(const Shape &shape) {
  std::string text = "[";
  for (int64_t size : shape)
    text += (text.size() > 1 ? ", " : "") + (size == dynamicSize ? std::string("?") : std::to_string(size));
  return text + "]";
}

void require(Tensor x, const char *op) {
  if (!x)
    fail(diagnose(ErrorKind::invalidInput).says(std::string(op) + " got an absent value").toFix("give it a tensor"));
}

// `shape` with its dynamicSize replaced by what the elements of a static type leave for it.
Shape withKnownRows(mlir::RankedTensorType type, Shape shape) {
  auto rows = llvm::find(shape, dynamicSize);
  if (rows == shape.end() || !type.hasStaticShape()) return shape;
  int64_t others = 1;
  for (int64_t size : shape) others *= size == dynamicSize ? 1 : size;
  if (others > 0 && type.getNumElements() % others == 0) *rows = type.getNumElements() / others;
  return shape;  // if it does not fit, the op's verifier says so
}

mlir::Attribute toAttribute(ProgramState &state, const Attribute &value) {
  mlir::Builder builder(&state.context);
  struct Visitor {
    mlir::Builder &builder;
    ProgramState &state;
    mlir::Attribute operator()(NoAttribute) { return {}; }
    mlir::Attribute operator()(int64_t number) { return builder.getI64IntegerAttr(number); }
    mlir::Attribute operator()(double number) { return builder.getF64FloatAttr(number); }
    mlir::Attribute operator()(bool flag) { return builder.getBoolAttr(flag); }
    mlir::Attribute operator()(FlagAttribute flag) { return flag.set ? builder.getUnitAttr() : mlir::Attribute(); }
    mlir::Attribute operator()(const std::string &text) { return builder.getStringAttr(text); }
    mlir::Attribute operator()(const std::vector<int64_t> &list) { return builder.getDenseI64ArrayAttr(list); }
    mlir::Attribute operator()(DType type) { return mlir::TypeAttr::get(state.elementType(type)); }
  };
  return std::visit(Visitor{builder, state}, value);
}

mlir::Operation *build(const char *name, OperandGroups operands, NamedAttributes attributes, bool segments,
                       std::optional<mlir::Type> result) {
  ProgramState &state = currentState();
  mlir::OperationState op(state.location(), name);
  std::vector<int32_t> sizes;
  for (const std::vector<Value> &group : operands) {
    sizes.push_back(int32_t(group.size()));
    for (Value value : group) {
      if (!value)
        fail(diagnose(ErrorKind::invalidInput)
                 .says(std::string("'") + name + "' got an absent value")
                 .toFix("give it a tensor"));
      op.addOperands(state.resolve(unwrap(value)));
    }
  }
  for (auto &[key, value] : attributes)
    if (mlir::Attribute attribute = toAttribute(state, value)) op.addAttribute(key, attribute);
  if (segments) op.addAttribute("operandSegmentSizes", mlir::DenseI32ArrayAttr::get(&state.context, sizes));
  if (result) op.addTypes(*result);
  return state.insert(op, !result);
}
}  // namespace

Shape Tensor::shape() const {
  Shape shape;
  for (int64_t size : tensorType(*this).getShape())
    shape.push_back(mlir::ShapedType::isDynamic(size) ? dynamicSize : size);
  return shape;
}
int64_t Tensor::rank() const { return tensorType(*this).getRank(); }
int64_t Tensor::size(int64_t dimension) const {
  Shape all = shape();
  if (dimension < 0) dimension += int64_t(all.size());
  if (dimension < 0 || dimension >= int64_t(all.size()))
    fail(diagnose(ErrorKind::invalidInput)
             .says("dimension " + std::to_string(dimension) + " of a tensor " + shapeText(all))
             .toFix("ask for a dimension it has"));
  return all[dimension];
}
DType Tensor::dtype() const {
  mlir::Type type = tensorType(*this).getElementType();
  for (DType known : {DType::f32, DType::f16, DType::bf16, DType::f64, DType::i64, DType::i32, DType::i16, DType::i8,
                      DType::u8, DType::boolean})
    if (currentState().elementType(known) == type) return known;
  fail(diagnose(ErrorKind::unsupported).says("an element type without a name here").toFix("cast it first"));
}

Scope::Scope(std::string_view name) { currentState().scopes.emplace_back(name); }
Scope::~Scope() { currentState().scopes.pop_back(); }
std::string scopeName() { return currentState().scope(0); }

Value makeOp(const char *name, OperandGroups operands, NamedAttributes attributes, bool segments) {
  return wrap<Value>(build(name, operands, attributes, segments, std::nullopt)->getResult(0));
}
Value makeOp(const char *name, OperandGroups operands, NamedAttributes attributes, bool segments, const Shape &shape,
             DType type) {
  return wrap<Value>(
      build(name, operands, attributes, segments, tensorType(currentState(), shape, type))->getResult(0));
}
std::vector<Value> makeOps(const char *name, OperandGroups operands, NamedAttributes attributes, bool segments) {
  std::vector<Value> results;
  for (mlir::Value result : build(name, operands, attributes, segments, std::nullopt)->getResults())
    results.push_back(wrap<Value>(result));
  return results;
}

Tensor parameter(std::string_view name, const Shape &shape) {
  ProgramState &state = currentState();
  std::string scope = state.scope(0), full = scope.empty() ? std::string(name) : scope + "." + std::string(name);
  auto known = state.parameters.find(full);
  if (known == state.parameters.end()) {
    Result<DType> type = state.types(full, shape);
    if (!type.ok()) fail(std::move(type.error()));
    known = state.parameters.emplace(full, tensorType(state, shape, *type)).first;
    // Declarations stand in front of the functions, in the order of first use.
    mlir::OpBuilder builder(&state.context);
    mlir::Block *body = state.module->getBody();
    auto firstFunction = llvm::find_if(*body, [](mlir::Operation &op) { return mlir::isa<mlir::func::FuncOp>(op); });
    builder.setInsertionPoint(body, firstFunction);
    mlir::NameLoc location = mlir::NameLoc::get(builder.getStringAttr(full));
    builder.create<llm::ParameterOp>(location, builder.getStringAttr(full), mlir::TypeAttr::get(known->second));
  }
  if (known->second.getShape() != llvm::ArrayRef<int64_t>(shape))
    fail(diagnose(ErrorKind::internal)
             .says("parameter '" + full + "' is used with two shapes")
             .toFix("report this with the model's config.json"));
  mlir::Value &use = state.uses[full];
  if (!use) {
    mlir::NameLoc location = mlir::NameLoc::get(mlir::StringAttr::get(&state.context, full));
    use = state.entryFrame().builder.create<llm::UseOp>(location, known->second,
                                                        mlir::FlatSymbolRefAttr::get(&state.context, full));
  }
  return wrap<Tensor>(use);
}

Tensor constant(const std::vector<float> &values, const Shape &shape) {
  ProgramState &state = currentState();
  mlir::RankedTensorType type = tensorType(state, shape, DType::f32);
  if (type.getNumElements() != int64_t(values.size()))
    fail(diagnose(ErrorKind::internal)
             .says(std::to_string(values.size()) + " values for a constant " + shapeText(shape))
             .toFix("report this"));
  mlir::OperationState op(state.location(), llm::ConstantOp::getOperationName());
  op.addAttribute("value", mlir::DenseElementsAttr::get(type, llvm::ArrayRef<float>(values)));
  op.addTypes(type);
  return wrap<Tensor>(state.insert(op, false)->getResult(0));
}
Tensor scalar(float value) { return constant({value}, {1}); }

Kv cacheLayer(int64_t number, int64_t heads, int64_t keySize, int64_t valueSize) {
  ProgramState &state = currentState();
  auto type = llm::KvType::get(&state.context, heads, keySize, valueSize, state.elementType(state.cacheType));
  mlir::Value &cache = state.caches[number];
  // In the entry, like parameters: a block that named its layer could not be shared.
  if (!cache) cache = state.entryFrame().builder.create<llm::CacheLayerOp>(state.location(), type, number);
  if (cache.getType() != type)
    fail(diagnose(ErrorKind::internal)
             .says("the cache of layer " + std::to_string(number) + " is used with two shapes")
             .toFix("report this"));
  return wrap<Kv>(cache);
}

Tensor reshape(Tensor x, const Shape &shape) {
  require(x, "reshape");
  return reshape(x, withKnownRows(tensorType(x), shape), x.dtype());
}
Tensor cast(Tensor x, DType type) {
  require(x, "cast");
  if (x.dtype() == type) return x;
  return cast(x, x.shape(), type);
}

}  // namespace llc::dsl
