#include "runtime/base/dtype.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace llc {
namespace {

TEST(DType, NamesAreReadBack) {
  for (DType type : {DType::f32, DType::f16, DType::bf16, DType::f64, DType::i64, DType::i32, DType::i16, DType::i8,
                     DType::u8, DType::boolean})
    EXPECT_EQ(parseDType(dtypeName(type)), type);
  EXPECT_EQ(parseDType("bfloat16"), DType::bf16);
  EXPECT_EQ(parseDType("complex64"), std::nullopt);
}

TEST(DType, EveryF16SurvivesTheRoundTrip) {
  for (uint32_t bits = 0; bits < 65536; ++bits) {
    float value = fromF16(uint16_t(bits));
    if (std::isnan(value))
      EXPECT_TRUE(std::isnan(fromF16(toF16(value)))) << bits;
    else
      EXPECT_EQ(toF16(value), bits);
  }
}

TEST(DType, EveryBf16SurvivesTheRoundTrip) {
  for (uint32_t bits = 0; bits < 65536; ++bits) {
    float value = fromBf16(uint16_t(bits));
    if (std::isnan(value))
      EXPECT_TRUE(std::isnan(fromBf16(toBf16(value)))) << bits;
    else
      EXPECT_EQ(toBf16(value), bits);
  }
}

TEST(DType, RoundsToTheNearestAndTiesToEven) {
  EXPECT_EQ(fromBf16(toBf16(1.00390625f)), 1.0f);       // half a step above 1: to the even one
  EXPECT_EQ(fromBf16(toBf16(1.01171875f)), 1.015625f);  // half a step above an odd one
  EXPECT_EQ(fromF16(toF16(1.00048828125f)), 1.0f);
  EXPECT_EQ(fromF16(toF16(1.00146484375f)), 1.001953125f);
  EXPECT_EQ(fromF16(toF16(65519.0f)), 65504.0f);
  EXPECT_EQ(fromF16(toF16(65520.0f)), std::numeric_limits<float>::infinity());
  EXPECT_EQ(toF16(-1e-9f), 0x8000);
}

TEST(DType, ElementsAreStoredAndLoaded) {
  alignas(8) char data[32];
  for (DType type : {DType::f32, DType::f16, DType::bf16, DType::f64, DType::i64, DType::i32, DType::i16, DType::i8}) {
    storeElement(data, type, 1, -3);
    storeElement(data, type, 0, 5);
    EXPECT_EQ(loadElement(data, type, 1), -3) << dtypeName(type);
    EXPECT_EQ(loadElement(data, type, 0), 5) << dtypeName(type);
  }
  storeElement(data, DType::u8, 0, 200);
  EXPECT_EQ(loadElement(data, DType::u8, 0), 200);
  storeElement(data, DType::boolean, 0, 7);
  EXPECT_EQ(loadElement(data, DType::boolean, 0), 1);
}

}  // namespace
}  // namespace llc
