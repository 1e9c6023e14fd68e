// Lines put together from parts of other lines: copies of contiguous runs.
#include <algorithm>

#include "compiler/kernels/kernels.h"

using namespace mlir;

namespace llc::kernels {
namespace {

constexpr int64_t elementBytes = 4, elementsPerChunk = 16384;

std::string keyOf(const PiecesSpec &spec) {
  std::string key = "pieces|" + std::to_string(spec.lines) + "|" + std::to_string(spec.width);
  for (const PiecesSpec::Piece &piece : spec.pieces)
    for (int64_t number : {piece.at, piece.size, int64_t(piece.operand), piece.start, piece.width})
      key += "," + std::to_string(number);
  return key;
}

void emitLine(Emitter &e, const PiecesSpec &spec, const KernelArguments &in, Value line) {
  Value result = e.gep(in.pointers[size_t(spec.operands)], e.mul(line, spec.width * elementBytes));
  for (const PiecesSpec::Piece &piece : spec.pieces) {
    Value to = e.gep(result, piece.at * elementBytes), from;
    if (piece.operand >= 0)
      from = e.gep(e.gep(in.pointers[size_t(piece.operand)], e.mul(line, piece.width * elementBytes)),
                   piece.start * elementBytes);
    auto copy = [&](Value at, int64_t lanes) {
      Value offset = e.mul(at, elementBytes);
      Value value = from ? e.load(e.f(lanes), e.gep(from, offset), elementBytes) : e.zero(e.f(lanes));
      e.store(value, e.gep(to, offset), elementBytes);
    };
    e.vectorLoop(e.c64(0), e.c64(piece.size), copy, piece.size % e.target.lanes != 0);
  }
}

}  // namespace

KernelFunction emitPieces(Emitter &e, const PiecesSpec &spec) {
  int64_t rowsPerChunk = std::clamp<int64_t>(elementsPerChunk / std::max<int64_t>(1, spec.lines * spec.width), 1, 32);
  KernelFunction shape{.symbol = "", .rowsPerChunk = rowsPerChunk};
  return e.kernel(
      keyOf(spec), "pieces_" + std::to_string(spec.width), spec.operands + 1, shape, [&](const KernelArguments &in) {
        Value first = e.mul(in.chunk, rowsPerChunk), end = e.min(in.rows, e.add(first, rowsPerChunk));
        e.loop(e.mul(first, spec.lines), e.mul(end, spec.lines), 1, [&](Value line) { emitLine(e, spec, in, line); });
      });
}

}  // namespace llc::kernels
