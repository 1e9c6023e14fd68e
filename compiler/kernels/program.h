// What the row program emitter and the loop emitter share: values of a program, and where an operand's element lies.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "compiler/kernels/emitter.h"
#include "compiler/kernels/kernels.h"

namespace llc::kernels {

// A value while code is emitted: memory (row-major, `shape`), or one f32 number of the current row in a register.
struct ProgramValue {
  std::vector<int64_t> shape = {};  // -1 first: the rows of the batch
  DType type = DType::f32;
  Value base = {};              // pointer to its first element; of a temporary of the current row: that row
  Value number = {};            // set: in a register, shape has no dimension but the row
  bool currentRowOnly = false;  // base points to the current row, the first dimension is left out
  bool inBf16Rows = false;      // as RowProgramSpec::Value says
  bool perRow() const { return !shape.empty() && shape[0] < 0; }
  int64_t rowElements() const;  // without the row dimension
  bool isNumber() const { return shape.empty() || (shape.size() == 1 && perRow()); }  // one per row, or one at all
};

// A statement with the extents of its letters; -1 is the number of rows.
struct BoundStatement {
  const index::Statement *statement = nullptr;
  std::vector<std::vector<int64_t>> operandShapes = {};
  std::map<char, int64_t> extents = {};
  std::vector<int64_t> resultShape = {};
  std::string loopLetters = {};  // of the result, in order
  std::string reducedLetters = {};
  char rowLetter() const;  // 0: the statement does not depend on the row
};

// Shapes of all values and letters of all statements. Errors say which statement can't be bound.
struct BoundProgram {
  std::map<std::string, RowProgramSpec::Value> values;
  std::vector<BoundStatement> statements;
};
Result<BoundProgram> bindProgram(const RowProgramSpec &spec);

// Where temporaries lie in scratch: bytes from its beginning, in lines of the cache.
struct ScratchPlan {
  std::map<std::string, int64_t> offsets;
  int64_t bytes = 0;
};
// Places the temporaries that `inMemory` says are there; the current row of those that have one.
ScratchPlan planScratch(const RowProgramSpec &spec, const BoundProgram &program,
                        llvm::function_ref<bool(const ProgramValue &)> inMemory);

// Puts element-wise temporaries that are read once into the statement that reads them: one loop and no memory between.
std::vector<index::Statement> inlineTemporaries(const RowProgramSpec &spec);

// A text that is equal for equal specs.
std::string programKey(const RowProgramSpec &spec);

// Loop indices (i64) by letter; one of them may be the vector letter, whose value is that of lane 0.
using LetterValues = std::map<char, Value>;
// The element of `value` at the plain indices. Letter values must exist for all its letters.
Value elementPointer(Emitter &, const ProgramValue &, const std::string &indices, const LetterValues &letters);
// Its number in the row of a value of rows.
Value columnNumber(Emitter &, const ProgramValue &, const std::string &indices, const LetterValues &letters);

}  // namespace llc::kernels
