#include "runtime/base/status.h"

#include <gtest/gtest.h>

namespace llc {
namespace {

Result<int> half(int value) {
  if (value % 2 == 0) return value / 2;
  return diagnose(ErrorKind::invalidInput, "half")
      .expected("an even number")
      .found(std::to_string(value))
      .toFix("add 1");
}
Result<int> quarter(int value) {
  LLC_ASSIGN(int first, half(value));
  LLC_ASSIGN(int second, half(first));
  return second;
}
Status both(int a, int b) {
  LLC_TRY(half(a));
  LLC_TRY(half(b));
  return success();
}

TEST(Status, CarriesAValueOrAnError) {
  EXPECT_EQ(*quarter(8), 2);
  auto failed = quarter(6);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().text(), "half: expected an even number, found 3; to fix: add 1");
  EXPECT_TRUE(both(2, 4));
  EXPECT_FALSE(both(2, 3));
}

TEST(Status, TheKindDecidesTheExitCode) {
  auto code = [](ErrorKind kind) { return diagnose(kind).says("x").toFix("y").exitCode(); };
  EXPECT_EQ(code(ErrorKind::invalidInput), 2);
  EXPECT_EQ(code(ErrorKind::notFound), 2);
  EXPECT_EQ(code(ErrorKind::unsupported), 3);
  EXPECT_EQ(code(ErrorKind::resource), 4);
  EXPECT_EQ(code(ErrorKind::internal), 70);
}

TEST(NearestNames, AreAtMostThreeAndNear) {
  EXPECT_EQ(nearestNames("llama", {"lama", "gpt2", "llama2"}), "'lama' or 'llama2'");
  EXPECT_EQ(nearestNames("llama", {"transformer"}), "");
  EXPECT_EQ(nearestNames("abc", {"abd", "abe", "abf", "abg"}), "'abd', 'abe' or 'abf'");
  EXPECT_EQ(nearestNames("", {}), "");
  EXPECT_EQ(nearestNames("5", {"a", "bc"}), "") << "any short name is two letters away from another";
  EXPECT_EQ(nearestNames("rn", {"run", "bench"}), "'run'");
}

}  // namespace
}  // namespace llc
