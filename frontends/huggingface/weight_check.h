// The parameters of a traced module against the checkpoint.
#pragma once
#include <set>

#include "frontends/huggingface/import.h"

namespace llc::huggingface {

// Decides a parameter's type. Errors: the checkpoint lacks it, or has it in another shape or in a type that is no
// float.
struct WeightCheck {
  const ModelSource &source;
  std::optional<DType> wanted;  // of matrices; vectors are f32
  std::set<const TensorView *> used = {};

  Result<DType> operator()(const std::string &name, const dsl::Shape &shape);
  // Error: tensors of the checkpoint that were not asked for and that the model does not know as unneeded.
  Status nothingLeft() const;

 private:
  Error missing(const std::string &name, const dsl::Shape &shape) const;
  Error mismatch(const TensorView &tensor, const dsl::Shape &shape) const;
};

// Error: a context longer than the model has learned positions for.
Status checkPositions(const ModelSource &source, int64_t longest, const std::string &remedy);

}  // namespace llc::huggingface
