// Element-wise programs of static shape, and sums over all but the last index: both are flat loops over memory, cut
// into ranges that threads claim.
#include <algorithm>
#include <set>

#include "compiler/kernels/program.h"
#include "compiler/kernels/vector_math.h"

using namespace mlir;

namespace llc::kernels {
namespace {

// Enough work to be worth claiming; the operands' parts stay in the second level.
constexpr int64_t elementsPerChunk = 8192;

int64_t countOf(const std::vector<int64_t> &shape) {
  int64_t count = 1;
  for (int64_t extent : shape) count *= extent;
  return count;
}

bool has(const index::ExprPtr &body, index::Expr::Kind kind) {
  bool found = false;
  index::walk(body, [&](const index::Expr &node) { found |= node.kind == kind; });
  return found;
}

bool isPlain(const std::string &indices) {
  return std::all_of(indices.begin(), indices.end(), [](char c) { return index::isIndexLetter(c) || c == '1'; });
}

Error refuse(const index::Statement &statement, const char *why) {
  return diagnose(ErrorKind::unsupported, index::print(statement)).says(why).toFix("emit it with emitLoops");
}

std::string symbolStem(const char *kind, const RowProgramSpec &spec) {
  std::string stem = kind + spec.statements.back().name;
  for (char &c : stem)
    if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
  return stem;
}

// ---- element by element
class Elementwise {
 public:
  Elementwise(Emitter &e, const RowProgramSpec &spec, const BoundProgram &program, int64_t count)
      : e(e), spec(spec), program(program), count(count) {}

  void emit(const KernelArguments &in) {
    for (auto &bound : program.statements)
      if (countOf(bound.resultShape) == 1) assign(bound, in, {}, 1, numbers);
    Value first = e.mul(in.chunk, elementsPerChunk), end = e.min(e.c64(count), e.add(first, elementsPerChunk));
    e.vectorLoop(first, end, [&](Value at, int64_t width) { vectorAt(in, at, width); }, count % e.target.lanes != 0);
  }

 private:
  using Known = std::map<std::string, Value>;

  // Everything is read before anything is written, so outputs may lie on inputs.
  void vectorAt(const KernelArguments &in, Value at, int64_t width) {
    Known known;
    for (auto &bound : program.statements)
      if (countOf(bound.resultShape) != 1) assign(bound, in, at, width, known);
    for (size_t o = 0; o < spec.outputs.size(); o++) {
      const RowProgramSpec::Value &output = spec.outputs[o];
      e.storeFloat(output.type, known.at(output.name), elementAt(in, spec.inputs.size() + o, output.type, at));
    }
  }
  void assign(const BoundStatement &bound, const KernelArguments &in, Value at, int64_t width, Known &known) {
    const index::Statement &statement = *bound.statement;
    known[statement.name] = emitExpr(e, statement.body, width, [&](const index::Expr &node) -> Value {
      if (node.kind == index::Expr::Extent) return e.constant(e.f(width), double(bound.extents.at(node.letter)));
      return read(statement.inputNames[size_t(node.operand)], in, at, width, known);
    });
  }
  Value read(const std::string &name, const KernelArguments &in, Value at, int64_t width, Known &known) {
    if (auto found = known.find(name); found != known.end()) return found->second;
    if (auto found = numbers.find(name); found != numbers.end()) return e.splat(width, found->second);
    for (size_t i = 0; i < spec.inputs.size(); i++) {
      const RowProgramSpec::Value &input = spec.inputs[i];
      if (input.name != name) continue;
      if (countOf(input.shape) == 1) return e.splat(width, e.loadFloat(input.type, in.pointers[i], 1));
      return known[name] = e.loadFloat(input.type, elementAt(in, i, input.type, at), width);
    }
    assert(false && "bindProgram checked the names");
    return {};
  }
  Value elementAt(const KernelArguments &in, size_t pointer, DType type, Value at) {
    return e.gep(in.pointers[pointer], e.mul(at, int64_t(byteSize(type))));
  }

