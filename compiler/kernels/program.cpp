#include "compiler/kernels/program.h"

#include <algorithm>
#include <set>

#include "compiler/kernels/panels.h"
#include "compiler/kernels/vector_math.h"

namespace llc::kernels {
namespace {

index::Shape toIndexShape(const std::vector<int64_t> &shape) {
  index::Shape result(shape.begin(), shape.end());
  for (auto &extent : result)
    if (extent < 0) extent = index::dynamicExtent;
  return result;
}

Result<BoundStatement> bindStatement(const index::Statement &statement, const BoundProgram &known,
                                     const std::vector<int64_t> *declared) {
  BoundStatement bound{.statement = &statement};
  std::vector<index::Shape> shapes;
  for (auto &name : statement.inputNames) {
    auto found = known.values.find(name);
    if (found == known.values.end())
      return diagnose(ErrorKind::internal, index::print(statement))
          .says("'" + name + "' has no value yet")
          .toFix("list it as an input or compute it in an earlier statement");
    bound.operandShapes.push_back(found->second.shape);
    shapes.push_back(toIndexShape(found->second.shape));
  }
  index::Shape result = declared ? toIndexShape(*declared) : index::Shape();
  LLC_ASSIGN(index::Extents extents, index::bindLetters(statement, shapes, declared ? &result : nullptr));
  for (auto [letter, extent] : extents) bound.extents[letter] = extent == index::dynamicExtent ? -1 : extent;
  if (declared) {
    bound.resultShape = *declared;
  } else {
    LLC_ASSIGN(index::Shape inferred, index::resultShape(statement, shapes));
    for (int64_t extent : inferred) bound.resultShape.push_back(extent == index::dynamicExtent ? -1 : extent);
  }
  for (auto &item : index::dimensions(statement.output))
    if (index::isIndexLetter(item.letter)) bound.loopLetters += item.letter;
  bound.reducedLetters = statement.reduced();
  LLC_TRY(checkExpr(statement.body));
  return bound;
}

bool plainAndDistinct(const std::string &indices) {
  std::set<char> seen;
  return std::all_of(indices.begin(), indices.end(),
                     [&](char c) { return index::isIndexLetter(c) && seen.insert(c).second; });
}

// `user` with operand `position` replaced by the statement that computes it.
index::Statement substitute(const index::Statement &user, int position, const index::Statement &definition) {
  std::map<char, char> rename;
  for (size_t i = 0; i < definition.output.size(); i++) rename[definition.output[i]] = user.inputs[position][i];
  auto renamed = [&](char c) { return rename.count(c) ? rename.at(c) : c; };
  index::Statement merged = user;
  merged.inputs.erase(merged.inputs.begin() + position);
  merged.inputNames.erase(merged.inputNames.begin() + position);
  int first = int(merged.inputs.size());
  for (size_t i = 0; i < definition.inputs.size(); i++) {
    std::string indices = definition.inputs[i];
    for (char &c : indices) c = renamed(c);
    merged.inputs.push_back(indices);
    merged.inputNames.push_back(definition.inputNames[i]);
  }
  index::ExprPtr inner = index::rewrite(definition.body, [&](const index::ExprPtr &node) -> index::ExprPtr {
    if (node->kind == index::Expr::Operand) return index::operand(first + node->operand);
    if (node->kind != index::Expr::Extent && node->kind != index::Expr::Position) return nullptr;
    auto copy = std::make_shared<index::Expr>(*node);
    copy->letter = renamed(node->letter);
    return copy;
  });
  merged.body = index::rewrite(user.body, [&](const index::ExprPtr &node) -> index::ExprPtr {
    if (node->kind != index::Expr::Operand) return nullptr;
    if (node->operand == position) return inner;
    return node->operand > position ? index::operand(node->operand - 1) : nullptr;
  });
  return merged;
}

// May the temporary be computed where it is read, without being computed more often than now?
bool canInline(const index::Statement &definition, const index::Statement &user, size_t position) {
  const std::string &read = user.inputs[position];
  if (!definition.combiner.empty() || !plainAndDistinct(definition.output) || !plainAndDistinct(read)) return false;
  for (auto &indices : definition.inputs)
    if (indices.find_first_of("({") != std::string::npos) return false;
  for (auto &indices : user.inputs)
    if (indices.find('{') != std::string::npos) return false;
  std::set<char> iterated(read.begin(), read.end()), needed;
  for (auto &text : {user.output, user.reduced()})
    for (char c : text)
      if (index::isIndexLetter(c)) needed.insert(c);
  return iterated == needed;
}

bool isOutput(const RowProgramSpec &spec, const std::string &name) {
  return std::any_of(spec.outputs.begin(), spec.outputs.end(), [&](auto &output) { return output.name == name; });
}
}  // namespace

int64_t ProgramValue::rowElements() const {
  int64_t count = 1;
  for (size_t i = perRow() ? 1 : 0; i < shape.size(); i++) count *= shape[i];
  return count;
}

char BoundStatement::rowLetter() const {
  for (auto [letter, extent] : extents)
    if (extent < 0) return letter;
  return 0;
}

Result<BoundProgram> bindProgram(const RowProgramSpec &spec) {
  BoundProgram program;
  for (auto &input : spec.inputs) program.values[input.name] = input;
  for (auto &statement : spec.statements) {
    const RowProgramSpec::Value *declared = nullptr;
    for (auto *list : {&spec.temporaries, &spec.outputs})
      for (auto &value : *list)
        if (value.name == statement.name) declared = &value;
    LLC_ASSIGN(BoundStatement bound, bindStatement(statement, program, declared ? &declared->shape : nullptr));
    program.values[statement.name] = {statement.name, bound.resultShape, isOutput(spec, statement.name) ? declared->type : DType::f32};
    program.statements.push_back(std::move(bound));
  }
  return program;
}

ScratchPlan planScratch(const RowProgramSpec &spec, const BoundProgram &program,
                        llvm::function_ref<bool(const ProgramValue &)> inMemory) {
  ScratchPlan plan;
  for (auto &bound : program.statements) {
    const std::string &name = bound.statement->name;
    ProgramValue value{.shape = bound.resultShape};
    if (isOutput(spec, name) || plan.offsets.count(name) || !inMemory(value)) continue;
    plan.offsets[name] = plan.bytes;
    plan.bytes += roundUp(value.rowElements() * 4, 64);
  }
  return plan;
}

std::vector<index::Statement> inlineTemporaries(const RowProgramSpec &spec) {
  std::vector<index::Statement> statements = spec.statements;
  for (size_t d = 0; d < statements.size();) {
    const std::string name = statements[d].name;
    size_t reads = 0, user = 0, position = 0;
    for (size_t s = d + 1; s < statements.size(); s++)
      for (size_t i = 0; i < statements[s].inputNames.size(); i++)
        if (statements[s].inputNames[i] == name) reads++, user = s, position = i;
    if (isOutput(spec, name) || reads != 1 || !canInline(statements[d], statements[user], position)) {
      d++;
      continue;
    }
    statements[user] = substitute(statements[user], int(position), statements[d]);
    statements.erase(statements.begin() + long(d));
  }
  return statements;
}

std::string programKey(const RowProgramSpec &spec) {
  std::string key;
  auto value = [&](const RowProgramSpec::Value &v) {
    key += v.name + ":" + std::string(dtypeName(v.type)) + (v.inBf16Rows ? "b" : "");
    for (int64_t extent : v.shape) key += "," + std::to_string(extent);
    key += ";";
  };
  for (auto &input : spec.inputs) value(input);
  key += "->";
  for (auto &output : spec.outputs) value(output);
  if (!spec.start.empty()) key += "from " + spec.start + ";";
  for (auto &statement : spec.statements) key += index::print(statement) + "|" + statement.signature() + ";";
  return key;
}

namespace {
// How far the indices from number `first` on lead, in units of which an element has `stride`. Null: nowhere.
Value offsetOf(Emitter &e, const ProgramValue &value, const std::string &indices, const LetterValues &letters,
               size_t first, int64_t stride) {
  Value offset;
  for (size_t i = indices.size(); i-- > first;) {
    if (indices[i] != '1') {
      Value part = e.mul(letters.at(indices[i]), stride);
      offset = offset ? e.add(offset, part) : part;
    }
    if (value.shape[i] > 0) stride *= value.shape[i];
  }
  return offset;
}
}  // namespace

Value elementPointer(Emitter &e, const ProgramValue &value, const std::string &indices, const LetterValues &letters) {
  Value offset = offsetOf(e, value, indices, letters, value.currentRowOnly ? 1 : 0, int64_t(byteSize(value.type)));
  return offset ? e.gep(value.base, offset) : value.base;
}
Value columnNumber(Emitter &e, const ProgramValue &value, const std::string &indices, const LetterValues &letters) {
  Value number = offsetOf(e, value, indices, letters, 1, 1);
  return number ? number : e.c64(0);
}

}  // namespace llc::kernels
