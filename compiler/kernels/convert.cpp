// Loads and stores of narrow element types. Where the target has no instruction for a conversion it is done by integer
// arithmetic on the bits: LLVM would call a library function for every lane.
#include "compiler/kernels/emitter.h"

using namespace mlir;

namespace llc::kernels {
namespace {

Value shiftLeft(Emitter &e, Value x, int64_t bits) {
  return e.b.create<arith::ShLIOp>(x, e.constant(x.getType(), double(bits)));
}
Value shiftRight(Emitter &e, Value x, int64_t bits) {
  return e.b.create<arith::ShRUIOp>(x, e.constant(x.getType(), double(bits)));
}
Value maskBits(Emitter &e, Value x, int64_t mask) {
  return e.b.create<arith::AndIOp>(x, e.constant(x.getType(), double(mask)));
}
Value orBits(Emitter &e, Value x, Value y) { return e.b.create<arith::OrIOp>(x, y); }
Value widen(Emitter &e, Value narrow) {
  return e.b.create<arith::ExtUIOp>(e.vec(Emitter::widthOf(narrow), e.i32), narrow);
}
Value narrow(Emitter &e, Value word) { return e.b.create<arith::TruncIOp>(e.vec(Emitter::widthOf(word), e.i16), word); }

// f16 bits to f32: the exponent is rebiased by a multiplication, which makes subnormals right for free.
Value halfToFloat(Emitter &e, Value half) {
  int64_t width = Emitter::widthOf(half);
  Value word = widen(e, half), sign = shiftLeft(e, maskBits(e, word, 0x8000), 16),
        magnitude = maskBits(e, word, 0x7fff);
  Value scaled = e.mulf(e.bitcast(e.f(width), shiftLeft(e, magnitude, 13)), e.constant(e.f(width), 0x1p112));
  Value special = orBits(e, shiftLeft(e, magnitude, 13), e.constant(magnitude.getType(), 0x7f800000));
  Value isSpecial = e.cmp(Emitter::IntCompare::uge, magnitude, e.constant(magnitude.getType(), 0x7c00));
  return e.bitcast(e.f(width), orBits(e, sign, e.select(isSpecial, special, e.bitcast(magnitude.getType(), scaled))));
}

// f32 to f16 bits, round to nearest even. Normal results add half a unit in the last place to the bits; for subnormal
// ones the floating-point unit rounds while 0.5 is added.
Value floatToHalf(Emitter &e, Value value) {
  int64_t width = Emitter::widthOf(value);
  Type word = e.vec(width, e.i32);
  Value bits = e.bitcast(word, value), sign = maskBits(e, shiftRight(e, bits, 16), 0x8000),
        magnitude = maskBits(e, bits, 0x7fffffff);
  Value odd = maskBits(e, shiftRight(e, magnitude, 13), 1);
  Value rebiased = e.sub(e.add(magnitude, odd), e.constant(word, double((112 << 23) - 0xfff)));
  Value normal = shiftRight(e, rebiased, 13);
  Value subnormal = e.sub(e.bitcast(word, e.addf(e.bitcast(e.f(width), magnitude), e.constant(e.f(width), 0.5))),
                          e.constant(word, 0x3f000000));
  Value small = e.cmp(Emitter::IntCompare::ult, magnitude, e.constant(word, 113 << 23));
  Value result = e.select(small, subnormal, normal);
  result = e.select(e.cmp(Emitter::IntCompare::uge, magnitude, e.constant(word, 0x477ff000)), e.constant(word, 0x7c00),
                    result);
  result = e.select(e.cmp(Emitter::IntCompare::ugt, magnitude, e.constant(word, 0x7f800000)), e.constant(word, 0x7e00),
                    result);
  return narrow(e, orBits(e, result, sign));
}

Value floatToBf16(Emitter &e, Value value) {
  Type word = e.vec(Emitter::widthOf(value), e.i32);
  Value bits = e.bitcast(word, value), odd = maskBits(e, shiftRight(e, bits, 16), 1);
  Value rounded = shiftRight(e, e.add(e.add(bits, odd), e.constant(word, 0x7fff)), 16);
  Value quiet = orBits(e, shiftRight(e, bits, 16), e.constant(word, 0x40));
  Value isNan = e.cmpf(Emitter::FloatCompare::UNO, value, value);
  return narrow(e, e.select(isNan, quiet, rounded));
}

// The same, but for the shift of the bits, and back.
Value roundToBf16(Emitter &e, Value value) {
  Type word = e.vec(Emitter::widthOf(value), e.i32);
  Value bits = e.bitcast(word, value), odd = maskBits(e, shiftRight(e, bits, 16), 1);
  Value rounded = e.add(e.add(bits, odd), e.constant(word, 0x7fff));
  Value isNan = e.cmpf(Emitter::FloatCompare::UNO, value, value);
  Value kept = e.select(isNan, orBits(e, bits, e.constant(word, 0x400000)), rounded);
  return e.bitcast(e.f(Emitter::widthOf(value)), maskBits(e, kept, -0x10000));
}

}  // namespace

Value Emitter::loadFloat(DType type, Value pointer, int64_t width) {
  switch (type) {
    case DType::f32:
      return load(f(width), pointer, 4);
    case DType::bf16:
      return bitcast(f(width), shiftLeft(*this, widen(*this, load(vec(width, i16), pointer, 2)), 16));
    case DType::f16:
      if (target.f16c) return b.create<arith::ExtFOp>(f(width), load(vec(width, f16), pointer, 2));
      return halfToFloat(*this, load(vec(width, i16), pointer, 2));
    case DType::i32:
      return b.create<arith::SIToFPOp>(f(width), load(vec(width, i32), pointer, 4));
    case DType::i64:
      return b.create<arith::SIToFPOp>(f(width), load(vec(width, i64), pointer, 8));
    case DType::u8:
      return b.create<arith::SIToFPOp>(f(width), widen(*this, load(vec(width, i8), pointer, 1)));
    default:
      break;
  }
  llvm_unreachable("kernels read f32, f16, bf16, i32, i64 and u8");
}

Value Emitter::rounded(DType type, Value value) {
  int64_t width = widthOf(value);
  if (type == DType::bf16) return roundToBf16(*this, value);
  if (type != DType::f16) return value;
  if (!target.f16c) return halfToFloat(*this, floatToHalf(*this, value));
  Value half = b.create<arith::TruncFOp>(vec(width, f16), value);
  return b.create<arith::ExtFOp>(f(width), half);
}

Value Emitter::bf16Bits(Value value) { return floatToBf16(*this, value); }

void Emitter::storeFloat(DType type, Value value, Value pointer) {
  int64_t width = widthOf(value);
  switch (type) {
    case DType::f32:
      return store(value, pointer, 4);
    case DType::bf16:
      return store(floatToBf16(*this, value), pointer, 2);
    case DType::f16:
      if (target.f16c) return store(b.create<arith::TruncFOp>(vec(width, f16), value), pointer, 2);
      return store(floatToHalf(*this, value), pointer, 2);
    case DType::i32:
      return store(b.create<arith::FPToSIOp>(vec(width, i32), value), pointer, 4);
    case DType::u8: {
      Value word = b.create<arith::FPToSIOp>(vec(width, i32), value);
      return store(b.create<arith::TruncIOp>(vec(width, i8), word), pointer, 1);
    }
    default:
      break;
  }
  llvm_unreachable("kernels write f32, f16, bf16, i32 and u8");
}

}  // namespace llc::kernels