  Emitter &e;
  const RowProgramSpec &spec;
  const BoundProgram &program;
  int64_t count;
  Known numbers;  // values that have one element
};

// ---- sums of columns
constexpr int64_t columnVectors = 4;      // side by side: a line or two of each row that passes
constexpr int64_t columnsPerChunk = 128;  // whole lines, so that threads share none

class ColumnSums {
 public:
  ColumnSums(Emitter &e, const RowProgramSpec &spec, const BoundStatement &bound)
      : e(e), spec(spec), bound(bound), statement(*bound.statement), column(statement.output[0]) {}

  void emit(const KernelArguments &in) {
    for (size_t i = 0; i < spec.inputs.size(); i++)
      values[spec.inputs[i].name] = {
          .shape = spec.inputs[i].shape, .type = spec.inputs[i].type, .base = in.pointers[i]};
    result = in.pointers.back();
    int64_t columns = bound.extents.at(column), lanes = e.target.lanes, wide = columnVectors * lanes;
    Value first = e.mul(in.chunk, columnsPerChunk), end = e.min(e.c64(columns), e.add(first, columnsPerChunk));
    Value whole = e.add(first, e.mul(e.div(e.sub(end, first), wide), wide));
    e.loop(first, whole, wide, [&](Value at) { sums(at, columnVectors, lanes); });
    e.vectorLoop(whole, end, [&](Value at, int64_t width) { sums(at, 1, width); });
  }

 private:
  void sums(Value at, int64_t vectors, int64_t width) {
    Values initial(size_t(vectors), e.constant(e.f(width), combiner().identity));
    Values totals = nest(bound.reducedLetters, {}, initial, [&](const LetterValues &rows, ValueRange carried) {
      Values next;
      for (int64_t v = 0; v < vectors; v++) {
        LetterValues place = rows;
        place[column] = e.add(at, v * width);
        next.push_back(joined(carried[size_t(v)], place, width));
      }
      return next;
    });
    const RowProgramSpec::Value &output = spec.outputs[0];
    int64_t bytes = int64_t(byteSize(output.type));
    for (int64_t v = 0; v < vectors; v++)
      e.storeFloat(output.type, totals[size_t(v)], e.gep(result, e.mul(e.add(at, v * width), bytes)));
  }
  Values nest(const std::string &letters, const LetterValues &at, ValueRange carried,
              const std::function<Values(const LetterValues &, ValueRange)> &body) {
    if (letters.empty()) return body(at, carried);
    return e.loop(e.c64(0), e.c64(bound.extents.at(letters[0])), 1, carried, [&](Value position, ValueRange inner) {
      LetterValues next = at;
      next[letters[0]] = position;
      return nest(letters.substr(1), next, inner, body);
    });
  }
  const index::Combiner &combiner() const { return *index::findCombiner(statement.combiner); }
  Value joined(Value sum, const LetterValues &at, int64_t width) {
    const index::Expr &body = *statement.body;
    if (statement.combiner == "sum" && body.kind == index::Expr::Call && body.function->name == "mul")
      return e.fma(valueOf(body.arguments[0], at, width), valueOf(body.arguments[1], at, width), sum);
    return emitScalar(e, combiner().function, {sum, valueOf(statement.body, at, width)});
  }
  Value valueOf(const index::ExprPtr &expression, const LetterValues &at, int64_t width) {
    return emitExpr(e, expression, width, [&](const index::Expr &node) -> Value {
      if (node.kind == index::Expr::Extent) return e.constant(e.f(width), double(bound.extents.at(node.letter)));
      const ProgramValue &value = values.at(statement.inputNames[size_t(node.operand)]);
      const std::string &indices = statement.inputs[size_t(node.operand)];
      bool wide = indices.find(column) != std::string::npos;
      Value loaded = e.loadFloat(value.type, elementPointer(e, value, indices, at), wide ? width : 1);
      return wide ? loaded : e.splat(width, loaded);
    });
  }

