// Elementary functions on f32 scalars or vectors: range reduction and minimax polynomials of our own (fitted by
// weighted least squares with Lawson's iteration), error <= 2 units in the last place; no library call is ever made.
// inf, NaN and subnormal numbers are handled as in C's math library unless a line says otherwise.
#pragma once
#include "compiler/kernels/emitter.h"
#include "dialect/interfaces/index.h"

namespace llc::kernels {

Value emitExp(Emitter &, Value x);
// 2^x for softmax: results below 2^-126 become 0 (two instructions less than the full range), x <= 127.
Value emitExp2Flush(Emitter &, Value x);
Value emitExp2(Emitter &, Value x);
Value emitLog(Emitter &, Value x);
Value emitTanh(Emitter &, Value x);
Value emitLogistic(Emitter &, Value x);
Value emitErf(Emitter &, Value x);
// Reduction by pi/2 in double precision: accurate for |x| < 1e6 (rope angles are positions, so up to the context
// length).
Value emitSin(Emitter &, Value x);
Value emitCos(Emitter &, Value x);
// exp(y log|x|): the relative error grows with |y log x| (about 2^-24 times it). Negative x with integer y keeps the
// sign rule of C; other negative x give NaN.
Value emitPow(Emitter &, Value x, Value y);

// One scalar function of the index notation by its name ("add", "tanh", "ge", ...), or null if there is none.
Value emitScalar(Emitter &, std::string_view name, ValueRange operands);
// A whole expression; `leaf` gives the values of Operand, Extent and Position nodes. All values have one width.
Value emitExpr(Emitter &, const index::ExprPtr &, int64_t width, llvm::function_ref<Value(const index::Expr &)> leaf);
// Can emitExpr handle it? The error names the function that has no code.
Status checkExpr(const index::ExprPtr &);

}  // namespace llc::kernels
