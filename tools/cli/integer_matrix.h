// Matrices of integers in files that users give: token ids, masks, labels.
#pragma once
#include <string>

#include "runtime/formats/safetensors.h"

namespace llc::cli {

// The tensor `name` of the file, i64 or i32 [batch, tokens].
inline Result<const TensorView *> integerMatrix(const SafeTensors &file, const std::string &name) {
  LLC_ASSIGN(const TensorView *tensor, file.get(name));
  bool integer = tensor->type == DType::i64 || tensor->type == DType::i32;
  if (integer && tensor->shape.size() == 2) return tensor;
  return diagnose(ErrorKind::invalidInput, file.path() + ": " + name)
      .expected("i64 [batch, tokens]")
      .found(tensor->describe())
      .toFix("write it as a matrix of 64-bit integers");
}

// The same, and it must have the shape of input_ids.
inline Result<const TensorView *> integerMatrixLike(const SafeTensors &file, const std::string &name,
                                                    const TensorView &ids) {
  LLC_ASSIGN(const TensorView *tensor, integerMatrix(file, name));
  if (tensor->shape == ids.shape) return tensor;
  return diagnose(ErrorKind::invalidInput, file.path() + ": " + name)
      .says("has the shape " + tensor->describe() + ", input_ids " + ids.describe())
      .toFix("give both the same shape");
}

}  // namespace llc::cli
