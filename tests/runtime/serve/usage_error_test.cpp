#include "runtime/serve/usage_error.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace llc {
namespace {

// What `program ARGUMENTS` is reported as; empty if nothing is wrong.
std::string mistakeIn(std::vector<std::string> arguments) {
  CLI::App app("", "program");
  app.require_subcommand(1);
  int64_t count = 0;
  double share = 0;
  CLI::App *bake = app.add_subcommand("bake", "");
  bake->add_option("--loaves", count);
  bake->add_option("--share", share)->required();
  app.add_subcommand("sweep", "");
  std::reverse(arguments.begin(), arguments.end());
  try {
    app.parse(arguments);
  } catch (const CLI::ParseError &error) {
    return usageError(app, error).text();
  }
  return "";
}

TEST(UsageError, NamesWhatIsNotUnderstoodAndTheNearest) {
  EXPECT_EQ(mistakeIn({"bake", "--share", "0.5"}), "");
  EXPECT_EQ(mistakeIn({"bkae"}), "bkae: is no command; to fix: did you mean 'bake'? Otherwise see program --help");
  EXPECT_EQ(mistakeIn({"bake", "--laoves=3"}),
            "--laoves: is no option here; to fix: did you mean '--loaves'? Otherwise see program bake --help");
  EXPECT_EQ(mistakeIn({"sweep", "more"}), "more: is one argument too many; to fix: see program sweep --help");
}

TEST(UsageError, SaysWhatAValueShouldBe) {
  EXPECT_EQ(mistakeIn({"bake", "--share", "1", "--loaves", "x"}),
            "--loaves: expected a whole number, found 'x'; to fix: see program bake --help");
  EXPECT_EQ(mistakeIn({"bake", "--share", "half"}),
            "--share: expected a number, found 'half'; to fix: see program bake --help");
}

TEST(UsageError, SaysWhatIsMissing) {
  EXPECT_NE(mistakeIn({}).find("; to fix: see program --help"), std::string::npos);
  EXPECT_NE(mistakeIn({"bake"}).find("--share"), std::string::npos);
}

}  // namespace
}  // namespace llc
