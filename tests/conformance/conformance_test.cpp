// Every family of ops in every mode, and that the table is whole.
#include <gtest/gtest.h>

#include <fstream>
#include <iostream>
#include <set>

#include "runtime/base/cpu.h"
#include "tests/conformance/verdicts.h"

namespace llc::conformance {
namespace {
constexpr const char *matrixFile = "docs/generated/support_matrix.md";

struct Place {
  const Family *family;
  const Mode *mode;
  friend void PrintTo(const Place &place, std::ostream *out) {
    *out << place.family->name << " in " << place.mode->name;
  }
};

std::vector<Place> places() {
  std::vector<Place> list;
  for (const Family &family : families())
    for (const Mode &mode : modes()) list.push_back({&family, &mode});
  return list;
}

class Conformance : public testing::TestWithParam<Place> {};

TEST_P(Conformance, everyCase) {
  const auto &[family, mode] = GetParam();
  if (std::string why = whySkipped(*mode); !why.empty()) GTEST_SKIP() << why;
  const std::vector<Verdict> &found = verdicts(*family, *mode);
  ASSERT_EQ(found.size(), family->cases.size());
  for (size_t i = 0; i < found.size(); ++i)
    EXPECT_NE(found[i].kind, Verdict::wrong) << family->cases[i]->name << ": " << found[i].message;
}

INSTANTIATE_TEST_SUITE_P(Table, Conformance, testing::ValuesIn(places()),
                         [](const auto &info) { return info.param.family->name + "_" + info.param.mode->name; });

// Every golden is in the table, so every op is: dialect_tests sees to it that no op lacks a golden.
TEST(Table, hasEveryGolden) {
  std::set<std::string> used;
  for (const Family &family : families())
    for (const auto &test : family.cases)
      if (!test->row.contains("types")) used.insert(test->row.value("golden", test->name));
  for (const auto &[name, entry] : goldens().items())
    EXPECT_TRUE(used.count(name)) << "add \"" << name << "\" to a file of tests/conformance/tables";
}

TEST(Table, theSupportMatrixIsFresh) {
  if (hostCpu().level < IsaLevel::avx2) GTEST_SKIP() << "this machine has no avx2: not all modes can be looked at";
  EXPECT_EQ(readFile(matrixFile), supportMatrix())
      << "run: build/release/bin/conformance_tests --write-matrix " << matrixFile;
}

}  // namespace
}  // namespace llc::conformance

int main(int argc, char **argv) {
  testing::InitGoogleTest(&argc, argv);
  if (argc == 3 && std::string(argv[1]) == "--write-matrix") {
    std::ofstream stream(argv[2]);
    stream << llc::conformance::supportMatrix();
    stream.close();
    return stream.good() ? 0 : 1;
  }
  if (argc > 1) {
    std::cerr << "usage: conformance_tests [--gtest_filter=...] | --write-matrix FILE\n";
    return 2;
  }
  return RUN_ALL_TESTS();
}
