// Rotary embedding: pairs of dimensions are turned by the row's angles. Halves layout pairs (i, i + r/2), interleaved
// layout (2i, 2i+1); both: first' = first*cos - second*sin, second' = second*cos + first*sin.
#include "compiler/kernels/rotary.h"

using namespace mlir;

namespace llc::kernels {
namespace {

struct Rotary {
  Emitter &e;
  const RotarySpec &spec;

  void head(Value from, Value to, Value cosines, Value sines) {
    if (spec.interleaved)
      interleaved(from, to, cosines, sines);
    else
      halves(from, to, cosines, sines);
    e.vectorLoop(e.c64(spec.rotated), e.c64(spec.dim), [&](Value at, int64_t width) {
      e.store(e.load(e.f(width), e.gep(from, e.mul(at, 4)), 4), e.gep(to, e.mul(at, 4)), 4);
    });
  }
  void halves(Value from, Value to, Value cosines, Value sines) {
    int64_t distance = spec.rotated / 2 * 4;
    e.vectorLoop(e.c64(0), e.c64(spec.rotated / 2), [&](Value at, int64_t width) {
      Value offset = e.mul(at, 4), source = e.gep(from, offset), target = e.gep(to, offset);
      Value first = e.load(e.f(width), source, 4), second = e.load(e.f(width), e.gep(source, distance), 4);
      Value cosine = e.load(e.f(width), e.gep(cosines, offset), 4), sine = e.load(e.f(width), e.gep(sines, offset), 4);
      e.store(e.subf(e.mulf(first, cosine), e.mulf(second, sine)), target, 4);
      e.store(e.addf(e.mulf(second, cosine), e.mulf(first, sine)), e.gep(target, distance), 4);
    });
  }
  // Two vectors of pairs at a time: firsts and seconds are separated, turned and put together again by shuffles.
  void interleaved(Value from, Value to, Value cosines, Value sines) {
    e.vectorLoop(e.c64(0), e.c64(spec.rotated / 2), [&](Value at, int64_t width) {
      Value source = e.gep(from, e.mul(at, 8)), target = e.gep(to, e.mul(at, 8));
      Value low = e.load(e.f(width), source, 4), high = e.load(e.f(width), e.gep(source, width * 4), 4);
      Value cosine = e.load(e.f(width), e.gep(cosines, e.mul(at, 4)), 4),
            sine = e.load(e.f(width), e.gep(sines, e.mul(at, 4)), 4);
      Value first = low, second = high;
      if (width > 1) {
        SmallVector<int64_t> even, odd;
        for (int64_t i = 0; i < width; i++) even.push_back(2 * i), odd.push_back(2 * i + 1);
        first = e.b.create<vector::ShuffleOp>(low, high, even);
        second = e.b.create<vector::ShuffleOp>(low, high, odd);
      }
      Value turned = e.subf(e.mulf(first, cosine), e.mulf(second, sine)),
            other = e.addf(e.mulf(second, cosine), e.mulf(first, sine));
      if (width > 1) {
        SmallVector<int64_t> lowLanes, highLanes;
        for (int64_t i = 0; i < width / 2; i++) {
          lowLanes.append({i, width + i});
          highLanes.append({width / 2 + i, width + width / 2 + i});
        }
        Value lowResult = e.b.create<vector::ShuffleOp>(turned, other, lowLanes);
        other = e.b.create<vector::ShuffleOp>(turned, other, highLanes);
        turned = lowResult;
      }
      e.store(turned, target, 4);
      e.store(other, e.gep(target, width * 4), 4);
    });
  }
};

}  // namespace

void emitRotatedHead(Emitter &e, const RotarySpec &spec, Value from, Value to, Value cosines, Value sines) {
  Rotary{e, spec}.head(from, to, cosines, sines);
}

KernelFunction emitRotary(Emitter &e, const RotarySpec &spec) {
  std::string stem = "rotary_" + std::to_string(spec.heads) + "x" + std::to_string(spec.dim);
  std::string key = stem + "|" + std::to_string(spec.rotated) + (spec.interleaved ? "i" : "h");
  constexpr int64_t rowsPerChunk = 4;
  KernelFunction shape{.symbol = "", .rowsPerChunk = rowsPerChunk};
  return e.kernel(key, stem, 4, shape, [&](const KernelArguments &in) {
    Value first = e.mul(in.chunk, rowsPerChunk), end = e.min(in.rows, e.add(first, rowsPerChunk));
    e.loop(first, end, 1, [&](Value row) {
      Value angles = e.mul(row, spec.rotated / 2 * 4);
      Value cosines = e.gep(in.pointers[1], angles), sines = e.gep(in.pointers[2], angles);
      Value rowOffset = e.mul(row, spec.heads * spec.dim * 4);
      e.loop(e.c64(0), e.c64(spec.heads), 1, [&](Value head) {
        Value offset = e.add(rowOffset, e.mul(head, spec.dim * 4));
        emitRotatedHead(e, spec, e.gep(in.pointers[0], offset), e.gep(in.pointers[3], offset), cosines, sines);
      });
    });
  });
}

}  // namespace llc::kernels
