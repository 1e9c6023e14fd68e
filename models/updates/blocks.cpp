#include "models/updates/blocks.h"

#include "frontends/dsl/sugar.h"
#include "models/updates/tensors.h"

namespace llc::models {
using namespace dsl;
namespace {
std::string mapFunction(const char *stem, Signs signs) {
  return std::string(stem) + (signs == Signs::positive ? "_positive" : "");
}
}  // namespace

int64_t blockSize(const Shape &shape) {
  constexpr int64_t largest = 256, least = 64, fewest = 4096;
  int64_t count = elements(shape);
  for (int64_t size = largest; size >= least && count >= fewest; --size)
    if (count % size == 0) return size;
  return 0;
}

EncodedBlocks toBlocks(Tensor x, Signs signs) {
  Tensor scales = generic({x}, {.signature = "bi->b", .body = "abs(a)", .combiner = "max"}, {x.size(0)}, DType::f32);
  // A block of zeros has the scale zero: divided by the smallest normal number, it stays zeros.
  std::string code = mapFunction("dynamic_code", signs) + "(a/max(b,1.1754943508222875e-38))";
  return {generic({x, scales}, {.signature = "bi,b->bi", .body = code}, x.shape(), DType::u8), scales};
}

Tensor fromBlocks(const EncodedBlocks &blocks, Signs signs) {
  std::string value = mapFunction("dynamic_value", signs) + "(a)*b";
  return generic({blocks.codes, blocks.scales}, {.signature = "bi,b->bi", .body = value}, blocks.codes.shape(),
                 DType::f32);
}

}  // namespace llc::models
