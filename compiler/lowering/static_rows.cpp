#include "compiler/lowering/static_rows.h"

#include <algorithm>
#include <map>
#include <set>

#include "compiler/lowering/row_program.h"

namespace llc::compiler {
namespace {
using index::Statement;
using kernels::RowProgramSpec;

// Once the rows' letters are replaced by t.
class RowFinder {
 public:
  RowFinder(const RowProgramSpec &spec, size_t leading) : spec_(spec), leading_(leading) {}

  // The program over rows, if its first `leading` result indices can be them.
  std::optional<RowProgramSpec> find() {
    const std::vector<int64_t> &shape = spec_.outputs[0].shape;
    extents_.assign(shape.begin(), shape.begin() + long(leading_));
    for (auto &output : spec_.outputs)
      if (!demandRows(output.name) || !hasRows(output.shape)) return std::nullopt;
    for (auto statement = spec_.statements.rbegin(); statement != spec_.statements.rend(); ++statement)
      if (perRow_[statement->name] == Reading::byRow ? !visitRows(*statement) : !visitInvariant(*statement))
        return std::nullopt;
    for (auto &input : spec_.inputs)
      if (perRow_[input.name] == Reading::byRow && !hasRows(input.shape)) return std::nullopt;
    return rewritten();
  }

 private:
  enum class Reading { none, byRow, whole };

  bool hasRows(const std::vector<int64_t> &shape) const {
    return shape.size() >= leading_ && std::equal(extents_.begin(), extents_.end(), shape.begin());
  }
  bool demand(const std::string &name, Reading reading) {
    Reading &known = perRow_[name];
    if (known == Reading::none) known = reading;
    return known == reading;
  }
  bool demandRows(const std::string &name) { return demand(name, Reading::byRow); }

  bool visitRows(const Statement &statement) {
    if (statement.output.size() < leading_) return false;
    std::string letters = statement.output.substr(0, leading_);
    std::set<char> rows(letters.begin(), letters.end());
    bool distinct = rows.size() == leading_ && std::all_of(rows.begin(), rows.end(), index::isIndexLetter);
    if (!distinct || statement.output.find_first_of(letters, leading_) != std::string::npos) return false;
    bool counts = false;
    index::walk(statement.body, [&](const index::Expr &node) {
      counts |= (node.kind == index::Expr::Extent || node.kind == index::Expr::Position) && rows.count(node.letter);
    });
    if (counts) return false;
    for (size_t i = 0; i < statement.inputs.size(); i++) {
      const std::string &indices = statement.inputs[i];
      if (indices.find_first_of("({") != std::string::npos) return false;
      bool byRow = indices.substr(0, leading_) == letters;
      if (indices.find_first_of(letters, byRow ? leading_ : 0) != std::string::npos) return false;
      if (!demand(statement.inputNames[i], byRow ? Reading::byRow : Reading::whole)) return false;
    }
    return true;
  }
  bool visitInvariant(const Statement &statement) {
    return std::all_of(statement.inputNames.begin(), statement.inputNames.end(),
                       [&](const std::string &name) { return demand(name, Reading::whole); });
  }

  void shorten(RowProgramSpec::Value &value) {
    if (perRow_[value.name] != Reading::byRow) return;
    value.shape.erase(value.shape.begin(), value.shape.begin() + long(leading_));
    value.shape.insert(value.shape.begin(), -1);
  }
  RowProgramSpec rewritten() {
    RowProgramSpec result = spec_;
    result.rows = 1;
    for (int64_t extent : extents_) result.rows *= extent;
    for (auto &input : result.inputs) shorten(input);
    for (auto &value : result.temporaries) shorten(value);
    for (auto &output : result.outputs) shorten(output);
    for (Statement &statement : result.statements) {
      if (perRow_[statement.name] != Reading::byRow) continue;
      statement = awayFromT(statement);
      statement.output = "t" + statement.output.substr(leading_);
      for (size_t i = 0; i < statement.inputs.size(); i++)
        if (perRow_[statement.inputNames[i]] == Reading::byRow)
          statement.inputs[i] = "t" + statement.inputs[i].substr(leading_);
    }
    return result;
  }
  // A t that means something else gets another letter.
  Statement awayFromT(const Statement &statement) const {
    std::string used = statement.output.substr(leading_);
    bool elsewhere = used.find('t') != std::string::npos;
    for (const std::string &input : statement.inputs) used += input, elsewhere |= input.find('t') != std::string::npos;
    if (!elsewhere || statement.output.substr(0, leading_).find('t') != std::string::npos) return statement;
    used += statement.output;
    for (char c = 'a'; c <= 'z'; ++c)
      if (used.find(c) == std::string::npos) return renameLetters(statement, {{'t', c}});
    return statement;
  }

  const RowProgramSpec &spec_;
  size_t leading_;
  std::vector<int64_t> extents_;
  std::map<std::string, Reading> perRow_;
};

bool isStatic(const RowProgramSpec &spec) {
  for (auto *list : {&spec.inputs, &spec.outputs})
    for (auto &value : *list)
      if (std::any_of(value.shape.begin(), value.shape.end(), [](int64_t extent) { return extent < 0; })) return false;
  return true;
}

// Some value has several elements in a row.
bool rowsAreLong(const RowProgramSpec &spec) {
  for (auto *list : {&spec.inputs, &spec.outputs})
    for (auto &value : *list)
      if (value.shape.size() > 1 && value.shape[0] < 0 && value.shape.back() > 1) return true;
  return false;
}
}  // namespace

void findStaticRows(RowProgramSpec &spec) {
  if (spec.outputs.empty() || !isStatic(spec) || kernels::checkElementwise(spec).ok()) return;
  size_t most = SIZE_MAX;
  for (auto &output : spec.outputs) most = std::min(most, output.shape.size());
  for (size_t leading = most; leading >= 1; --leading) {
    std::optional<RowProgramSpec> found = RowFinder(spec, leading).find();
    if (!found || !rowsAreLong(*found) || !kernels::checkRowProgram(*found).ok()) continue;
    spec = std::move(*found);
    return;
  }
}

}  // namespace llc::compiler
