#include "compiler/memory/stages.h"

#include "compiler/kernels/kernels.h"
#include "compiler/lowering/dense_product.h"
#include "compiler/memory/attention_spec.h"
#include "dialect/interfaces/interfaces.h"
#include "dialect/ops/llm.h"

namespace llc::compiler {
using namespace mlir;

StageKind stageKind(Operation *op) {
  if (isa<func::CallOp>(op)) return StageKind::call;
  if (isa<llm::ReshapeOp, llm::AfterOp>(op)) return StageKind::alias;
  if (isa<llm::UseOp, llm::ConstantOp, llm::CacheLayerOp, llm::SequenceLengthsOp>(op)) return StageKind::none;
  if (op->hasTrait<OpTrait::IsTerminator>()) return StageKind::none;
  return StageKind::kernel;
}

Value memoryOf(Value value) {
  while (Operation *op = value.getDefiningOp()) {
    if (stageKind(op) == StageKind::alias || isa<llm::CacheAppendOp>(op)) {
      value = op->getOperand(0);
    } else if (auto fused = dyn_cast<llm::FusedOp>(op); fused && isa<llm::KvType>(value.getType())) {
      Operation *yield = fused.getBody().front().getTerminator();
      Value inside = memoryOf(yield->getOperand(cast<OpResult>(value).getResultNumber()));
      value = op->getOperand(cast<BlockArgument>(inside).getArgNumber());
    } else {
      break;
    }
  }
  return value;
}

// From the end: MLIR's own look-up passes all parameters, which grow with a model's depth, before it comes to
// functions.
func::FuncOp functionNamed(ModuleOp module, StringRef name) {
  for (Operation &op : llvm::reverse(*module.getBody()))
    if (auto function = dyn_cast<func::FuncOp>(op); function && function.getName() == name) return function;
  return {};
}
func::FuncOp calleeOf(func::CallOp call) { return functionNamed(call->getParentOfType<ModuleOp>(), call.getCallee()); }

// ab -> ab
Value copyOf(OpBuilder &builder, Value value) {
  auto type = cast<RankedTensorType>(value.getType());
  std::string letters;
  for (int64_t i = 0; i < type.getRank(); ++i) letters += static_cast<char>('a' + i);
  return builder.create<llm::GenericOp>(value.getLoc(), type, ValueRange{value},
                                        builder.getStringAttr(letters + "->" + letters), builder.getStringAttr("a"),
                                        builder.getStringAttr(""));
}

bool appendsToCache(Operation *op) {
  if (auto fused = dyn_cast<llm::FusedOp>(op)) return !fused.getBody().getOps<llm::CacheAppendOp>().empty();
  return isa<llm::CacheAppendOp>(op);
}

bool isPrepare(func::FuncOp function) { return function->hasAttr("llm.prepare"); }
bool isEntry(func::FuncOp function) {
  return function.isPublic() && function.getName() != prepareFunctionName && !isPrepare(function);
}
bool isBlock(func::FuncOp function) { return function.isPrivate() && !isPrepare(function) && !function.isExternal(); }

namespace {
bool leadsDynamic(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  return type && type.getRank() > 0 && type.isDynamicDim(0);
}

std::optional<int> dimensionNamed(StringAttr name) {
  if (!name) return std::nullopt;
  return name.getValue() == "rows" ? LLC_DIM_ROWS : LLC_DIM_TOKENS;
}

std::optional<int> dimensionOfArgument(BlockArgument argument) {
  if (auto function = dyn_cast<func::FuncOp>(argument.getOwner()->getParentOp()))
    return dimensionNamed(function.getArgAttrOfType<StringAttr>(argument.getArgNumber(), "llm.dim"));
  if (auto fused = dyn_cast<llm::FusedOp>(argument.getOwner()->getParentOp()))
    return dynamicDimension(fused->getOperand(argument.getArgNumber()));
  return std::nullopt;
}

// The operand that has the result's first letter as a plain index: its '?' is the result's.
Value operandWithLeadingLetter(Operation *op) {
  auto statements = llm::derive::hasProgram(op)
                        ? llm::derive::concreteStatements(op)
                        : Result<std::vector<index::Statement>>(std::vector<index::Statement>());
  if (!statements.ok() || statements->empty()) return {};
  const index::Statement &last = statements->back();
  auto names = llm::derive::operandNames(op);
  auto output = index::dimensions(last.output);
  if (output.empty() || !output[0].plain()) return {};
  for (size_t i = 0; i < last.inputs.size(); ++i) {
    auto dimensions = index::dimensions(last.inputs[i]);
    if (dimensions.empty() || !dimensions[0].plain() || dimensions[0].letter != output[0].letter) continue;
    for (size_t k = 0; k < names.size() && k < op->getNumOperands(); ++k)
      if (names[k] == last.inputNames[i] && leadsDynamic(op->getOperand(k))) return op->getOperand(k);
  }
  return {};
}

std::optional<int> dimensionOfResult(OpResult result) {
  Operation *op = result.getOwner();
  if (auto call = dyn_cast<func::CallOp>(op)) {
    func::FuncOp callee = calleeOf(call);
    if (!callee || callee.isExternal()) return std::nullopt;
    return dynamicDimension(callee.front().getTerminator()->getOperand(result.getResultNumber()));
  }
  if (auto fused = dyn_cast<llm::FusedOp>(op))
    return dynamicDimension(fused.getBody().front().getTerminator()->getOperand(result.getResultNumber()));
  if (isa<llm::SequenceLengthsOp>(op)) return LLC_DIM_TOKENS;
  if (Value like = operandWithLeadingLetter(op)) return dynamicDimension(like);
  for (Value operand : op->getOperands())
    if (leadsDynamic(operand)) return dynamicDimension(operand);
  return std::nullopt;
}
}  // namespace

std::optional<int> dynamicDimension(Value value) {
  if (!leadsDynamic(value)) return std::nullopt;
  if (auto argument = dyn_cast<BlockArgument>(value)) return dimensionOfArgument(argument);
  return dimensionOfResult(cast<OpResult>(value));
}

Result<Bounds> boundsOf(ModuleOp module) {
  Bounds bounds;
  auto read = [&](const char *name, int64_t &value) -> Status {
    auto attribute = module->getAttrOfType<IntegerAttr>(name);
    if (!attribute || attribute.getInt() < 1)
      return diagnose(ErrorKind::invalidInput, "module")
          .says(std::string("the attribute ") + name + " is missing or not positive")
          .toFix(std::string("write module attributes {") + name + " = 512 : i64}: memory is planned for it");
    value = attribute.getInt();
    return success();
  };
  LLC_TRY(read("llm.max_tokens", bounds.tokens));
  LLC_TRY(read("llm.max_rows", bounds.rows));
  if (module->hasAttr("llm.max_context")) LLC_TRY(read("llm.max_context", bounds.context));
  return bounds;
}

std::optional<DType> dtypeOf(Type element) {
  if (element.isF32()) return DType::f32;
  if (element.isF16()) return DType::f16;
  if (element.isBF16()) return DType::bf16;
  if (element.isF64()) return DType::f64;
  if (element.isInteger(64)) return DType::i64;
  if (element.isInteger(32)) return DType::i32;
  if (element.isInteger(16)) return DType::i16;
  if (element.isUnsignedInteger(8)) return DType::u8;
  if (element.isInteger(8)) return DType::i8;
  if (element.isInteger(1)) return DType::boolean;
  return std::nullopt;
}

int64_t boundedBytes(Value value, const Bounds &bounds) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!type) return 0;
  auto element = dtypeOf(type.getElementType());
  if (!element) return 0;
  if (llm::isPacked(type)) {
    // Rows or columns of the weight may be its contraction; padding of either is covered by the larger of the two.
    return std::max(kernels::packedBytes(type.getDimSize(0), type.getDimSize(1), *element),
                    kernels::packedBytes(type.getDimSize(1), type.getDimSize(0), *element));
  }
  int64_t count = 1;
  for (int64_t i = 0; i < type.getRank(); ++i)
    count *= type.isDynamicDim(i) ? bounds.of(dynamicDimension(value).value_or(LLC_DIM_TOKENS)) : type.getDimSize(i);
  return count * static_cast<int64_t>(byteSize(*element));
}

