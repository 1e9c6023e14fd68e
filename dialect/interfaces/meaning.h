// What the facet interfaces exchange: the op's texts, sharding factors, costs, and the values of the interpreter.
#pragma once
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "dialect/interfaces/index.h"

namespace llc::llm {

using index::Shape;
using index::Tensor;

// The ODS fields of an op, pasted by TableGen. Either `signature` (with body and combiner) or `program`; `adjoint`
// optionally replaces the derived one. In signature, body and combiner "%name|fallback" reads the string attribute
// `name`,
// "?name A : B" is A when the attribute `name` is true, else B.
struct MeaningText {
  const char *signature, *body, *combiner, *program, *adjoint;
  const char *operandNames, *resultNames;  // comma separated; operandNames goes on with the attributes' names
  const char *elementFrom;                 // operands (comma separated) whose element type the result takes; "" = all
  bool widens;                             // the result's element type is at least f32
  const char *notDifferentiable;           // the reason; "" if differentiable
  const char *byHand;                      // facets overridden in C++, comma separated
};

// One index that may be cut across devices: every listed dimension must be cut alike.
struct DimensionRef {
  int value = 0;      // operand or result number
  int dimension = 0;  // of a tensor; of a cache: 0 = its heads
  bool operator==(const DimensionRef &) const = default;
};
struct Factor {
  int64_t size = 0;        // index::dynamicExtent for '?'
  bool reduction = false;  // cutting it needs a collective
  std::vector<DimensionRef> operands, results;
};

// What the costs depend on beside static shapes.
struct CostQuery {
  int64_t rows = 1;        // value of every dynamic dimension
  int64_t context = 1024;  // cached tokens that a row attends to
};
struct Cost {
  double flops = 0;  // scalar operations; a multiply-add counts 2
  double bytes = 0;  // read and written, if every operand comes from memory once
};

// ---- values of the interpreter
// A ragged batch without pages: rows of all sequences one after the other.
struct Batch {
  std::vector<int64_t> positions;        // [T] position in its sequence, also its slot in the cache
  std::vector<int64_t> sequenceOf;       // [T] any number that names the sequence
  std::vector<int64_t> sequenceLengths;  // [T] tokens of the row's sequence after this step
  // `count` rows of one sequence, the first at position `start`.
  static std::shared_ptr<const Batch> contiguous(int64_t start, int64_t count, int64_t sequence = 0);
};

// Keys and values of one layer: per sequence and slot, [heads * keyDim] and [heads * valueDim].
struct Cache {
  int64_t heads = 0, keyDim = 0, valueDim = 0;
  struct Slot {
    std::vector<double> key, value;
  };
  std::map<int64_t, std::vector<Slot>> sequences;
};

// One SSA value at run time: a tensor or a handle.
struct Datum {
  Datum() = default;
  Datum(Tensor value) : tensor(std::move(value)) {}
  Datum(std::shared_ptr<Cache> handle) : cache(std::move(handle)) {}
  Datum(std::shared_ptr<const Batch> handle) : batch(std::move(handle)) {}
  Tensor tensor;
  std::shared_ptr<Cache> cache;
  std::shared_ptr<const Batch> batch;
};

struct Environment;  // dialect/reference/interpreter.h

}  // namespace llc::llm
