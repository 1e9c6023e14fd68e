// The derived lowering: any statement of the index notation as plain scalar loops. Slow and right.
#include <algorithm>

#include "compiler/kernels/program.h"
#include "compiler/kernels/vector_math.h"

using namespace mlir;

namespace llc::kernels {
namespace {

class Loops {
 public:
  Loops(Emitter &e, const RowProgramSpec &spec, const BoundProgram &program) : e(e), spec(spec), program(program) {
    plan = planScratch(spec, program, [](const ProgramValue &value) {
      assert(!value.perRow() && "a temporary of emitLoops has a static shape");
      return true;
    });
  }

  int64_t scratchBytes() const { return plan.bytes; }

  // rowsPerChunk: 0 = everything in one chunk.
  void emit(const KernelArguments &in, int64_t rowsPerChunk) {
    rows = in.rows;
    size_t next = 0;
    for (auto &input : spec.inputs)
      values[input.name] = {.shape = input.shape, .type = input.type, .base = in.pointers[next++]};
    for (auto &output : spec.outputs)
      values[output.name] = {.shape = output.shape, .type = output.type, .base = in.pointers[next++]};
    for (auto [name, offset] : plan.offsets) values[name] = {.base = e.gep(in.scratch, offset)};
    if (rowsPerChunk) {
      firstRow = e.mul(in.chunk, rowsPerChunk);
      endRow = e.min(in.rows, e.add(firstRow, rowsPerChunk));
    }
    for (auto &bound : program.statements) {
      if (plan.offsets.count(bound.statement->name)) values[bound.statement->name].shape = bound.resultShape;
      emitStatement(bound, rowsPerChunk != 0);
    }
  }

 private:
  Value limit(int64_t extent) { return extent < 0 ? rows : e.c64(extent); }
  ProgramValue &result() { return values[statement->name]; }

  void emitStatement(const BoundStatement &bound, bool byRows) {
    statement = bound.statement;
    extents = &bound.extents;
    std::string letters = bound.loopLetters;
    if (index::scatters(statement->output)) {
      fill();
      std::string all = letters;
      for (char letter : bound.reducedLetters)
        if (all.find(letter) == std::string::npos) all += letter;
      for (auto [letter, extent] : bound.extents)
        if (all.find(letter) == std::string::npos) all += letter;
      nest(all, {}, {}, false, [&](const LetterValues &at, ValueRange) { return accumulate(at), Values{}; });
      return;
    }
    nest(letters, {}, {}, byRows, [&](const LetterValues &at, ValueRange) {
      Value value;
      if (statement->combiner.empty()) {
        value = body(at);
      } else {
        value = nest(
            bound.reducedLetters, at, ValueRange{e.constant(e.f32, combiner().identity)}, false,
            [&](const LetterValues &inner, ValueRange carried) { return Values{join(carried[0], body(inner))}; })[0];
      }
      e.storeFloat(result().type, value, elementPointer(e, result(), statement->output, at));
      return Values{};
    });
  }

  using NestBody = std::function<Values(const LetterValues &, ValueRange)>;
  Values nest(const std::string &letters, const LetterValues &at, ValueRange carried, bool byRows,
              const NestBody &inside) {
    if (letters.empty()) return inside(at, carried);
    Value from = byRows ? firstRow : e.c64(0), to = byRows ? endRow : limit(extents->at(letters[0]));
    return e.loop(from, to, 1, carried, [&](Value position, ValueRange inner) {
      LetterValues next = at;
      next[letters[0]] = position;
      return nest(letters.substr(1), next, inner, false, inside);
    });
  }

  // ---- results that accumulate
  void fill() {
    Value count = e.c64(1);
    for (int64_t extent : result().shape) count = e.mul(count, limit(extent));
    int64_t bytes = int64_t(byteSize(result().type));
    e.loop(e.c64(0), count, 1, [&](Value i) {
      e.storeFloat(result().type, e.constant(e.f32, combiner().identity), e.gep(result().base, e.mul(i, bytes)));
    });
  }
  void accumulate(const LetterValues &at) {
    Access access = accessOf(result(), statement->output, at);
    e.ifThen(access.inside, [&] {
      e.storeFloat(result().type, join(e.loadFloat(result().type, access.pointer, 1), body(at)), access.pointer);
    });
  }

