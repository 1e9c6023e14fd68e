// Index notation: what an op means, as text. Scalar expressions, statements, programs; no MLIR here.
//
//   statement   y[*i] = sum[k] x[*k]*w[ki]        result, combiner with its reduced letters, scalar expression
//   signature   "*k,ki->*i" with body "a*b" and combiner "sum": the same statement with operands by position
//
// Index strings have one item per dimension: a letter (a-z written, A-Z for expanded batch dimensions), `1` (extent
// one, index 0), `*` (any number of batch dimensions, aligned at the right as NumPy does), an affine form `(2i+k-1)`,
// or `{3}` = the integer value of operand 3. Reading through an affine or `{}` index that is out of range gives 0;
// writing there does nothing. A result index that is not a letter accumulates (scatter-add), so it needs a combiner;
// its extent is that of the result type, or of an operand whose index string equals the result's. Scalars: operands are
// a..z, then x26, x27, ...; `#i` extent and `@i` value of an index, `%eps` an attribute of the op, numbers, inf, + - *
// / and the functions of scalarTable().
#pragma once
#include <array>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/base/status.h"

namespace llc::index {

// ---- scalar functions: one row each gives the value and the partial derivatives
struct ScalarFunction {
  std::string_view name;
  int arity = 1;
  std::array<const char *, 3> partials{};  // d/da, d/db, d/dc as expressions over a, b, c; nullptr = 0
  double (*evaluate)(const double *operands) = nullptr;
};
std::span<const ScalarFunction> scalarTable();
const ScalarFunction *findScalar(std::string_view name);  // nullptr if unknown

struct Combiner {
  std::string_view name;  // sum, max, min, prod
  double identity = 0;
  std::string_view function;  // the scalar function of two arguments: add, max, min, mul
};
const Combiner *findCombiner(std::string_view name);  // nullptr if unknown

// ---- scalar expressions: immutable, shared
struct Expr;
using ExprPtr = std::shared_ptr<const Expr>;
struct Expr {
  enum Kind { Number, Operand, Extent, Position, Attribute, Call };
  Kind kind = Number;
  double number = 0;                         // Number
  int operand = 0;                           // Operand: its position
  char letter = 0;                           // Extent (#i), Position (@i)
  std::string attribute;                     // Attribute (%eps)
  const ScalarFunction *function = nullptr;  // Call
  std::vector<ExprPtr> arguments;            // Call
};
ExprPtr number(double value);
ExprPtr operand(int position);
ExprPtr call(std::string_view function, std::vector<ExprPtr> arguments);  // simplifies; the function must exist
Result<ExprPtr> parseExpr(std::string_view text);
std::string print(const ExprPtr &);  // parses back to the same expression
bool same(const ExprPtr &, const ExprPtr &);
ExprPtr partial(const ExprPtr &, int operand);
// Bottom up; `replace` returns nullptr to keep a node. The result is simplified again.
ExprPtr rewrite(const ExprPtr &, const std::function<ExprPtr(const ExprPtr &)> &replace);
void walk(const ExprPtr &, const std::function<void(const Expr &)> &visit);
int countCalls(const ExprPtr &);  // scalar operations per point of the iteration space

// ---- index strings
struct Dimension {
  char letter = 0;     // a letter, '1' or '*'; 0 for the other two forms
  int indirect = -1;   // {k}: the operand that holds the index
  int64_t offset = 0;  // affine: offset + sum of coefficient * letter
  std::vector<std::pair<char, int64_t>> terms;
  bool plain() const { return letter != 0; }
  bool affine() const { return !plain() && indirect < 0; }
};
std::vector<Dimension> dimensions(std::string_view indices);
std::string renumber(std::string_view indices, const std::function<int(int)> &position);  // of the operands in braces
bool scatters(std::string_view output);  // some result index is not a letter: results accumulate
inline bool isIndexLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// ---- one statement: name[output] = combiner[..] body(operand 0 [inputs[0]], operand 1 [inputs[1]], ...)
struct Statement {
  std::string name;                     // result name inside a program; empty for a signature
  std::vector<std::string> inputNames;  // value read by each operand (operand or earlier statement of the program)
  std::vector<std::string> inputs;      // index string of each operand
  std::string output;                   // index string of the result
  std::string combiner;                 // "" : no reduction
  ExprPtr body;
  std::string signature() const;  // "mk,kn->mn"
  std::string reduced() const;    // letters of the inputs that are missing in the output, in order of appearance
};
struct Program {
  std::vector<Statement> statements;
};
Result<Statement> makeStatement(std::string_view signature, std::string_view body, std::string_view combiner);
Result<Program> parse(std::string_view text);  // statements separated by ';'
std::string print(const Statement &);
std::string print(const Program &);
// Replaces every %name by lookup(name); an unknown name is an error.
Result<Statement> bindAttributes(const Statement &,
                                 const std::function<std::optional<double>(std::string_view)> &lookup);

// ---- shapes
using Shape = std::vector<int64_t>;
inline constexpr int64_t dynamicExtent = std::numeric_limits<int64_t>::min();  // '?', as MLIR spells it
// Expands '*' against the operands' shapes and checks ranks. A static extent 1 stretches where another operand's batch
// extent differs from 1; a dynamic extent never stretches (write a signature with `1`, or llm.broadcast).
Result<Statement> instantiate(const Statement &, std::span<const Shape> shapes);
// The extent of every letter of a concrete statement, from operand shapes and (where given) the result's.
using Extents = std::map<char, int64_t>;
Result<Extents> bindLetters(const Statement &, std::span<const Shape> shapes, const Shape *result = nullptr);
Result<Shape> resultShape(const Statement &, std::span<const Shape> shapes);

// ---- reverse mode: the adjoint of one statement with respect to operand `position` is again one statement. Its
// operands are a subset of (operands..., y, dy): `used` lists which (0..n-1 operands, n = y, n+1 = dy).
struct Adjoint {
  Statement statement;
  std::vector<int> used;
};
Result<Adjoint> adjointOf(const Statement &, int position);

// ---- reference evaluation, in double. Copies share their values until one of them writes.
class Tensor {
 public:
  Tensor() = default;
  explicit Tensor(Shape shape, double fill = 0);
  Tensor(Shape shape, std::vector<double> values);
  const Shape &shape() const { return shape_; }
  int64_t rank() const { return static_cast<int64_t>(shape_.size()); }
  int64_t size() const { return values_ ? static_cast<int64_t>(values_->size()) : 0; }
  std::span<const double> values() const;
  std::span<double> mutableValues();   // unshares
  Tensor reshaped(Shape shape) const;  // same number of elements
  bool empty() const { return !values_; }

 private:
  Shape shape_;
  std::shared_ptr<std::vector<double>> values_;
};
// Evaluates a concrete statement; `result` gives extents that no operand determines (and those of scattered results).
Result<Tensor> evaluate(const Statement &, std::span<const Tensor> operands, const Shape *result = nullptr);

}  // namespace llc::index
