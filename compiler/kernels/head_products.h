// Queries, keys and values of attention as one stage.
#pragma once
#include <optional>

#include "compiler/kernels/kernels.h"

namespace llc::kernels {

// Products of one input x[t,k] whose columns are heads: a chunk covers whole heads, so each is finished while its sums
// lie in the first-level cache, and keys and values go straight to their slots of the paged cache. Per part:
//     z[t, h*dim] = epilogue(x w, vectors over the columns);  per head: program(z), rotation
// The chunks of all parts are numbered through. Operands: x; per part (query, key, value) w, its vectors, its program's
// vectors; then cos and sin if a part rotates; then the cache. Result: the queries y[t,h,d].
struct HeadProductsSpec {
  struct Part {
    int64_t heads = 0, dim = 0;
    std::string epilogue = "a";  // over a = the sum, b, c, ... = vectors over the columns
    int64_t vectors = 0;
    // Done to every head: inputs[0] and outputs[0] are x[-1,dim] and y[-1,dim] (in one place, see RowProgramSpec), the
    // other inputs do not depend on the row.
    std::optional<RowProgramSpec> program;
    bool rotates = false;
    int64_t columns() const { return heads * dim; }
  };
  int64_t k = 0;
  DType weights = DType::f32;
  bool xInBf16 = false;  // x is rows of bf16 (bf16_rows.h)
  Part query, key, value;
  int64_t rotated = 0;  // leading dimensions of a head that turn
  bool interleaved = false;
  CacheSpec cache;  // agrees with heads and dims of key and value
};
KernelFunction emitHeadProducts(Emitter &, const HeadProductsSpec &);

// Columns of a chunk for heads of these sizes: whole panels that hold whole heads. 0: no chunk of sensible size does.
int64_t headColumns(std::initializer_list<int64_t> dims);

}  // namespace llc::kernels
