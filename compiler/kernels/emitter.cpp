#include "compiler/kernels/emitter.h"

#include <numeric>

using namespace mlir;

namespace llc::kernels {

Emitter::Emitter(ModuleOp module, const Target &target)
    : module(module),
      target(target),
      b(UnknownLoc::get(module.getContext()), module.getContext()),
      f32(b.getF32Type()),
      f16(b.getF16Type()),
      bf16(b.getBF16Type()),
      i1(b.getI1Type()),
      i8(b.getI8Type()),
      i16(b.getI16Type()),
      i32(b.getI32Type()),
      i64(b.getI64Type()),
      ptr(LLVM::LLVMPointerType::get(b.getContext())) {}

// ---- functions
KernelFunction Emitter::kernel(const std::string &key, const std::string &stem, int64_t pointers, KernelFunction shape,
                               llvm::function_ref<void(const KernelArguments &)> body) {
  if (auto found = functions_.find(key); found != functions_.end()) return found->second;
  shape.symbol = stem;
  while (module.lookupSymbol(shape.symbol)) shape.symbol = stem + "_" + std::to_string(++stems_[stem]);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToEnd(module.getBody());
  SmallVector<Type> types(pointers, ptr);
  types.append({i64, i64, ptr, ptr});
  auto function = b.create<func::FuncOp>(shape.symbol, b.getFunctionType(types, {}));
  Block *block = function.addEntryBlock();
  b.setInsertionPointToStart(block);
  KernelArguments arguments;
  for (int64_t i = 0; i < pointers; i++) arguments.pointers.push_back(block->getArgument(i));
  arguments.rows = block->getArgument(pointers);
  arguments.chunk = block->getArgument(pointers + 1);
  arguments.scratch = block->getArgument(pointers + 2);
  arguments.batch = block->getArgument(pointers + 3);
  body(arguments);
  b.create<func::ReturnOp>();
  return functions_[key] = shape;
}

void Emitter::call(const KernelFunction &function, ValueRange pointers, Value rows, Value chunk, Value scratch,
                   Value batch) {
  Values arguments(pointers);
  arguments.append({rows, chunk, scratch, batch});
  b.create<func::CallOp>(function.symbol, TypeRange{}, arguments);
}

// ---- types and constants
Type Emitter::vec(int64_t width, Type element) const {
  return width == 1 ? element : Type(VectorType::get({width}, element));
}
int64_t Emitter::widthOf(Value value) {
  auto type = dyn_cast<VectorType>(value.getType());
  return type ? type.getNumElements() : 1;
}
Value Emitter::c64(int64_t value) { return b.create<LLVM::ConstantOp>(i64, b.getI64IntegerAttr(value)); }
Value Emitter::c32(int64_t value) { return b.create<LLVM::ConstantOp>(i32, b.getI32IntegerAttr(value)); }
Value Emitter::c8(int64_t value) { return b.create<LLVM::ConstantOp>(i8, b.getI8IntegerAttr(value)); }
Value Emitter::constant(Type type, double value) {
  Type element = getElementTypeOrSelf(type);
  TypedAttr scalar = isa<FloatType>(element) ? TypedAttr(FloatAttr::get(element, value))
                                             : TypedAttr(IntegerAttr::get(element, int64_t(value)));
  if (auto vector = dyn_cast<VectorType>(type))
    return b.create<arith::ConstantOp>(DenseElementsAttr::get(vector, Attribute(scalar)));
  return b.create<arith::ConstantOp>(scalar);
}
Value Emitter::zero(Type type) { return b.create<arith::ConstantOp>(cast<TypedAttr>(b.getZeroAttr(type))); }
Value Emitter::iota(int64_t width) {
  if (width == 1) return c32(0);
  SmallVector<int32_t> numbers(width);
  std::iota(numbers.begin(), numbers.end(), 0);
  return b.create<arith::ConstantOp>(DenseElementsAttr::get(VectorType::get({width}, i32), ArrayRef<int32_t>(numbers)));
}

// ---- integers
Value Emitter::add(Value x, Value y) { return b.create<arith::AddIOp>(x, y); }
Value Emitter::sub(Value x, Value y) { return b.create<arith::SubIOp>(x, y); }
Value Emitter::mul(Value x, Value y) { return b.create<arith::MulIOp>(x, y); }
Value Emitter::add(Value x, int64_t y) { return y ? add(x, constant(x.getType(), double(y))) : x; }
Value Emitter::mul(Value x, int64_t y) { return y == 1 ? x : mul(x, constant(x.getType(), double(y))); }
Value Emitter::div(Value x, int64_t y) {
  return y == 1 ? x : b.create<arith::DivUIOp>(x, constant(x.getType(), double(y))).getResult();
}
Value Emitter::rem(Value x, int64_t y) {
  return y == 1 ? zero(x.getType()) : b.create<arith::RemUIOp>(x, constant(x.getType(), double(y))).getResult();
}
Value Emitter::ceilDiv(Value x, int64_t y) { return div(add(x, y - 1), y); }
Value Emitter::min(Value x, Value y) { return b.create<arith::MinSIOp>(x, y); }
Value Emitter::max(Value x, Value y) { return b.create<arith::MaxSIOp>(x, y); }
Value Emitter::toI64(Value x) { return b.create<arith::ExtSIOp>(i64, x); }
Value Emitter::toI32(Value x) { return b.create<arith::TruncIOp>(i32, x); }
Value Emitter::cmp(IntCompare predicate, Value x, Value y) { return b.create<arith::CmpIOp>(predicate, x, y); }

// ---- floats
Value Emitter::addf(Value x, Value y) { return b.create<arith::AddFOp>(x, y); }
Value Emitter::subf(Value x, Value y) { return b.create<arith::SubFOp>(x, y); }
Value Emitter::mulf(Value x, Value y) { return b.create<arith::MulFOp>(x, y); }
Value Emitter::divf(Value x, Value y) { return b.create<arith::DivFOp>(x, y); }
Value Emitter::negf(Value x) { return b.create<arith::NegFOp>(x); }
Value Emitter::fma(Value x, Value y, Value z) {
  // Without hardware LLVM would call fmaf for every lane.
  if (!target.fma) return addf(mulf(x, y), z);
  return b.create<LLVM::FMAOp>(x.getType(), x, y, z);
}
Value Emitter::maxf(Value x, Value y) { return select(cmpf(FloatCompare::OGT, x, y), x, y); }
Value Emitter::minf(Value x, Value y) { return select(cmpf(FloatCompare::OLT, x, y), x, y); }
Value Emitter::sqrt(Value x) { return b.create<LLVM::SqrtOp>(x.getType(), x); }
Value Emitter::cmpf(FloatCompare predicate, Value x, Value y) { return b.create<arith::CmpFOp>(predicate, x, y); }
Value Emitter::select(Value condition, Value x, Value y) { return b.create<arith::SelectOp>(condition, x, y); }
Value Emitter::bitcast(Type type, Value x) { return b.create<LLVM::BitcastOp>(type, x); }
Value Emitter::splat(int64_t width, Value scalar) {
  return width == 1 ? scalar
                    : b.create<vector::BroadcastOp>(VectorType::get({width}, scalar.getType()), scalar).getResult();
}
Value Emitter::extract(Value vector, int64_t lane) {
  return widthOf(vector) == 1 ? vector : b.create<vector::ExtractOp>(vector, lane).getResult();
}
namespace {
// Halves the vector until one lane is left: fewer instructions than a chain, and the same order for every caller.
Value reduceTree(Emitter &e, Value vector, llvm::function_ref<Value(Value, Value)> combine) {
  int64_t width = Emitter::widthOf(vector);
  while (width > 1) {
    width /= 2;
    SmallVector<int64_t> low(width), high(width);
    std::iota(low.begin(), low.end(), 0);
    std::iota(high.begin(), high.end(), width);
    if (width == 1) return combine(e.extract(vector, 0), e.extract(vector, 1));
    vector = combine(e.b.create<vector::ShuffleOp>(vector, vector, low),
                     e.b.create<vector::ShuffleOp>(vector, vector, high));
  }
  return vector;
}
}  // namespace
Value Emitter::reduceAdd(Value vector) {
  return reduceTree(*this, vector, [&](Value x, Value y) { return addf(x, y); });
}
Value Emitter::reduceMax(Value vector) {
  return reduceTree(*this, vector, [&](Value x, Value y) { return maxf(x, y); });
}
Value Emitter::reduceMin(Value vector) {
  return reduceTree(*this, vector, [&](Value x, Value y) { return minf(x, y); });
}

// ---- memory
Value Emitter::gep(Value pointer, Value bytes) {
  return b.create<LLVM::GEPOp>(ptr, i8, pointer, ValueRange{bytes}, true);
}
Value Emitter::gep(Value pointer, int64_t bytes) {
  if (!bytes) return pointer;
  // Constant indices of the op are embedded in 29 bits and cut off silently beyond (LLVM::kGEPConstantBitWidth).
  constexpr int64_t limit = int64_t{1} << (LLVM::kGEPConstantBitWidth - 1);
  if (bytes < -limit || bytes >= limit) return gep(pointer, c64(bytes));
  return b.create<LLVM::GEPOp>(ptr, i8, pointer, ArrayRef<LLVM::GEPArg>{int32_t(bytes)}, true);
}
Value Emitter::load(Type type, Value pointer, int64_t alignment) {
  return b.create<LLVM::LoadOp>(type, pointer, unsigned(alignment));
}
void Emitter::store(Value value, Value pointer, int64_t alignment) {
  b.create<LLVM::StoreOp>(value, pointer, unsigned(alignment));
}
Value Emitter::alloca(int64_t bytes) {
  OpBuilder::InsertionGuard guard(b);
  auto function = b.getInsertionBlock()->getParent()->getParentOfType<func::FuncOp>();
  if (!function) function = cast<func::FuncOp>(b.getInsertionBlock()->getParentOp());
  b.setInsertionPointToStart(&function.getBody().front());
  return b.create<LLVM::AllocaOp>(ptr, i8, c64(bytes), 64);
}
Value Emitter::data(StringRef bytes) {
  std::string name = "llc_constant_" + std::to_string(constants_++);
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(module.getBody());
    b.create<LLVM::GlobalOp>(LLVM::LLVMArrayType::get(i8, bytes.size()), true, LLVM::Linkage::Internal, name,
                             b.getStringAttr(bytes), /*alignment=*/64);
  }
  return b.create<LLVM::AddressOfOp>(ptr, name);
}
Value Emitter::loadI64(Value pointer) { return load(i64, pointer, 8); }
Value Emitter::loadI32AsI64(Value pointer) { return toI64(load(i32, pointer, 4)); }
Value Emitter::loadPointer(Value pointer) { return load(ptr, pointer, 8); }
void Emitter::prefetch(Value pointer) { b.create<LLVM::Prefetch>(pointer, /*rw=*/0u, /*hint=*/3u, /*cache=data*/ 1u); }
void Emitter::prefetchFar(Value pointer) { b.create<LLVM::Prefetch>(pointer, /*rw=*/0u, /*hint=*/2u, /*cache=data*/ 1u); }
void Emitter::zeroFill(Value pointer, int64_t bytes) {
  loop(c64(0), c64(bytes / 4 / target.lanes * target.lanes), target.lanes,
       [&](Value i) { store(zero(f(target.lanes)), gep(pointer, mul(i, 4)), 4); });
  for (int64_t at = bytes / 4 / target.lanes * target.lanes; at < bytes / 4; at++)
    store(zero(f32), gep(pointer, at * 4), 4);
}

