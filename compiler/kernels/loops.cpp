// The derived lowering: any statement of the index notation as plain scalar loops. Slow and right. One statement is cut
// into ranges of a letter whose values write to different places, so that threads share it and every sum keeps its
// order: of the first index, or where results accumulate at computed places (gradients of embeddings) of the last.
#include <algorithm>

#include "compiler/kernels/program.h"
#include "compiler/kernels/vector_math.h"

using namespace mlir;

namespace llc::kernels {
namespace {

// How a program of one statement is cut: along `letter`, `step` of its values a chunk. No letter: everything is one
// chunk.
struct Cut {
  char letter = 0;
  int64_t extent = -1, step = 0;  // extent -1: the rows of the batch
  bool byRows() const { return letter && extent < 0; }
  int64_t chunks() const { return letter && extent >= 0 ? (extent + step - 1) / step : 1; }
};

class Loops {
 public:
  Loops(Emitter &e, const RowProgramSpec &spec, const BoundProgram &program) : e(e), spec(spec), program(program) {
    plan = planScratch(spec, program, [](const ProgramValue &value) {
      assert(!value.perRow() && "a temporary of emitLoops has a static shape");
      return true;
    });
  }

  int64_t scratchBytes() const { return plan.bytes; }

  void emit(const KernelArguments &in, const Cut &cut) {
    rows = in.rows;
    size_t next = 0;
    for (auto &input : spec.inputs)
      values[input.name] = {.shape = input.shape, .type = input.type, .base = in.pointers[next++]};
    for (auto &output : spec.outputs)
      values[output.name] = {.shape = output.shape, .type = output.type, .base = in.pointers[next++]};
    for (auto [name, offset] : plan.offsets) values[name] = {.base = e.gep(in.scratch, offset)};
    cutLetter = cut.letter;
    if (cut.letter) {
      first = e.mul(in.chunk, cut.step);
      end = e.min(limit(cut.extent), e.add(first, cut.step));
    }
    for (auto &bound : program.statements) {
      if (plan.offsets.count(bound.statement->name)) values[bound.statement->name].shape = bound.resultShape;
      emitStatement(bound);
    }
  }

 private:
  Value limit(int64_t extent) { return extent < 0 ? rows : e.c64(extent); }
  ProgramValue &result() { return values[statement->name]; }

  void emitStatement(const BoundStatement &bound) {
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
      // The cut letter is the result's last index: innermost, memory passes as it lies.
      std::stable_partition(all.begin(), all.end(), [&](char letter) { return letter != cutLetter; });
      nest(all, {}, {}, [&](const LetterValues &at, ValueRange) { return accumulate(at), Values{}; });
      return;
    }
    nest(letters, {}, {}, [&](const LetterValues &at, ValueRange) {
      Value value;
      if (statement->combiner.empty()) {
        value = body(at);
      } else {
        value = nest(
            bound.reducedLetters, at, ValueRange{e.constant(e.f32, combiner().identity)},
            [&](const LetterValues &inner, ValueRange carried) { return Values{join(carried[0], body(inner))}; })[0];
      }
      e.storeFloat(result().type, value, elementPointer(e, result(), statement->output, at));
      return Values{};
    });
  }

  using NestBody = std::function<Values(const LetterValues &, ValueRange)>;
  Values nest(const std::string &letters, const LetterValues &at, ValueRange carried, const NestBody &inside) {
    if (letters.empty()) return inside(at, carried);
    bool isCut = letters[0] == cutLetter;
    Value from = isCut ? first : e.c64(0), to = isCut ? end : limit(extents->at(letters[0]));
    return e.loop(from, to, 1, carried, [&](Value position, ValueRange inner) {
      LetterValues next = at;
      next[letters[0]] = position;
      return nest(letters.substr(1), next, inner, inside);
    });
  }

  // ---- results that accumulate
  // Lines of the result along its last index, or the part of them that is this chunk's.
  void fill() {
    if (spec.start.empty()) return fillFrom({});
    Value start = values.at(spec.start).base;
    e.ifThen(e.b.create<LLVM::ICmpOp>(LLVM::ICmpPredicate::ne, start, result().base), [&] { fillFrom(start); });
  }
  // `start`: values like the result's; none: the identity.
  void fillFrom(Value start) {
    const std::vector<int64_t> &shape = result().shape;
    Value lines = e.c64(1), width = shape.empty() ? e.c64(1) : limit(shape.back());
    for (size_t d = 0; d + 1 < shape.size(); d++) lines = e.mul(lines, limit(shape[d]));
    int64_t bytes = int64_t(byteSize(result().type));
    e.loop(e.c64(0), lines, 1, [&](Value line) {
      Value before = e.mul(e.mul(line, width), bytes);
      e.vectorLoop(cutLetter ? first : e.c64(0), cutLetter ? end : width, [&](Value at, int64_t lanes) {
        Value offset = e.add(before, e.mul(at, bytes));
        Value value = start ? e.loadFloat(result().type, e.gep(start, offset), lanes)
                            : e.constant(e.f(lanes), combiner().identity);
        e.storeFloat(result().type, value, e.gep(result().base, offset));
      });
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
  Value rows, first, end;  // first, end: of the cut letter
  char cutLetter = 0;
  const index::Statement *statement = nullptr;
  const std::map<char, int64_t> *extents = nullptr;
};

constexpr int64_t rowsOfLoop = 4;
constexpr int64_t piecesOfIndex = 16;  // of a static index: enough to go round in most teams
constexpr int64_t leastColumns = 32;   // of what accumulates: whole lines of the cache

Cut cutOf(const BoundProgram &program) {
  const BoundStatement &bound = program.statements.front();
  const std::string &output = bound.statement->output;
  if (program.statements.size() != 1 || output.empty()) return {};
  std::vector<index::Dimension> items = index::dimensions(output);
  bool accumulates = index::scatters(output);
  const index::Dimension &item = accumulates ? items.back() : items.front();
  if (!item.plain() || !index::isIndexLetter(item.letter)) return {};
  auto occurs = [&](const index::Dimension &other) { return other.letter == item.letter; };
  auto extent = bound.extents.find(item.letter);
  if (extent == bound.extents.end() || std::count_if(items.begin(), items.end(), occurs) != 1) return {};
  if (extent->second == 0) return {};
  if (extent->second < 0) return accumulates ? Cut{} : Cut{item.letter, -1, rowsOfLoop};
  int64_t step = (extent->second + piecesOfIndex - 1) / piecesOfIndex;
  if (accumulates) step = (std::max(step, leastColumns) + leastColumns - 1) / leastColumns * leastColumns;
  return {item.letter, extent->second, step};
}

}  // namespace

KernelFunction emitLoops(Emitter &e, const RowProgramSpec &spec) {
  auto program = bindProgram(spec);
  assert(program.ok() && !program->statements.empty() && "statements must bind to the operands' shapes");
  Loops emitter(e, spec, *program);
  Cut cut = cutOf(*program);
  KernelFunction shape{.symbol = "",
                       .rowsPerChunk = cut.byRows() ? cut.step : 0,
                       .columnChunks = cut.chunks(),
                       .scratchBytes = emitter.scratchBytes()};
  std::string stem = "loops_" + spec.statements.back().name;
  for (char &c : stem)
    if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
  return e.kernel("loops|" + programKey(spec), stem, int64_t(spec.inputs.size() + spec.outputs.size()), shape,
                  [&](const KernelArguments &in) { emitter.emit(in, cut); });
}

}  // namespace llc::kernels
