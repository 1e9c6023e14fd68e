// Row programs: for each row, the statements one after the other. A statement runs as loops over its letters; the
// letter that all operands have last (or not at all) runs in vectors. Numbers that a row has one of stay in registers,
// rows of temporaries in scratch, which is the first-level cache.
#include <algorithm>

#include "compiler/kernels/panels.h"
#include "compiler/kernels/program.h"
#include "compiler/kernels/vector_math.h"

using namespace mlir;

namespace llc::kernels {
namespace {

class RowProgram {
 public:
  RowProgram(Emitter &e, const RowProgramSpec &spec, const BoundProgram &program)
      : e(e), spec(spec), program(program), lanes(e.target.lanes) {
    plan = planScratch(spec, program, [](const ProgramValue &value) { return !value.isNumber(); });
  }

  // For the temporaries that have dimensions beside the row; numbers stay in registers.
  int64_t scratchBytes() const { return plan.bytes; }

  void emit(const KernelArguments &in, int64_t rowsPerChunk) {
    size_t next = 0;
    auto place = [&](const RowProgramSpec::Value &value) {
      values[value.name] = {.shape = value.shape, .type = value.type, .base = in.pointers[next++]};
      values[value.name].inBf16Rows = value.inBf16Rows;
    };
    for (auto &input : spec.inputs) place(input);
    for (auto &output : spec.outputs) place(output);
    scratch = in.scratch, stepRows = in.rows;
    // What does not depend on the row is computed once per chunk.
    for (auto &bound : program.statements)
      if (!bound.rowLetter()) emitStatement(bound, {});
    Value first = e.mul(in.chunk, rowsPerChunk), end = e.min(in.rows, e.add(first, rowsPerChunk));
    e.loop(first, end, 1, [&](Value row) {
      for (auto &bound : program.statements)
        if (bound.rowLetter()) emitStatement(bound, {{bound.rowLetter(), row}});
    });
  }

 private:
  // ---- one statement
  void emitStatement(const BoundStatement &bound, LetterValues letters) {
    statement = bound.statement;
    extents = &bound.extents;
    prepareResult(bound);
    std::string outer;
    for (char letter : bound.loopLetters)
      if (!letters.count(letter)) outer += letter;
    std::string reduced = bound.reducedLetters;
    // The reduced letter that can run in vectors, if there is one, goes innermost.
    for (size_t i = 0; i < reduced.size(); i++)
      if (vectorisable(reduced[i]))
        std::rotate(reduced.begin() + long(i), reduced.begin() + long(i) + 1, reduced.end()), i = reduced.size();
    if (!outer.empty() && (reduced.empty() || !vectorisable(reduced.back())) && vectorisable(outer.back())) {
      char across = outer.back();
      outer.pop_back();
      nest(outer, letters, {}, [&](LetterValues at, ValueRange) {
        acrossColumns(across, reduced, at);
        return Values{};
      });
      return;
    }
    nest(outer, letters, {}, [&](LetterValues at, ValueRange) {
      keep(reduced.empty() ? bodyAt(at, 1) : reduce(reduced, at), at);
      return Values{};
    });
  }
  void prepareResult(const BoundStatement &bound) {
    const std::string &name = statement->name;
    if (values.count(name) && values[name].base) return;
    ProgramValue value{.shape = bound.resultShape};
    if (!value.isNumber()) {
      value.base = e.gep(scratch, plan.offsets.at(name));
      value.currentRowOnly = value.perRow();
    }
    values[name] = value;
  }
  // Stores one vector or number of the result; numbers of a row are kept for later statements.
  void keep(Value result, const LetterValues &letters) {
    ProgramValue &value = values[statement->name];
    if (value.isNumber()) value.number = result;
    if (!value.base) return;
    if (!value.inBf16Rows)
      return e.storeFloat(value.type, result, elementPointer(e, value, statement->output, letters));
    ResultRows rows{value.base, value.rowElements(), true, stepRows};
    rows.store(e, result, letters.at(statement->output[0]), columnNumber(e, value, statement->output, letters));
  }

  // Is `letter` the last index (and only there) of every operand that has it?
  bool vectorisable(char letter) const {
    if (extents->at(letter) < lanes) return false;
    for (auto &indices : statement->inputs) {
      size_t place = indices.find(letter);
      if (place != std::string::npos && place + 1 != indices.size()) return false;
    }
    return true;
  }

