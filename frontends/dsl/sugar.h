// The op functions and operators for them: x + y, 2 * x. Shapes are aligned as in NumPy.
#pragma once
#include "frontends/dsl/ops.h"

namespace llc::dsl {

inline Tensor operator+(Tensor x, Tensor y) { return add(x, y); }
inline Tensor operator-(Tensor x, Tensor y) { return sub(x, y); }
inline Tensor operator*(Tensor x, Tensor y) { return mul(x, y); }
inline Tensor operator/(Tensor x, Tensor y) { return div(x, y); }
inline Tensor operator-(Tensor x) { return neg(x); }
inline Tensor operator+(Tensor x, double number) { return shift(x, number); }
inline Tensor operator+(double number, Tensor x) { return shift(x, number); }
inline Tensor operator-(Tensor x, double number) { return shift(x, -number); }
inline Tensor operator*(Tensor x, double number) { return scale(x, number); }
inline Tensor operator*(double number, Tensor x) { return scale(x, number); }
inline Tensor operator/(Tensor x, double number) { return scale(x, 1 / number); }

// 1 or 0: what is not finite is not less than the largest number either.
inline Tensor isFinite(Tensor x) { return lt(abs(x), scalar(3e38f)); }

}  // namespace llc::dsl
