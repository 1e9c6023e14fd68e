#include "compiler/kernels/kernels.h"

namespace llc::kernels {

KernelFunction emitGatherRows(Emitter &e, const GatherRowsSpec &spec) {
  std::string stem = "gather_" + std::to_string(spec.width) + "_" + std::string(dtypeName(spec.type));
  std::string key = stem + "|" + std::to_string(spec.tableRows) + "|" + std::to_string(spec.rowsOffset);
  constexpr int64_t rowsPerChunk = 8;
  KernelFunction shape{.symbol = "", .rowsPerChunk = rowsPerChunk};
  return e.kernel(key, stem, 3, shape, [&](const KernelArguments &in) {
    Value first = e.mul(in.chunk, rowsPerChunk), end = e.min(in.rows, e.add(first, rowsPerChunk));
    int64_t rowBytes = spec.width * int64_t(byteSize(spec.type));
    Value tableRows = spec.tableRows ? e.c64(spec.tableRows) : e.loadI64(e.gep(in.batch, spec.rowsOffset));
    e.loop(first, end, 1, [&](Value row) {
      Value id = e.loadI32AsI64(e.gep(in.pointers[1], e.mul(row, 4)));
      Value to = e.gep(in.pointers[2], e.mul(row, spec.width * 4));
      // As numbers without a sign, negative ids are beyond every table.
      e.ifElse(
          e.cmp(mlir::arith::CmpIPredicate::ult, id, tableRows),
          [&] {
            Value from = e.gep(in.pointers[0], e.mul(id, rowBytes));
            e.vectorLoop(e.c64(0), e.c64(spec.width), [&](Value at, int64_t width) {
              Value value = e.loadFloat(spec.type, e.gep(from, e.mul(at, int64_t(byteSize(spec.type)))), width);
              e.store(value, e.gep(to, e.mul(at, 4)), 4);
            });
          },
          [&] { e.zeroFill(to, spec.width * 4); });
    });
  });
}

}  // namespace llc::kernels
