// One step of training as the loop sees it: whatever computes it.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "runtime/base/dtype.h"
#include "runtime/base/status.h"

namespace llc::train {
struct Batch { int64_t rows, length; std::span<const int32_t> ids, segments, labels; };  // [rows,length]; segments 0: padding; labels -100: none
struct StepScalars { double learningRate = 0; int64_t step = 1; };   // step: number of this update, from 1 (bias correction)
struct StepResult { double loss = 0, gradientNorm = 0; bool applied = true; };  // applied false: loss or norm was not finite, nothing was changed
struct TensorState { std::string name; DType type; std::vector<int64_t> shape; std::span<std::byte> data; bool isWeight; };  // weight under its checkpoint name, or optimizer state "exp_avg/NAME"
class StepProgram {
 public:
  virtual ~StepProgram() = default;
  virtual int64_t rows() const = 0;     // of a micro-batch that the program was compiled for
  virtual int64_t length() const = 0;
  virtual std::span<const TensorState> state() const = 0;   // everything that a step changes: weights first, then optimizer state
  // One optimizer step over all the micro-batches (gradients weighted by tokens: equal to one big batch).
  virtual Result<StepResult> step(std::span<const Batch> microBatches, const StepScalars &) = 0;
  // Sum of -log p and number of targets of a batch, with the present weights.
  struct Evaluation { double sum = 0; int64_t targets = 0; };
  virtual Result<Evaluation> evaluate(const Batch &) = 0;
  virtual uint64_t plannedBytes() const = 0;  // weights, state, gradients, activations
  virtual double flopsPerStep() const = 0;    // of one micro-batch
};
}
