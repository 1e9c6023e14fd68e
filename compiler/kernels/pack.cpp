// Packing of weights into panels. Whole panels go 16 rows (or columns) times one cache line at a time, transposed in
// registers; the last panel and what is left of k element by element.
#include "compiler/kernels/kernels.h"
#include "compiler/kernels/panels.h"
#include "compiler/kernels/tile.h"

using namespace mlir;

namespace llc::kernels {
namespace {

struct Pack {
  Emitter &e;
  const PackSpec &spec;
  int64_t lanes = 0, sourceBytes = 0, targetBytes = 0;

  void emit(const KernelArguments &in) {
    lanes = e.target.lanes, sourceBytes = int64_t(byteSize(spec.source)), targetBytes = int64_t(byteSize(spec.weights));
    Value panel = in.chunk, column = e.mul(panel, panelColumns),
          valid = e.min(e.c64(panelColumns), e.sub(e.c64(spec.n), column));
    Value from = e.gep(in.pointers[0], e.mul(column, spec.transposed ? spec.k * sourceBytes : sourceBytes));
    Value to = e.gep(in.pointers[1], e.mul(panel, packedBytes(spec.k, panelColumns, spec.weights)));
    Value whole = e.cmp(Emitter::IntCompare::eq, valid, e.c64(panelColumns));
    int64_t fast = spec.k / step() * step();
    e.ifThen(whole, [&] { spec.transposed ? transposedPanel(from, to, fast) : straightPanel(from, to, fast); });
    // Element by element: everything of a ragged panel, the rest of k of a whole one.
    slowPanel(from, to, valid, e.select(whole, e.c64(fast), e.c64(0)));
  }

  // Elements of k that the fast path takes at once.
  int64_t step() const { return spec.transposed ? (movesWords() && spec.source == DType::bf16 ? 32 : 16) : 2; }
  // Same type on both sides: pairs of bf16 and single f32 are moved as 32-bit words.
  bool movesWords() const { return spec.source == spec.weights && spec.source != DType::f16; }

  // Source [n][k]: sixteen rows of sixteen words become sixteen rows of k.
  void transposedPanel(Value from, Value to, int64_t fast) {
    e.loop(e.c64(0), e.c64(fast), step(), [&](Value k) {
      Value source = e.gep(from, e.mul(k, sourceBytes));
      // blocks[row group][k group]: squares of lanes x lanes
      std::vector<std::vector<Values>> blocks(panelColumns / lanes);
      for (size_t rows = 0; rows < blocks.size(); rows++)
        for (int64_t words = 0; words < 16 / lanes; words++) {
          Values square;
          for (int64_t r = 0; r < lanes; r++) {
            Value row = e.gep(source, (int64_t(rows) * lanes + r) * spec.k * sourceBytes);
            square.push_back(movesWords() ? e.load(e.f(lanes), e.gep(row, words * lanes * 4), 1)
                                          : e.loadFloat(spec.source, e.gep(row, words * lanes * sourceBytes), lanes));
          }
          blocks[rows].push_back(transposeSquare(e, square));
        }
      Value target = e.gep(to, e.mul(k, panelColumns * targetBytes));
      for (int64_t i = 0; i < 16; i++) {
        auto vectorAt = [&](size_t rows, int64_t step) { return blocks[rows][step / lanes][step % lanes]; };
        for (size_t rows = 0; rows < blocks.size(); rows++) {
          int64_t place = int64_t(rows) * lanes;
          if (movesWords())
            e.store(vectorAt(rows, i), e.gep(target, (i * panelColumns + place) * 4), 4);
          else if (spec.weights != DType::bf16)
            e.storeFloat(spec.weights, vectorAt(rows, i), e.gep(target, (i * panelColumns + place) * targetBytes));
          else if (i % 2 == 0)
            e.store(pairOf(vectorAt(rows, i), vectorAt(rows, i + 1)), e.gep(target, (i / 2 * panelColumns + place) * 4),
                    4);
        }
      }
    });
  }
  // Source [k][n]: rows are in order already.
  void straightPanel(Value from, Value to, int64_t fast) {
    e.loop(e.c64(0), e.c64(fast), 2, [&](Value k) {
      Value source = e.gep(from, e.mul(k, spec.n * sourceBytes)),
            target = e.gep(to, e.mul(k, panelColumns * targetBytes));
      for (int64_t place = 0; place < panelColumns; place += lanes) {
        Value low = e.loadFloat(spec.source, e.gep(source, place * sourceBytes), lanes);
        Value high = e.loadFloat(spec.source, e.gep(source, (spec.n + place) * sourceBytes), lanes);
        if (spec.weights == DType::bf16) {
          e.store(pairOf(low, high), e.gep(target, place * 4), 4);
          continue;
        }
        e.storeFloat(spec.weights, low, e.gep(target, place * targetBytes));
        e.storeFloat(spec.weights, high, e.gep(target, (panelColumns + place) * targetBytes));
      }
    });
  }
  void slowPanel(Value from, Value to, Value valid, Value first) {
    int64_t steps = spec.weights == DType::bf16 ? roundUp(spec.k, 2) : spec.k;
    e.loop(first, e.c64(steps), 1, [&](Value k) {
      e.loop(e.c64(0), e.c64(panelColumns), 1, [&](Value column) {
        Value exists = e.b.create<arith::AndIOp>(e.cmp(Emitter::IntCompare::slt, column, valid),
                                                 e.cmp(Emitter::IntCompare::slt, k, e.c64(spec.k)));
        Value place = spec.transposed ? e.add(e.mul(column, spec.k), k) : e.add(e.mul(k, spec.n), column);
        place = e.select(exists, place, e.c64(0));
        Value value =
            e.select(exists, e.loadFloat(spec.source, e.gep(from, e.mul(place, sourceBytes)), 1), e.zero(e.f32));
        Value offset = e.add(e.mul(k, panelColumns), column);
        if (spec.weights == DType::bf16)
          offset = e.add(e.add(e.mul(e.div(k, 2), 2 * panelColumns), e.mul(column, 2)), e.rem(k, 2));
        e.storeFloat(spec.weights, value, e.gep(to, e.mul(offset, targetBytes)));
      });
    });
  }

  // bf16 of `low` in the lower half of each word, of `high` in the upper.
  Value pairOf(Value low, Value high) {
    Type word = e.vec(lanes, e.i32);
    auto wide = [&](Value value) { return e.b.create<arith::ExtUIOp>(word, e.bf16Bits(value)).getResult(); };
    return e.b.create<arith::OrIOp>(wide(low), e.b.create<arith::ShLIOp>(wide(high), e.constant(word, 16)));
  }
};

}  // namespace

KernelFunction emitPack(Emitter &e, const PackSpec &spec) {
  std::string stem = "pack_" + std::to_string(spec.k) + "x" + std::to_string(spec.n) + "_" +
                     std::string(dtypeName(spec.source)) + "_" + std::string(dtypeName(spec.weights)) +
                     (spec.transposed ? "_t" : "");
  KernelFunction shape{.symbol = "", .rowsPerChunk = 0, .columnChunks = (spec.n + panelColumns - 1) / panelColumns};
  return e.kernel(stem, stem, 2, shape, [&](const KernelArguments &in) { Pack{e, spec}.emit(in); });
}

}  // namespace llc::kernels