  // ---- loops
  using NestBody = std::function<Values(LetterValues, ValueRange)>;
  Values nest(const std::string &letters, LetterValues at, ValueRange carried, const NestBody &body) {
    if (letters.empty()) return body(at, carried);
    char letter = letters[0];
    return e.loop(e.c64(0), e.c64(extents->at(letter)), 1, carried, [&](Value index, ValueRange inner) {
      LetterValues next = at;
      next[letter] = index;
      return nest(letters.substr(1), next, inner, body);
    });
  }
  // The result's last letter in vectors; the reduction, if any, runs inside with a vector of sums.
  void acrossColumns(char across, const std::string &reduced, const LetterValues &at) {
    vectorLetter = across;
    e.vectorLoop(e.c64(0), e.c64(extents->at(across)), [&](Value index, int64_t width) {
      LetterValues place = at;
      place[across] = index;
      if (reduced.empty()) return keep(bodyAt(place, width), place);
      Values sums = nest(reduced, place, ValueRange{identity(width)}, [&](LetterValues inner, ValueRange carried) {
        return Values{combine(carried[0], inner, width)};
      });
      keep(sums[0], place);
    });
    vectorLetter = 0;
  }
  // Reduces to one number. Along a contiguous letter: several vector accumulators, whose chains run side by side.
  Value reduce(const std::string &reduced, const LetterValues &at) {
    char along = reduced.back();
    if (!vectorisable(along)) {
      return nest(reduced, at, ValueRange{identity(1)},
                  [&](LetterValues inner, ValueRange carried) { return Values{combine(carried[0], inner, 1)}; })[0];
    }
    int64_t extent = extents->at(along), unroll = std::min<int64_t>(4, extent / lanes), step = unroll * lanes;
    vectorLetter = along;
    Values initial(size_t(unroll), identity(lanes));
    initial.push_back(identity(1));
    Values sums = nest(reduced.substr(0, reduced.size() - 1), at, initial, [&](LetterValues inner, ValueRange carried) {
      auto accumulate = [&](Value index, Value sum, int64_t width) {
        LetterValues place = inner;
        place[along] = index;
        return combine(sum, place, width);
      };
      Values state = e.loop(e.c64(0), e.c64(extent / step * step), step, carried, [&](Value index, ValueRange running) {
        Values next(running);
        for (int64_t u = 0; u < unroll; u++) next[u] = accumulate(e.add(index, u * lanes), running[u], lanes);
        return next;
      });
      int64_t done = extent / step * step;
      for (int64_t u = 0; done + lanes <= extent; u++, done += lanes)
        state[u] = accumulate(e.c64(done), state[u], lanes);
      state.back() =
          e.loop(e.c64(done), e.c64(extent), 1, ValueRange{state.back()},
                 [&](Value index, ValueRange running) { return Values{accumulate(index, running[0], 1)}; })[0];
      return state;
    });
    vectorLetter = 0;
    return mergeAccumulators(sums);
  }
  Value mergeAccumulators(Values sums) {
    Value tail = sums.pop_back_val();
    while (sums.size() > 1) {
      Value last = sums.pop_back_val();
      sums[sums.size() / 2] = join(sums[sums.size() / 2], last);
    }
    Value vector = sums[0];
    for (int64_t width = lanes / 2; width >= 1; width /= 2) {
      SmallVector<int64_t> low, high;
      for (int64_t i = 0; i < width; i++) low.push_back(i), high.push_back(width + i);
      if (width == 1)
        vector = join(e.extract(vector, 0), e.extract(vector, 1));
      else
        vector = join(e.b.create<vector::ShuffleOp>(vector, vector, low),
                      e.b.create<vector::ShuffleOp>(vector, vector, high));
    }
    return join(vector, tail);
  }

