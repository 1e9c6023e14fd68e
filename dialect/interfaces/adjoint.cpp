// The adjoint of a statement is a statement: y[out] = sum body(x0[in0], ...) gives dxi[in_i] = sum dy[out] * d body/d
// xi, with the letters that dxi lacks reduced. max and min send dy to every winner (ties included).
#include "dialect/interfaces/index.h"

namespace llc::index {
namespace {

class AdjointBuilder {
 public:
  AdjointBuilder(const Statement &statement, int position)
      : statement_(statement),
        position_(position),
        operands_(static_cast<int>(statement.inputs.size())),
        indices_(statement.inputs),
        kept_(operands_ + 2, false) {
    indices_.push_back(statement.output);  // y
    indices_.push_back(statement.output);  // dy
  }

  Adjoint run() {
    ExprPtr body = call("mul", {operand(operands_ + 1), derivative()});
    walk(body, [&](const Expr &part) {
      if (part.kind == Expr::Operand) kept_[part.operand] = true;
    });
    keepIndirect();
    keepShapes();
    return assemble(body);
  }

 private:
  // The derivative of one contribution; parts equal to the body are read from y instead of computed again.
  ExprPtr derivative() {
    ExprPtr local = partial(statement_.body, position_);
    const int y = operands_;
    if (statement_.combiner.empty())
      local = rewrite(local, [&](const ExprPtr &part) -> ExprPtr {
        return part->kind == Expr::Call && same(part, statement_.body) ? operand(y) : nullptr;
      });
    if (statement_.combiner == "max" || statement_.combiner == "min")
      local = call("mul", {call("eq", {statement_.body, operand(y)}), local});
    return local;
  }
  void keepIndirect() {
    for (int k = 0; k < operands_ + 2; ++k) {
      if (!kept_[k] && k != position_) continue;
      for (const Dimension &item : dimensions(indices_[k]))
        if (item.indirect >= 0) kept_[item.indirect] = true;
    }
  }
  static bool hasPlain(const std::string &indices, char letter) {
    for (const Dimension &item : dimensions(indices))
      if (item.letter == letter) return true;
    return false;
  }
  bool covered(char letter) const {
    for (int k = 0; k < operands_ + 2; ++k)
      if (kept_[k] && hasPlain(indices_[k], letter)) return true;
    return false;
  }
  // Every index of the iteration space stays bound: an operand that only gives a shape is kept. Without it a sum over a
  // letter that vanished with its operand would be off by the factor of its extent, silently.
  void keepShapes() {
    if (scatters(indices_[position_])) kept_[position_] = true;  // extents of a scattered result follow from no letter
    for (int k = 0; k < operands_; ++k)
      for (const Dimension &item : dimensions(indices_[k])) {
        if (!isIndexLetter(item.letter) || covered(item.letter)) continue;
        kept_[hasPlain(indices_[position_], item.letter) ? position_ : k] = true;
      }
  }
  Adjoint assemble(const ExprPtr &body) {
    Adjoint adjoint;
    Statement &result = adjoint.statement;
    std::vector<int> place(operands_ + 2, -1);
    auto add = [&](int k) {
      if (!kept_[k]) return;
      place[k] = static_cast<int>(adjoint.used.size());
      adjoint.used.push_back(k);
      result.inputNames.push_back(std::to_string(place[k]));
      result.inputs.push_back(indices_[k]);
    };
    add(operands_ + 1);  // dy first: gradients of contractions then read like contractions
    for (int k = 0; k <= operands_; ++k) add(k);
    auto moved = [&](int k) { return place[k]; };
    result.body = rewrite(body, [&](const ExprPtr &part) -> ExprPtr {
      return part->kind == Expr::Operand ? operand(place[part->operand]) : nullptr;
    });
    for (std::string &indices : result.inputs) indices = renumber(indices, moved);
    result.output = renumber(statement_.inputs[position_], moved);
    if (!result.reduced().empty() || scatters(result.output)) result.combiner = "sum";
    return adjoint;
  }

  const Statement &statement_;
  int position_, operands_;
  std::vector<std::string> indices_;  // of the operands, y and dy
  std::vector<bool> kept_;
};

}  // namespace

Result<Adjoint> adjointOf(const Statement &statement, int position) {
  if (statement.combiner == "prod" && !statement.reduced().empty())
    return diagnose(ErrorKind::unsupported, "`" + statement.signature() + "`")
        .says("the adjoint of prod is not derived")
        .toFix("sum logarithms instead, or write the op's adjoint by hand");
  return AdjointBuilder(statement, position).run();
}

}  // namespace llc::index
