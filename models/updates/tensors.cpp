#include "models/updates/tensors.h"

#include "frontends/dsl/sugar.h"

namespace llc::models {
using namespace dsl;

int64_t elements(const Shape &shape) {
  int64_t count = 1;
  for (int64_t size : shape) count *= size;
  return count;
}

Tensor sumOfSquares(Tensor x) {
  Shape shape = x.shape();
  if (shape.empty()) shape = {1};
  // Rows first: they are summed by all threads, and short sums lose less.
  Tensor rows = reshape(x, {shape[0], elements(shape) / shape[0]});
  Tensor sums = generic({rows}, {.signature = "ab->a", .body = "a*a", .combiner = "sum"}, {shape[0]}, DType::f32);
  return reduce(reshape(sums, {1, shape[0]}), {.signature = "ab->a", .kind = "sum"});
}

Tensor rootMeanSquare(Tensor x) { return sqrt(sumOfSquares(x) / double(elements(x.shape()))); }

}  // namespace llc::models
