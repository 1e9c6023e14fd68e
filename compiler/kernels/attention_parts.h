// Contexts cut into parts: what attention over one part leaves behind, and how parts become one.
#pragma once
#include <string>

#include "compiler/kernels/emitter.h"
#include "compiler/kernels/kernels.h"
#include "runtime/abi/llc_abi.h"

namespace llc::kernels {

constexpr double log2e = 1.44269504088896340736;
// Maximum of a query that has seen no key yet: finite, so that exp2(-inf - maximum) is 0 and never NaN.
constexpr double noMaximum = -1e30;

// Slots whose scores are in scratch at once; parts are whole blocks.
inline constexpr int64_t attentionBlockSlots = 4 * LLC_PAGE_TOKENS;

// A softmax under way, in memory: the sum of values by weight, then, from the next cache line on, the largest score (a
// base-2 exponent) and the sum of weights; sums are relative to the largest score.
struct PartialSoftmax {
  static int64_t bytes(int64_t valueDim);  // a multiple of 64
  PartialSoftmax(Emitter &, int64_t valueDim, Value at);

  Value largest();
  Value total();
  void set(Value largest, Value total);
  void clear();            // nothing seen
  void begin(Value sink);  // the same, but for the sink (a pointer; may be null): a key without a value
  void copyTo(PartialSoftmax other);
  void merge(PartialSoftmax other);  // both as one, in this
  void storeQuotient(const PagedAttentionSpec &, Value result, Value rows, Value row,
                     Value head);  // of the step's rows

  Emitter &e;
  int64_t valueDim;
  Value output, maximum, sum;  // pointers
};

// Byte offset of a part in the workspace: [row][head][part].
Value partOffset(Emitter &, const PagedAttentionSpec &, Value row, Value head, Value part);

int64_t attentionRowsPerChunk(const PagedAttentionSpec &);
std::string attentionStem(const PagedAttentionSpec &);  // for the symbol
std::string attentionKey(const PagedAttentionSpec &);   // equal for equal specs

}  // namespace llc::kernels
