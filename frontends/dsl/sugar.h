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

}  // namespace llc::dsl
