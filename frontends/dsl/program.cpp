#include "frontends/dsl/program.h"

#include "dialect/ops/llm.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"

namespace llc::dsl {
namespace {
thread_local ProgramState *tracing = nullptr;

// Collects what MLIR says while it lives, instead of printing it.
struct Listener {
  explicit Listener(mlir::MLIRContext &context)
      : handler(&context, [this](mlir::Diagnostic &diagnostic) {
          if (diagnostic.getSeverity() == mlir::DiagnosticSeverity::Error) {
            if (!text.empty()) text += "; ";
            text += diagnostic.str();
          }
          return mlir::success();
        }) {}
  std::string text;
  mlir::ScopedDiagnosticHandler handler;
};

Error traceError(const std::string &text, std::string_view op) {
  return diagnose(ErrorKind::invalidInput)
      .says(text.empty() ? "'" + std::string(op) + "' refuses its operands" : text)
      .toFix("compare the sizes in the configuration with what this part of the model expects");
}

// Fills state.types by the op's type inference.
bool inferTypes(mlir::OperationState &state) {
  auto info = state.name.getRegisteredInfo();
  auto *interface = info ? info->getInterface<mlir::InferTypeOpInterface>() : nullptr;
  if (!interface) return false;
  mlir::MLIRContext *context = state.getContext();
  mlir::DictionaryAttr attributes = state.attributes.getDictionary(context);
  std::vector<std::max_align_t> storage(info->getOpPropertyByteSize() / sizeof(std::max_align_t) + 1);
  mlir::OpaqueProperties properties(info->getOpPropertyByteSize() ? storage.data() : nullptr);
  if (properties) {
    info->initOpProperties(properties, nullptr);
    info->populateDefaultProperties(properties);
    auto emitError = [&] { return mlir::emitError(state.location); };
    if (failed(info->setOpPropertiesFromAttribute(state.name, properties, attributes, emitError))) return false;
  }
  auto inferred = interface->inferReturnTypes(context, state.location, state.operands, attributes, properties,
                                              state.regions, state.types);
  if (properties) info->destroyOpProperties(properties);
  return succeeded(inferred);
}
}  // namespace

ProgramState &currentState() {
  assert(tracing && "ops can only be used while Program::entry runs");
  return *tracing;
}

ProgramState::ProgramState(mlir::MLIRContext &where, std::string model, Bounds bounds, DType cache,
                           ParameterTypes named)
    : context(where), cacheType(cache), types(std::move(named)) {
  context.loadDialect<llm::LlmDialect, mlir::func::FuncDialect>();
  mlir::OpBuilder builder(&context);
  module = mlir::ModuleOp::create(mlir::NameLoc::get(builder.getStringAttr(model)));
  (*module)->setAttr("llm.model", builder.getStringAttr(model));
  (*module)->setAttr("llm.max_tokens", builder.getI64IntegerAttr(bounds.maxTokens));
  (*module)->setAttr("llm.max_rows", builder.getI64IntegerAttr(bounds.maxRows));
  (*module)->setAttr("llm.max_context", builder.getI64IntegerAttr(bounds.maxContext));
}
ProgramState::~ProgramState() = default;

std::unique_ptr<ProgramState> makeState(mlir::MLIRContext &context, std::string model, Bounds bounds, DType cacheType,
                                        ParameterTypes types) {
  return std::make_unique<ProgramState>(context, std::move(model), bounds, cacheType, std::move(types));
}

std::string ProgramState::scope(size_t first) const {
  std::string name;
  for (size_t i = first; i < scopes.size(); ++i)
    if (!scopes[i].empty()) name += (name.empty() ? "" : ".") + scopes[i];
  return name;
}

mlir::Location ProgramState::location() {
  std::string name = scope(frame->firstScope);
  return mlir::NameLoc::get(
      mlir::StringAttr::get(&context, name.empty() ? frame->function.getName() : llvm::StringRef(name)));
}

mlir::Type ProgramState::elementType(DType type) {
  mlir::Builder builder(&context);
  switch (type) {
    case DType::f32:
      return builder.getF32Type();
    case DType::f16:
      return builder.getF16Type();
    case DType::bf16:
      return builder.getBF16Type();
    case DType::f64:
      return builder.getF64Type();
    case DType::i64:
      return builder.getI64Type();
    case DType::i32:
      return builder.getI32Type();
    case DType::i16:
      return builder.getIntegerType(16);
    case DType::i8:
      return builder.getI8Type();
    case DType::u8:
      return builder.getIntegerType(8, false);
    case DType::boolean:
      return builder.getI1Type();
  }
  return {};
}

Frame &ProgramState::entryFrame() {
  Frame *entry = frame;
  while (entry->outer) entry = entry->outer;
  return *entry;
}

mlir::Value ProgramState::resolve(mlir::Value value) {
  if (value.getParentRegion() == &frame->function.getBody()) return value;
  for (size_t i = 0; i < frame->captured.size(); ++i)
    if (frame->captured[i] == value) return frame->function.getArgument(i);
  Frame *owner = frame->outer;
  while (owner && value.getParentRegion() != &owner->function.getBody()) owner = owner->outer;
  if (!owner)
    fail(diagnose(ErrorKind::internal)
             .says("a value is used outside of the block or entry that made it")
             .toFix("let the block return it"));
  // It reaches this function through every function in between: the call that is made later resolves it again.
  frame->captured.push_back(value);
  mlir::Value argument = frame->function.getBody().front().addArgument(value.getType(), value.getLoc());
  std::string dimension = owner->dimensions.lookup(value);
  frame->argumentDimensions.push_back(dimension);
  if (!dimension.empty()) frame->dimensions[argument] = dimension;
  return argument;
}

mlir::Operation *ProgramState::insert(mlir::OperationState &state, bool infer) {
  Listener listener(context);
  std::string name = state.name.getStringRef().str();
  if (!state.name.isRegistered())
    fail(diagnose(ErrorKind::internal)
             .says("the dialect has no op '" + name + "'")
             .toFix("report this with the model's config.json"));
  if (infer && !inferTypes(state)) fail(traceError(listener.text, name));
  std::string dimension;
  for (mlir::Value operand : state.operands)
    if (std::string found = frame->dimensions.lookup(operand); !found.empty()) dimension = found;
  mlir::Operation *op = frame->builder.create(state);
  if (failed(op->getName().verifyInvariants(op))) {
    op->erase();
    fail(traceError(listener.text, name));
  }
  for (mlir::Value result : op->getResults())
    if (auto type = mlir::dyn_cast<mlir::RankedTensorType>(result.getType());
        type && !type.hasStaticShape() && !dimension.empty())
      frame->dimensions[result] = dimension;
  return op;
}

void fail(Error error) {
  ProgramState &state = currentState();
  if (error.where.empty()) {
    std::string scope = state.scope(0);
    error.where = scope.empty() ? state.entryName : state.entryName + ": " + scope;
  }
  throw TraceFailure(std::move(error));
}

Program::Program(std::unique_ptr<ProgramState> state) : state_(std::move(state)) {}
Program::Program(std::string model, Bounds bounds, DType cacheType, ParameterTypes types) {
  auto context = std::make_unique<mlir::MLIRContext>(mlir::MLIRContext::Threading::DISABLED);
  state_ = std::make_unique<ProgramState>(*context, std::move(model), bounds, cacheType, std::move(types));
  state_->ownContext = std::move(context);
}
Program::Program(Program &&) noexcept = default;
// The module goes before its context.
Program::~Program() {
  if (!state_) return;
  auto context = std::move(state_->ownContext);
  state_.reset();
}

namespace {
// The function of an entry, with its arguments typed and named.
Frame makeEntryFrame(ProgramState &state, std::string_view name, const std::vector<Input> &inputs) {
  mlir::OpBuilder builder = mlir::OpBuilder::atBlockEnd(state.module->getBody());
  std::vector<mlir::Type> types;
  Frame frame{.builder = mlir::OpBuilder(&state.context)};
  for (const Input &input : inputs) {
    Shape shape = input.shape;
    for (int64_t &size : shape)
      if (size == dynamicSize) size = mlir::ShapedType::kDynamic;
    types.push_back(input.kind == Input::batch ? mlir::Type(llm::BatchType::get(&state.context))
                                               : mlir::RankedTensorType::get(shape, state.elementType(input.type)));
    frame.argumentDimensions.push_back(input.kind == Input::batch ? "" : input.dimension);
  }
  mlir::Location location = mlir::NameLoc::get(builder.getStringAttr(llvm::StringRef(name.data(), name.size())));
  frame.function = builder.create<mlir::func::FuncOp>(location, llvm::StringRef(name.data(), name.size()),
                                                      builder.getFunctionType(types, {}));
  mlir::Block *body = frame.function.addEntryBlock();
  frame.builder = mlir::OpBuilder::atBlockEnd(body);
  for (size_t i = 0; i < inputs.size(); ++i) {
    body->getArgument(i).setLoc(mlir::NameLoc::get(builder.getStringAttr(inputs[i].name)));
    if (!frame.argumentDimensions[i].empty()) frame.dimensions[body->getArgument(i)] = frame.argumentDimensions[i];
  }
  return frame;
}
}  // namespace

void finishFunction(ProgramState &state, Frame &frame, const Tensors &results) {
  llvm::SmallVector<mlir::Value> values;
  for (Tensor result : results) values.push_back(state.resolve(unwrap(result)));
  frame.builder.create<mlir::func::ReturnOp>(state.location(), values);
  auto arguments = frame.function.getBody().front().getArgumentTypes();
  frame.function.setType(mlir::FunctionType::get(&state.context, arguments, mlir::TypeRange(values)));
  mlir::Builder builder(&state.context);
  for (size_t i = 0; i < frame.argumentDimensions.size(); ++i)
    if (!frame.argumentDimensions[i].empty())
      frame.function.setArgAttr(i, "llm.dim", builder.getStringAttr(frame.argumentDimensions[i]));
}

Status Program::entry(std::string_view name, const std::vector<Input> &inputs, const TraceBody &body) {
  ProgramState &state = *state_;
  ProgramState *before = tracing;
  tracing = &state;
  state.entryName = name;
  state.uses.clear();
  state.caches.clear();
  Frame frame = makeEntryFrame(state, name, inputs);
  state.frame = &frame;
  Status status;
  try {
    std::vector<Value> values;
    for (mlir::Value argument : frame.function.getArguments()) values.push_back(wrap<Value>(argument));
    finishFunction(state, frame, body(values));
  } catch (TraceFailure &failure) {
    frame.function.erase();
    status = std::move(failure.error);
  }
  state.frame = nullptr;
  state.scopes.clear();
  tracing = before;
  return status;
}

std::string Program::print() const {
  std::string text;
  llvm::raw_string_ostream stream(text);
  state_->module->print(stream);
  return text;
}

Result<mlir::OwningOpRef<mlir::ModuleOp>> takeModule(Program &program) {
  ProgramState &state = program.state();
  Listener listener(state.context);
  if (failed(mlir::verify(*state.module)))
    return diagnose(ErrorKind::internal, "traced module")
        .says(listener.text)
        .toFix("report this with the model's config.json");
  return std::move(state.module);
}

}  // namespace llc::dsl
