// What came out for every case in every mode. A family is compiled and run once per mode; later questions are free.
#pragma once
#include <string>
#include <vector>

#include "tests/conformance/table.h"

namespace llc::conformance {

struct Mode {
  std::string name, about;  // as modes.json has them
  // "reference": the interpreter on the module as it is written; "phases": on the module that all tensor phases made;
  // "jit", "wide", "aot": compiled code; "emulated": code for another architecture, by qemu; "elsewhere": another test
  // looks at it; "missing": it does not exist yet.
  std::string kind, level;
};
const std::vector<Mode> &modes();
// Why the mode can't be looked at on this machine or at all; empty if it can.
std::string whySkipped(const Mode &mode);

struct Verdict {
  enum Kind { right, wrong, refused, skipped } kind = right;
  std::string message;
};
// One per case of the family, in its order.
const std::vector<Verdict> &verdicts(const Family &family, const Mode &mode);

// docs/generated/support_matrix.md: ops and the modes that were looked at here.
std::string supportMatrix();

}  // namespace llc::conformance
