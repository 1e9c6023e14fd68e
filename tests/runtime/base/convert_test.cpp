#include "runtime/base/convert.h"

#include <gtest/gtest.h>

using namespace llc;

// Every pair of types gives what one element at a time gives.
TEST(ConvertElements, equalsElementwiseConversion) {
  const std::vector<double> values = {0, 1, -2.5, 3.140625, 100, -0.0078125};
  const DType types[] = {DType::f32, DType::f16, DType::bf16, DType::f64, DType::i32, DType::i64};
  for (DType from : types)
    for (DType to : types) {
      std::vector<char> source(values.size() * byteSize(from) + 1), result(values.size() * byteSize(to) + 1);
      for (size_t i = 0; i < values.size(); ++i) storeElement(source.data() + 1, from, i, values[i]);
      convertElements(source.data() + 1, from, result.data() + 1, to, values.size());  // unaligned on purpose
      for (size_t i = 0; i < values.size(); ++i) {
        std::vector<char> one(8);
        storeElement(one.data(), to, 0, loadElement(source.data() + 1, from, i));
        EXPECT_EQ(loadElement(result.data() + 1, to, i), loadElement(one.data(), to, 0))
            << dtypeName(from) << " to " << dtypeName(to);
      }
    }
}
