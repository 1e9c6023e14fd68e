#include "compiler/lowering/kernel_choice.h"
#include "compiler/memory/stages.h"
#include "compiler/transforms/precision/Passes.h"
#include "compiler/transforms/precision/factors.h"
#include "dialect/interfaces/interfaces.h"
#include "dialect/ops/llm.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace llc::compiler {
#define GEN_PASS_DEF_NARROWPRODUCTS
#include "compiler/transforms/precision/Passes.h.inc"

namespace {
using namespace mlir;

// An argument or a parameter, under whatever shape.
bool isGiven(Value value) {
  Operation *maker = memoryOf(value).getDefiningOp();
  auto reader = dyn_cast_or_null<llm::Differentiable>(maker);
  return !maker || (reader && reader.readParameter());
}

constexpr const char *eightBits = "e4m3(a,b)";

// Values of eight bits in a type of more.
bool isRounded(Value value) {
  auto cast = memoryOf(value).getDefiningOp<llm::CastOp>();
  auto rounded = cast ? cast.getX().getDefiningOp<llm::GenericOp>() : llm::GenericOp();
  return rounded && rounded.getBody() == eightBits;
}

// The largest magnitude of a tensor of static shape [1].
Value largestMagnitude(OpBuilder &builder, Value value, StringRef letters) {
  auto type = cast<RankedTensorType>(value.getType());
  int64_t rows = type.getRank() ? type.getDimSize(0) : 1;
  auto reduced = [&](Value from, StringRef signature, StringRef body, int64_t extent) -> Value {
    return builder.create<llm::GenericOp>(value.getLoc(), RankedTensorType::get({extent}, builder.getF32Type()),
                                          ValueRange{from}, builder.getStringAttr(signature),
                                          builder.getStringAttr(body), builder.getStringAttr("max"));
  };
  Value ofRows = reduced(value, (letters + "->" + letters.take_front()).str(), "abs(a)", rows);
  auto flat = RankedTensorType::get({1, rows}, builder.getF32Type());
  return reduced(builder.create<llm::ReshapeOp>(value.getLoc(), flat, ofRows), "ab->a", "a", 1);
}

// One function's products.
class Narrower {
 public:
  // float8_e4m3fn with a power of two as scale of each tensor: emulated by values of the format in bf16, which multiply
  // to the same products. Before differentiation they are bf16 only, so that gradients pass.
  Narrower(FloatType element, bool computedOnly)
      : element_(element.getWidth() < 16 ? BFloat16Type::get(element.getContext()) : element),
        computedOnly_(computedOnly),
        isEightBits_(element.getWidth() < 16 && !computedOnly) {}

  void run(func::FuncOp function) {
    if (!computedOnly_) takeApart(function);
    for (Operation *op : opsOf(function))
      for (OpOperand *factor : matrixFactors(op))
        if (mayNarrow(factor->get()) && !(computedOnly_ && isGiven(factor->get())))
          factor->set(narrowed(factor->get()));
  }

 private:
  static llvm::SmallVector<Operation *> opsOf(func::FuncOp function) {
    llvm::SmallVector<Operation *> ops;
    function.walk([&](Operation *op) { ops.push_back(op); });
    return ops;
  }
  // Ops without a program whose parts are products, where no kernel will take them as they are: so that the factors in
  // between are narrow as well.
  static void takeApart(func::FuncOp function) {
    for (Operation *op : opsOf(function)) {
      auto decomposable = dyn_cast<llm::Decomposable>(op);
      if (!decomposable || llm::derive::hasProgram(op) || !needsDecomposition(op) || matrixFactors(op).empty())
        continue;
      OpBuilder builder(op);
      llvm::SmallVector<Value> parts;
      if (failed(decomposable.decompose(builder, parts))) continue;  // never: its factors are known
      op->replaceAllUsesWith(parts);
      op->erase();
    }
  }

  bool mayNarrow(Value value) {
    auto type = dyn_cast<RankedTensorType>(value.getType());
    if (!type || type.getEncoding() || !type.getElementType().isIntOrFloat()) return false;
    if (isEightBits_) return (type.getElementType().isF32() || type.getElementType() == element_) && !isRounded(value);
    return type.getElementType().isF32();
  }
  // One conversion for all readers.
  Value narrowed(Value value) {
    Value &result = narrowed_[value];
    if (result) return result;
    OpBuilder builder(value.getContext());
    builder.setInsertionPointAfterValue(value);
    ArrayRef<int64_t> shape = cast<RankedTensorType>(value.getType()).getShape();
    Value rounded = isEightBits_ ? inEightBits(builder, value) : value;
    return result = builder.create<llm::CastOp>(value.getLoc(), RankedTensorType::get(shape, element_), rounded);
  }
  static Value inEightBits(OpBuilder &builder, Value value) {
    auto type = cast<RankedTensorType>(value.getType());
    std::string letters;
    for (int64_t i = 0; i < type.getRank(); ++i) letters += static_cast<char>('a' + i);
    Value most = largestMagnitude(builder, value, letters);
    return builder.create<llm::GenericOp>(value.getLoc(), RankedTensorType::get(type.getShape(), builder.getF32Type()),
                                          ValueRange{value, most}, builder.getStringAttr(letters + ",1->" + letters),
                                          builder.getStringAttr(eightBits), builder.getStringAttr(""));
  }

  Type element_;
  bool computedOnly_, isEightBits_;
  llvm::DenseMap<Value, Value> narrowed_;
};

struct NarrowProducts final : impl::NarrowProductsBase<NarrowProducts> {
  using NarrowProductsBase::NarrowProductsBase;

  void runOnOperation() override {
    llvm::SmallVector<func::FuncOp> marked;
    for (auto function : getOperation().getOps<func::FuncOp>())
      if (function->hasAttr(productsAttribute)) marked.push_back(function);
    for (size_t i = 0; i < marked.size(); ++i) markCallees(marked[i], marked);
    for (func::FuncOp function : marked) {
      auto element = dyn_cast<FloatType>(elementOf(function));
      bool known = element && (element.isF32() || element.isBF16() || element.isF16() || element.isFloat8E4M3FN());
      if (!known) {
        function.emitError("is marked llm.products = ")
            << function->getAttr(productsAttribute)
            << ", which is none of f32, bf16, f16 and f8E4M3FN; to fix: write llm.products = bf16";
        return signalPassFailure();
      }
      if (!element.isF32()) Narrower(element, computedOnly).run(function);
    }
  }

  static Type elementOf(func::FuncOp function) {
    auto type = dyn_cast<TypeAttr>(function->getAttr(productsAttribute));
    return type ? type.getValue() : NoneType::get(function.getContext());
  }
  static void markCallees(func::FuncOp function, llvm::SmallVectorImpl<func::FuncOp> &marked) {
    function.walk([&](func::CallOp call) {
      func::FuncOp callee = calleeOf(call);
      if (!callee || callee->hasAttr(productsAttribute)) return;
      callee->setAttr(productsAttribute, function->getAttr(productsAttribute));
      marked.push_back(callee);
    });
  }
};
}  // namespace
}  // namespace llc::compiler