  // ---- reading
  struct Access {
    Value pointer, inside;
  };  // inside: null where every index is a letter
  Access accessOf(const ProgramValue &value, const std::string &indices, const LetterValues &at) {
    std::vector<index::Dimension> items = index::dimensions(indices);
    Access access{value.base, {}};
    Value offset = e.c64(0);
    for (size_t d = 0; d < items.size(); d++) {
      Value position;
      if (items[d].letter == '1')
        position = e.c64(0);
      else if (items[d].plain())
        position = at.at(items[d].letter);
      else
        position = checked(computed(items[d], at), value.shape[d], access);
      // Row-major: multiply what we have by this dimension's extent.
      offset = e.add(e.mul(offset, limit(value.shape[d])), position);
    }
    access.pointer = e.gep(value.base, e.mul(offset, int64_t(byteSize(value.type))));
    if (!access.inside) access.inside = e.constant(e.i1, 1);
    return access;
  }
  Value computed(const index::Dimension &item, const LetterValues &at) {
    if (item.indirect >= 0) return integerOf(item.indirect, at);
    Value position = e.c64(item.offset);
    for (auto [letter, factor] : item.terms) position = e.add(position, e.mul(at.at(letter), factor));
    return position;
  }
  // 0 and not inside if the position is out of range. The number of rows of another dynamic dimension is not known
  // here, so only negative positions count as outside there.
  Value checked(Value position, int64_t extent, Access &access) {
    Value inside = e.cmp(Emitter::IntCompare::sge, position, e.c64(0));
    if (extent >= 0)
      inside = e.b.create<arith::AndIOp>(inside, e.cmp(Emitter::IntCompare::slt, position, e.c64(extent)));
    access.inside = access.inside ? e.b.create<arith::AndIOp>(access.inside, inside).getResult() : inside;
    return e.select(inside, position, e.c64(0));
  }
  Value integerOf(int operand, const LetterValues &at) {
    const ProgramValue &value = values.at(statement->inputNames[operand]);
    Value pointer = accessOf(value, statement->inputs[operand], at).pointer;
    if (value.type == DType::i32) return e.loadI32AsI64(pointer);
    if (value.type == DType::i64) return e.loadI64(pointer);
    return e.b.create<arith::FPToSIOp>(e.i64, e.loadFloat(value.type, pointer, 1));
  }
  Value body(const LetterValues &at) {
    return emitExpr(e, statement->body, 1, [&](const index::Expr &node) -> Value {
      if (node.kind == index::Expr::Extent) return toFloat(limit(extents->at(node.letter)));
      if (node.kind == index::Expr::Position) return toFloat(at.at(node.letter));
      const ProgramValue &value = values.at(statement->inputNames[node.operand]);
      const std::string &indices = statement->inputs[node.operand];
      Access access = accessOf(value, indices, at);
      Value loaded = e.loadFloat(value.type, access.pointer, 1);
      return indices.find_first_of("({") == std::string::npos ? loaded : e.select(access.inside, loaded, e.zero(e.f32));
    });
  }
  Value toFloat(Value integer) { return e.b.create<arith::SIToFPOp>(e.f32, integer); }
  const index::Combiner &combiner() const {
    return *index::findCombiner(statement->combiner.empty() ? "sum" : statement->combiner);
  }
  Value join(Value x, Value y) { return emitScalar(e, combiner().function, {x, y}); }

  Emitter &e;
  const RowProgramSpec &spec;
  const BoundProgram &program;
  std::map<std::string, ProgramValue> values;
  ScratchPlan plan;
  Value rows, firstRow, endRow;
  const index::Statement *statement = nullptr;
  const std::map<char, int64_t> *extents = nullptr;
};

bool cutsIntoRows(const BoundProgram &program) {
  const BoundStatement &bound = program.statements.front();
  const std::string &output = bound.statement->output;
  if (program.statements.size() != 1 || index::scatters(output) || output.empty()) return false;
  auto extent = bound.extents.find(output[0]);
  return extent != bound.extents.end() && extent->second < 0;
}

}  // namespace

KernelFunction emitLoops(Emitter &e, const RowProgramSpec &spec) {
  auto program = bindProgram(spec);
  assert(program.ok() && !program->statements.empty() && "statements must bind to the operands' shapes");
  Loops emitter(e, spec, *program);
  int64_t rows = cutsIntoRows(*program) ? 4 : 0;
  KernelFunction shape{.symbol = "", .rowsPerChunk = rows, .columnChunks = 1, .scratchBytes = emitter.scratchBytes()};
  std::string stem = "loops_" + spec.statements.back().name;
  for (char &c : stem)
    if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
  return e.kernel("loops|" + programKey(spec), stem, int64_t(spec.inputs.size() + spec.outputs.size()), shape,
                  [&](const KernelArguments &in) { emitter.emit(in, rows); });
}

}  // namespace llc::kernels
