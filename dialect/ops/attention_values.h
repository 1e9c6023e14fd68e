// What the attention ops share: checks of shapes, and the arithmetic of their reference evaluation.
#pragma once
#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "dialect/interfaces/derive.h"
#include "mlir/IR/BuiltinTypes.h"

namespace llc::llm::attention {

// On llm.paged_attention: elements of its result are rounded to bf16.
inline constexpr const char *roundedAttribute = "llm.rounded";

inline mlir::RankedTensorType tensorType(mlir::Value value) {
  return mlir::cast<mlir::RankedTensorType>(value.getType());
}
inline bool differ(int64_t a, int64_t b) {
  return a != b && a != mlir::ShapedType::kDynamic && b != mlir::ShapedType::kDynamic;
}
inline double known(int64_t extent, double dynamic) {
  return extent == mlir::ShapedType::kDynamic ? dynamic : static_cast<double>(extent);
}

// Of query and key-value heads: the first are a multiple of the second.
inline Status checkGroups(int64_t heads, int64_t kvHeads) {
  if (kvHeads > 0 && heads > 0 && heads % kvHeads == 0) return llc::success();
  return diagnose(ErrorKind::invalidInput)
      .says(std::to_string(heads) + " query heads are no multiple of " + std::to_string(kvHeads) + " key-value heads")
      .toFix("compare the head counts of the model's configuration");
}

inline Status checkHeadVector(mlir::Value vector, int64_t heads, const char *name) {
  if (tensorType(vector).getRank() == 1 && tensorType(vector).getDimSize(0) == heads) return llc::success();
  return diagnose(ErrorKind::invalidInput)
      .says(std::string(name) + " is not one number per query head")
      .toFix("give a vector of " + std::to_string(heads));
}

// Softmax of one query's scores, in place: scores in, weights out. Gives the logarithm of the sum of exponentials. A
// sink (may be null) is one score more.
inline double softmaxInPlace(std::vector<double> &scores, const double *sink) {
  double largest = sink ? *sink : -std::numeric_limits<double>::infinity();
  for (double score : scores) largest = std::max(largest, score);
  double total = sink ? std::exp(*sink - largest) : 0;
  for (double &score : scores) total += score = std::exp(score - largest);
  for (double &score : scores) score /= total;
  return largest + std::log(total);
}

inline double capped(double score, double cap) { return cap > 0 ? cap * std::tanh(score / cap) : score; }

inline double dot(const double *a, const double *b, int64_t count) {
  double sum = 0;
  for (int64_t i = 0; i < count; ++i) sum += a[i] * b[i];
  return sum;
}

// Adds weight * source to target.
inline void accumulate(double *target, double weight, const double *source, int64_t count) {
  for (int64_t i = 0; i < count; ++i) target[i] += weight * source[i];
}

}  // namespace llc::llm::attention
