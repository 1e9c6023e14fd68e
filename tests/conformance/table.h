// The conformance table: tables/<family>.json, one file per op family. A case is one entry function around an op, with
// inputs and the results that every mode must give.
//
// A case is either the name of a golden (tests/dialect/ops/cases.mlir with inputs and results of tests/golden/dialect)
// or written in the table with shapes that fill registers, tiles and tails; its inputs are random and its results come
// from the reference interpreter, which the goldens hold to an independent implementation. Keys of a case:
//   name, golden        the function; `golden`: its text in cases.mlir, by default the name itself
//   each                names that stand for `$` in name and op: one case each
//   op, types, results  the op on %a, %b, ... of these types ("?x4xf32" is a tensor)
//   paged, layer        the op is what follows `llm.paged_attention`; a cache of this element type is made and filled
//   parameters          arguments (by number) that become llm.parameter, so that weights are packed
//   rows                arguments whose `?` is "rows" instead of "tokens"
//   fixed               `?` is replaced by the golden's sizes: compiled programs want their `?` first
//   tokens, wanted      sizes of the two dynamic dimensions; batch: new tokens per sequence instead
//   positions           the argument that holds the batch's positions
//   range, ranges       of the random values of all, or of one, argument
//   tolerance, why      of the largest expected magnitude; by default the family's. `why`: where another one comes from
//   packed              compiled code gives the result as panels of weights
//   refused             the compiler must refuse the case, with a message that holds this text
#pragma once
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "dialect/interfaces/meaning.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

namespace llc::conformance {

struct Case {
  std::string family, name;
  nlohmann::json row;                        // as the table has it, `each` and the family's defaults filled in
  mlir::OwningOpRef<mlir::ModuleOp> module;  // llm.parameter ops and the function @name
  std::vector<llm::Datum> inputs;            // of the function, without what became parameters
  std::map<std::string, llm::Tensor> parameters;
  std::vector<llm::Tensor> expected;
  int64_t tokens = 1, wanted = 1;  // values of the dynamic dimensions
  std::string refused() const { return row.value("refused", ""); }
  double tolerance() const { return row.at("tolerance").get<double>(); }
  mlir::func::FuncOp function();
  std::vector<std::string> ops();  // mnemonics in the function, once each
};

struct Family {
  std::string name, about;
  std::vector<std::unique_ptr<Case>> cases;
};

// All families, read once; their modules live in context(). A mistake in a table ends the process with a message.
const std::vector<Family> &families();
mlir::MLIRContext &context();
const nlohmann::json &goldens();
std::string readFile(const std::string &pathInProject);
mlir::OwningOpRef<mlir::ModuleOp> parse(const std::string &text, const std::string &what);

// One module with the functions of `cases`, and the attributes that programs need.
mlir::OwningOpRef<mlir::ModuleOp> moduleOf(const std::vector<Case *> &cases);

}  // namespace llc::conformance
