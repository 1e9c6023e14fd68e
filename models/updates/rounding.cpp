#include "models/updates/rounding.h"

#include "frontends/dsl/sugar.h"
#include "models/updates/tensors.h"

namespace llc::models {
using namespace dsl;

Tensor drawKey(Tensor step, uint64_t seed, int64_t number) {
  std::string body = "16777216*random(a," + std::to_string(seed % (1 << 24)) + "," + std::to_string(number) + ")";
  return generic({step}, {.signature = "a->a", .body = body}, {1}, DType::f32);
}

Tensor stochasticallyRounded(Tensor x, Tensor key) {
  Shape shape = x.shape();
  int64_t columns = shape.back(), rows = elements(shape) / columns;
  // Numbers of rows and columns as data: programs over rows do not know which row they are at.
  // Columns count from one: the same value could not be read by row and as a whole in one program.
  Tensor row = iota({rows}, DType::f32), column = iota({columns}, DType::f32) + 1;
  Tensor matrix = shape.size() == 2 ? x : reshape(x, {rows, columns});
  Tensor noise =
      generic({row, column, key}, {.signature = "b,i,1->bi", .body = "random(a,b,c)"}, {rows, columns}, DType::f32);
  Tensor rounded = generic({matrix, noise}, {.signature = "bi,bi->bi", .body = "stochastic_bf16(a,b)"}, {rows, columns},
                           DType::bf16);
  return shape.size() == 2 ? rounded : reshape(rounded, shape);
}

}  // namespace llc::models
