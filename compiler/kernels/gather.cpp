#include "compiler/kernels/kernels.h"

namespace llc::kernels {

KernelFunction emitGatherRows(Emitter &e, const GatherRowsSpec &spec) {
  std::string stem = "gather_" + std::to_string(spec.width) + "_" + std::string(dtypeName(spec.type));
  std::string key = stem + "|" + std::to_string(spec.tableRows);
  constexpr int64_t rowsPerChunk = 8;
  KernelFunction shape{.symbol = "", .rowsPerChunk = rowsPerChunk};
  return e.kernel(key, stem, 3, shape, [&](const KernelArguments &in) {
    Value first = e.mul(in.chunk, rowsPerChunk), end = e.min(in.rows, e.add(first, rowsPerChunk));
    int64_t rowBytes = spec.width * int64_t(byteSize(spec.type));
    e.loop(first, end, 1, [&](Value row) {
      // Ids come from a request: the session checks them, this keeps a slip from reading outside the table.
      Value id = e.loadI32AsI64(e.gep(in.pointers[1], e.mul(row, 4)));
      if (spec.tableRows) id = e.min(id, e.c64(spec.tableRows - 1));
      id = e.max(e.c64(0), id);
      Value from = e.gep(in.pointers[0], e.mul(id, rowBytes)), to = e.gep(in.pointers[2], e.mul(row, spec.width * 4));
      e.vectorLoop(e.c64(0), e.c64(spec.width), [&](Value at, int64_t width) {
        Value value = e.loadFloat(spec.type, e.gep(from, e.mul(at, int64_t(byteSize(spec.type)))), width);
        e.store(value, e.gep(to, e.mul(at, 4)), 4);
      });
    });
  });
}

}  // namespace llc::kernels