int64_t workspaceBytes(Operation *op, const Bounds &bounds) {
  if (auto product = asDenseProduct(op)) {
    kernels::DenseCopies copies = kernels::denseCopies(product->spec);
    return copies.aBytes + copies.bBytes;
  }
  auto attention = dyn_cast<llm::PagedAttentionOp>(op);
  if (!attention) return 0;
  kernels::AttentionParts parts = kernels::attentionParts(attentionSpec(attention, bounds));
  return std::min(parts.rows, bounds.tokens) * parts.rowBytes;
}

namespace {
// Names in a location, outermost first: name, call sites, fused parts.
void collectNames(Location location, llvm::SmallVectorImpl<std::string> &names) {
  if (auto name = dyn_cast<NameLoc>(location)) {
    names.push_back(name.getName().str());
    if (!isa<UnknownLoc>(name.getChildLoc())) collectNames(name.getChildLoc(), names);
  } else if (auto site = dyn_cast<CallSiteLoc>(location)) {
    collectNames(site.getCallee(), names);
  } else if (auto fused = dyn_cast<FusedLoc>(location)) {
    for (Location part : fused.getLocations()) collectNames(part, names);
  }
}
}  // namespace

std::string modelName(Operation *op) {
  llvm::SmallVector<std::string> names;
  collectNames(op->getLoc(), names);
  if (names.empty()) return op->getName().stripDialect().str();
  std::string text = names.front();
  for (size_t i = 1; i < names.size() && i < 4; ++i)
    if (names[i] != names[i - 1]) text += "+" + names[i];
  return text;
}

}  // namespace llc::compiler
