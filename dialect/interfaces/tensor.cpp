// Tensors of the reference evaluation: values shared until somebody writes.
#include "dialect/interfaces/index.h"

namespace llc::index {

Tensor::Tensor(Shape shape, double fill) : shape_(std::move(shape)) {
  int64_t size = 1;
  for (int64_t extent : shape_) size *= extent;
  values_ = std::make_shared<std::vector<double>>(size, fill);
}

Tensor::Tensor(Shape shape, std::vector<double> values)
    : shape_(std::move(shape)), values_(std::make_shared<std::vector<double>>(std::move(values))) {}

std::span<const double> Tensor::values() const {
  return values_ ? std::span<const double>(*values_) : std::span<const double>();
}

std::span<double> Tensor::mutableValues() {
  if (!values_) return {};
  if (values_.use_count() > 1) values_ = std::make_shared<std::vector<double>>(*values_);
  return *values_;
}

Tensor Tensor::reshaped(Shape shape) const {
  Tensor result = *this;
  result.shape_ = std::move(shape);
  return result;
}

}  // namespace llc::index