  // ---- values
  const index::Combiner &combiner() const { return *index::findCombiner(statement->combiner); }
  Value identity(int64_t width) { return e.constant(e.f(width), combiner().identity); }
  Value join(Value x, Value y) { return emitScalar(e, combiner().function, {x, y}); }
  Value combine(Value sum, const LetterValues &at, int64_t width) {
    const index::Expr &body = *statement->body;
    // A sum of products is a chain of fused multiply-adds.
    if (statement->combiner == "sum" && body.kind == index::Expr::Call && body.function->name == "mul")
      return e.fma(valueOf(body.arguments[0], at, width), valueOf(body.arguments[1], at, width), sum);
    return join(sum, bodyAt(at, width));
  }
  Value bodyAt(const LetterValues &at, int64_t width) { return valueOf(statement->body, at, width); }
  Value valueOf(const index::ExprPtr &expression, const LetterValues &at, int64_t width) {
    return emitExpr(e, expression, width, [&](const index::Expr &node) { return leaf(node, at, width); });
  }
  Value leaf(const index::Expr &node, const LetterValues &at, int64_t width) {
    if (node.kind == index::Expr::Extent) return extentOf(node.letter, width);
    if (node.kind == index::Expr::Position) return positionOf(node.letter, at, width);
    const ProgramValue &value = values.at(statement->inputNames[node.operand]);
    const std::string &indices = statement->inputs[node.operand];
    if (value.number) return e.splat(width, value.number);
    bool wide = width > 1 && indices.find(vectorLetter) != std::string::npos;
    Value loaded = e.loadFloat(value.type, elementPointer(e, value, indices, at), wide ? width : 1);
    return wide ? loaded : e.splat(width, loaded);
  }
  Value extentOf(char letter, int64_t width) { return e.constant(e.f(width), double(extents->at(letter))); }
  Value positionOf(char letter, const LetterValues &at, int64_t width) {
    Value position = e.splat(width, e.toI32(at.at(letter)));
    if (width > 1 && letter == vectorLetter) position = e.add(position, e.iota(width));
    return e.b.create<arith::SIToFPOp>(e.f(width), position);
  }

  Emitter &e;
  const RowProgramSpec &spec;
  const BoundProgram &program;
  int64_t lanes;
  std::map<std::string, ProgramValue> values;
  ScratchPlan plan;
  Value scratch, stepRows;
  const index::Statement *statement = nullptr;
  const std::map<char, int64_t> *extents = nullptr;
  char vectorLetter = 0;
};

// Rows of a chunk: enough work to be worth claiming, few enough that many threads share a prompt.
int64_t chooseRows(const BoundProgram &program) {
  int64_t largest = 1;
  for (auto &[name, value] : program.values)
    largest = std::max(largest, ProgramValue{.shape = value.shape}.rowElements());
  return std::clamp<int64_t>(16384 / largest, 1, 32);
}

}  // namespace

Status checkRowProgram(const RowProgramSpec &spec) {
  LLC_ASSIGN(BoundProgram program, bindProgram(spec));
  for (auto &bound : program.statements) {
    auto refuse = [&](const char *why) -> Error {
      return diagnose(ErrorKind::unsupported, index::print(*bound.statement)).says(why).toFix("emit it with emitLoops");
    };
    int dynamic = 0;
    for (auto [letter, extent] : bound.extents) dynamic += extent < 0;
    if (dynamic > 1) return refuse("more than one index runs over the rows");
    if (index::scatters(bound.statement->output)) return refuse("the result accumulates");
    for (auto &indices : bound.statement->inputs)
      if (indices.find_first_of("({") != std::string::npos) return refuse("an index is computed");
    char row = bound.rowLetter();
    if (row && (bound.statement->output.empty() || bound.statement->output[0] != row))
      return refuse("the row is not the result's first index");
    for (size_t i = 0; i < bound.operandShapes.size(); i++) {
      const std::string &indices = bound.statement->inputs[i];
      bool perRow = !bound.operandShapes[i].empty() && bound.operandShapes[i][0] < 0;
      if (perRow != (row && indices[0] == row)) return refuse("an operand's rows are not those of the result");
    }
  }
  return success();
}

KernelFunction emitRowProgram(Emitter &e, const RowProgramSpec &original) {
  RowProgramSpec spec = original;
  spec.statements = inlineTemporaries(original);
  auto program = bindProgram(spec);
  assert(program.ok() && checkRowProgram(original).ok() && "ask checkRowProgram first");
  RowProgram emitter(e, spec, *program);
  // Without rows there is one chunk: each would compute everything, also over an operand that it overwrites.
  bool hasRows = std::any_of(program->statements.begin(), program->statements.end(),
                             [](const BoundStatement &bound) { return bound.rowLetter() != 0; });
  int64_t rows = hasRows ? chooseRows(*program) : 0;
  KernelFunction shape{.symbol = "", .rowsPerChunk = rows, .columnChunks = 1, .scratchBytes = emitter.scratchBytes()};
  std::string stem = "rows_" + (spec.outputs.empty() ? std::string("none") : spec.statements.back().name);
  for (char &c : stem)
    if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
  return e.kernel("rows|" + programKey(original), stem, int64_t(spec.inputs.size() + spec.outputs.size()), shape,
                  [&](const KernelArguments &in) { emitter.emit(in, rows); });
}

}  // namespace llc::kernels
