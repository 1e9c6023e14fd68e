#include "dialect/interfaces/products.h"

#include "gtest/gtest.h"

namespace llc::llm {
namespace {

std::optional<MatrixProduct> of(const char *signature, const char *body = "a*b", const char *combiner = "sum") {
  return matrixProductOf(*index::makeStatement(signature, body, combiner));
}

TEST(MatrixProducts, HaveRowsColumnsAndSteps) {
  auto linear = of("mk,nk->mn");
  ASSERT_TRUE(linear);
  EXPECT_EQ(linear->left, 0);
  EXPECT_EQ(linear->right, 1);
  EXPECT_FALSE(linear->batched);
  EXPECT_TRUE(of("bshd,bthd->bhst")->batched);
  EXPECT_TRUE(of("mk,nk->mn", "a*b*0.5"));
}

TEST(MatrixProducts, OtherSumsAreNone) {
  EXPECT_FALSE(of("mk,k->m"));                // no columns: a matrix times a vector
  EXPECT_FALSE(of("mk,mk->m"));               // products element by element, summed
  EXPECT_FALSE(of("mk,nk->mnk", "a*b", ""));  // nothing is summed
  EXPECT_FALSE(of("mk,nk->mn", "a*b", "max"));
  EXPECT_FALSE(of("mk,nk->mn", "a+b"));
  EXPECT_FALSE(of("mk,nk->mn", "exp(a)*b"));
}

}  // namespace
}  // namespace llc::llm