  Emitter &e;
  const RowProgramSpec &spec;
  const BoundStatement &bound;
  const index::Statement &statement;
  char column;
  std::map<std::string, ProgramValue> values;
  Value result;
};

bool isStatic(const BoundProgram &program) {
  return std::all_of(program.values.begin(), program.values.end(), [](auto &entry) {
    auto &shape = entry.second.shape;
    return std::all_of(shape.begin(), shape.end(), [](int64_t extent) { return extent >= 0; });
  });
}
}  // namespace

Status checkElementwise(const RowProgramSpec &spec) {
  LLC_ASSIGN(BoundProgram program, bindProgram(spec));
  const index::Statement &last = *program.statements.back().statement;
  if (!isStatic(program)) return refuse(last, "a shape is dynamic");
  std::vector<int64_t> shape = spec.outputs[0].shape;
  if (countOf(shape) <= 1) return refuse(last, "the result is one number");
  auto fits = [&](const std::vector<int64_t> &other) { return other == shape || countOf(other) == 1; };
  for (auto &output : spec.outputs)
    if (output.shape != shape) return refuse(last, "results differ in shape");
  for (auto &bound : program.statements) {
    const index::Statement &statement = *bound.statement;
    std::set<char> letters(statement.output.begin(), statement.output.end());
    if (!statement.combiner.empty()) return refuse(statement, "it reduces");
    if (!isPlain(statement.output) || letters.size() != statement.output.size() || !fits(bound.resultShape))
      return refuse(statement, "its result is not element by element");
    if (has(statement.body, index::Expr::Position)) return refuse(statement, "it needs the index");
    for (size_t i = 0; i < statement.inputs.size(); i++) {
      bool number = countOf(bound.operandShapes[i]) == 1;
      if (!isPlain(statement.inputs[i]) || (!number && statement.inputs[i] != statement.output))
        return refuse(statement, "an operand is not read element by element");
      // A result in a shorter type would have to be read back rounded.
      for (auto &output : spec.outputs)
        if (output.name == statement.inputNames[i] && output.type != DType::f32)
          return refuse(statement, "it reads a rounded result");
    }
  }
  return success();
}

KernelFunction emitElementwise(Emitter &e, const RowProgramSpec &spec) {
  auto program = bindProgram(spec);
  assert(program.ok() && checkElementwise(spec).ok() && "ask checkElementwise first");
  int64_t count = countOf(spec.outputs[0].shape);
  KernelFunction shape{
      .symbol = "", .rowsPerChunk = 0, .columnChunks = (count + elementsPerChunk - 1) / elementsPerChunk};
  return e.kernel("elements|" + programKey(spec), symbolStem("elements_", spec),
                  int64_t(spec.inputs.size() + spec.outputs.size()), shape,
                  [&](const KernelArguments &in) { Elementwise(e, spec, *program, count).emit(in); });
}

Status checkColumnSums(const RowProgramSpec &spec) {
  LLC_ASSIGN(BoundProgram program, bindProgram(spec));
  const BoundStatement &bound = program.statements.front();
  const index::Statement &statement = *bound.statement;
  if (program.statements.size() != 1 || !isStatic(program))
    return refuse(statement, "several steps or a dynamic shape");
  if (statement.combiner.empty() || statement.output.size() != 1 || !index::isIndexLetter(statement.output[0]))
    return refuse(statement, "it does not sum to one vector");
  if (has(statement.body, index::Expr::Position)) return refuse(statement, "it needs the index");
  bool varies = false;
  for (auto &indices : statement.inputs) {
    size_t place = indices.find(statement.output[0]);
    if (!isPlain(indices) || (place != std::string::npos && place + 1 != indices.size()))
      return refuse(statement, "an operand's columns are not its last index");
    varies |= place != std::string::npos;
  }
  return varies ? success() : Status(refuse(statement, "its columns are equal"));
}

KernelFunction emitColumnSums(Emitter &e, const RowProgramSpec &spec) {
  auto program = bindProgram(spec);
  assert(program.ok() && checkColumnSums(spec).ok() && "ask checkColumnSums first");
  int64_t chunks = (spec.outputs[0].shape[0] + columnsPerChunk - 1) / columnsPerChunk;
  KernelFunction shape{.symbol = "", .rowsPerChunk = 0, .columnChunks = chunks};
  return e.kernel("columns|" + programKey(spec), symbolStem("columns_", spec), int64_t(spec.inputs.size()) + 1, shape,
                  [&](const KernelArguments &in) { ColumnSums(e, spec, program->statements[0]).emit(in); });
}

}  // namespace llc::kernels
