#include <fmt/format.h>

#include <map>

#include "dialect/ops/llm.h"
#include "tests/conformance/verdicts.h"

namespace llc::conformance {
namespace {

// What of one op came out in one mode.
struct Cell {
  int right = 0, refused = 0, wrong = 0;
  std::string text() const {
    if (wrong) return fmt::format("**{} wrong**", wrong);
    if (right && refused) return fmt::format("{}, {} refused", right, refused);
    if (right) return std::to_string(right);
    return refused ? "refused" : "–";
  }
};

// Modes in the matrix are the same on every machine: native AVX-512 is left to its test, avx512_shapes stands for it,
// and so are those that need an emulator.
bool inMatrix(const Mode &mode) { return mode.name != "avx512" && mode.kind != "emulated"; }

std::string gradientOf(const std::string &op) {
  bool possible = false;
  for (const Family &family : families())
    for (const auto &test : family.cases)
      test->module->walk([&](llm::Indexed found) {
        if (found->getName().stripDialect() == op) possible = !*found.meaningText().notDifferentiable;
      });
  return possible ? "yes" : "none";
}

std::string cellOf(const Family &family, const std::string &op, const Mode &mode) {
  if (mode.name == "gradient") return gradientOf(op);
  if (mode.kind == "missing") return "–";
  Cell cell;
  const std::vector<Verdict> &found = verdicts(family, mode);
  for (size_t i = 0; i < found.size(); ++i) {
    auto ops = family.cases[i]->ops();
    if (std::find(ops.begin(), ops.end(), op) == ops.end()) continue;
    cell.right += found[i].kind == Verdict::right;
    cell.refused += found[i].kind == Verdict::refused;
    cell.wrong += found[i].kind == Verdict::wrong;
  }
  return cell.text();
}

std::string tableOf(const Family &family) {
  std::string header = "| op |", rule = "|---|", rows;
  for (const Mode &mode : modes())
    if (inMatrix(mode)) header += " " + mode.name + " |", rule += "---|";
  std::map<std::string, int> ops;
  for (const auto &test : family.cases)
    for (const std::string &op : test->ops())
      if (op != "use" && op != "parameter" && op != "yield") ops[op] = 1;
  if (family.name == "state") ops["use"] = ops["parameter"] = 1;
  if (family.name == "structure") ops["yield"] = 1;
  for (const auto &[op, unused] : ops) {
    rows += "| `" + op + "` |";
    for (const Mode &mode : modes())
      if (inMatrix(mode)) rows += " " + cellOf(family, op, mode) + " |";
    rows += "\n";
  }
  return "## " + family.name + "\n" + family.about + "\n\n" + header + "\n" + rule + "\n" + rows + "\n";
}

}  // namespace

std::string supportMatrix() {
  std::string text =
      "# Ops and modes\n\n"
      "Written by `build/release/bin/conformance_tests --write-matrix docs/generated/support_matrix.md`; a test "
      "compares.\n"
      "A number says how many cases of `tests/conformance/tables` hold the op and are right in that mode; *refused*: "
      "the\n"
      "compiler says why it can't; –: there is no such mode yet. Gradients: *yes*, or *none* where the op has no "
      "derivative.\n\n";
  for (const Mode &mode : modes()) text += "- `" + mode.name + "`: " + mode.about + "\n";
  text += "\n";
  for (const Family &family : families()) text += tableOf(family);
  text.pop_back();
  return text;
}

}  // namespace llc::conformance
