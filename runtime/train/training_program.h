// One step of training as the loop sees it: whatever computes it.
#pragma once
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "runtime/base/dtype.h"
#include "runtime/base/status.h"

namespace llc::train {

// [rows,length] each, row after row. Segments: 1, 2 .. for the sequences of a row, 0 for padding; labels: -100 for
// none.
struct Batch {
  int64_t rows, length;
  std::span<const int32_t> ids, segments, labels;
  std::vector<std::span<const float>> columns = {};  // [rows] each, in the order of StepProgram::columns()
};
// What a trainer reports beside the loss, by name.
using Metrics = std::map<std::string, double>;
struct StepScalars {
  double learningRate = 0;
  int64_t step = 1;  // number of this update, from 1: for bias corrections
};
struct StepResult {
  double loss = 0, gradientNorm = 0;  // before clipping
  bool applied = true;                // false: loss or norm was not finite, and nothing was changed but movedWeights
  int64_t movedWeights = 0;           // early updates: how many have changed
  double lossScale = 0;               // what the loss was multiplied with for the backward; 0: there is no scaling
  Metrics metrics = {};
};
// A weight under its checkpoint name, or optimizer state: "exp_avg/NAME".
struct TensorState {
  std::string name;
  DType type;
  std::vector<int64_t> shape;
  std::span<std::byte> data;
  bool isWeight;
};

class StepProgram {
 public:
  virtual ~StepProgram() = default;
  // Of a micro-batch that the program was compiled for; smaller ones are padded.
  virtual int64_t rows() const = 0;
  virtual int64_t length() const = 0;
  // What batches carry beside tokens: a number for each row.
  virtual std::span<const std::string> columns() const { return {}; }
  // Everything that a step changes: weights first, then optimizer state. Its memory stays where it is.
  virtual std::span<const TensorState> state() const = 0;
  // One optimizer step over all the micro-batches (gradients weighted by tokens: equal to one big batch).
  virtual Result<StepResult> step(std::span<const Batch> microBatches, const StepScalars &) = 0;
  struct Evaluation {
    double sum = 0;  // of -log p
    int64_t targets = 0;
    Metrics metrics = {};  // each times targets
  };
  // With the present weights.
  virtual Result<Evaluation> evaluate(const Batch &) = 0;
  // With the present weights, for each row of a batch without columns: what the loss wants to compare with ([rows]).
  virtual Status reference(const Batch &, [[maybe_unused]] std::span<float> rows) {
    return diagnose(ErrorKind::unsupported, "reference").says("this program has none").toFix("compile it again");
  }
  // Tokens of a text that can be gone on with; 0: none can.
  virtual int64_t sampleLength() const { return 0; }
  // With the present weights: logits of what comes behind the tokens, until the next call.
  virtual Result<std::span<const float>> nextLogits([[maybe_unused]] std::span<const int32_t> tokens) {
    return diagnose(ErrorKind::unsupported, "next_logits").says("this program has none").toFix("compile it again");
  }
  // Does each weight move as soon as its gradient is complete?
  virtual bool movesEarly() const { return false; }
  virtual uint64_t plannedBytes() const = 0;  // weights, state, gradients, activations
  virtual double flopsPerStep() const = 0;    // of one micro-batch
};

}  // namespace llc::train