// ---- control
Values Emitter::loop(Value from, Value to, int64_t step, ValueRange initial,
                     llvm::function_ref<Values(Value, ValueRange)> body) {
  auto result = b.create<scf::ForOp>(from, to, c64(step), initial,
                                     [&](OpBuilder &nested, Location, Value index, ValueRange carried) {
                                       OpBuilder::InsertionGuard guard(b);
                                       b.restoreInsertionPoint(nested.saveInsertionPoint());
                                       Values next = body(index, carried);
                                       b.create<scf::YieldOp>(next);
                                     });
  return Values(result.getResults());
}
void Emitter::loop(Value from, Value to, int64_t step, llvm::function_ref<void(Value)> body) {
  loop(from, to, step, {}, [&](Value index, ValueRange) {
    body(index);
    return Values{};
  });
}
Values Emitter::whileLoop(ValueRange initial, llvm::function_ref<Value(ValueRange)> condition,
                          llvm::function_ref<Values(ValueRange)> body) {
  auto result = b.create<scf::WhileOp>(
      TypeRange(initial), initial,
      [&](OpBuilder &nested, Location, ValueRange carried) {
        OpBuilder::InsertionGuard guard(b);
        b.restoreInsertionPoint(nested.saveInsertionPoint());
        Value go = condition(carried);
        b.create<scf::ConditionOp>(go, carried);
      },
      [&](OpBuilder &nested, Location, ValueRange carried) {
        OpBuilder::InsertionGuard guard(b);
        b.restoreInsertionPoint(nested.saveInsertionPoint());
        Values next = body(carried);
        b.create<scf::YieldOp>(next);
      });
  return Values(result.getResults());
}
void Emitter::ifThen(Value condition, llvm::function_ref<void()> then) {
  b.create<scf::IfOp>(condition, [&](OpBuilder &nested, Location) {
    OpBuilder::InsertionGuard guard(b);
    b.restoreInsertionPoint(nested.saveInsertionPoint());
    then();
    b.create<scf::YieldOp>();
  });
}
void Emitter::ifElse(Value condition, llvm::function_ref<void()> then, llvm::function_ref<void()> otherwise) {
  auto branch = [&](llvm::function_ref<void()> emit) {
    return [this, emit](OpBuilder &nested, Location) {
      OpBuilder::InsertionGuard guard(b);
      b.restoreInsertionPoint(nested.saveInsertionPoint());
      emit();
      b.create<scf::YieldOp>();
    };
  };
  b.create<scf::IfOp>(condition, branch(then), branch(otherwise));
}
void Emitter::vectorLoop(Value from, Value to, llvm::function_ref<void(Value, int64_t)> body, bool ragged) {
  Value whole = ragged ? add(from, mul(div(sub(to, from), target.lanes), target.lanes)) : to;
  loop(from, whole, target.lanes, [&](Value index) { body(index, target.lanes); });
  if (ragged) loop(whole, to, 1, [&](Value index) { body(index, 1); });
}

// ---- intrinsics
Value Emitter::intrinsic(llvm::StringRef name, Type result, ValueRange arguments) {
  return b.create<LLVM::CallIntrinsicOp>(result, b.getStringAttr(name), arguments).getResult(0);
}
void Emitter::intrinsic(llvm::StringRef name, ValueRange arguments) {
  b.create<LLVM::CallIntrinsicOp>(TypeRange{}, b.getStringAttr(name), arguments, LLVM::FastmathFlagsAttr{});
}

void Emitter::pause() {
  if (architectureOf(target.level) == Architecture::x86_64) return intrinsic("llvm.x86.sse2.pause", ValueRange{});
  constexpr int64_t wholeSystem = 15;
  intrinsic("llvm.aarch64.isb", c32(wholeSystem));  // the yield hint does nothing on most cores
}

}  // namespace llc::kernels
