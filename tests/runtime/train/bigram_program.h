// A model small enough to be its own specification: the logits of the next token are a row of a table, trained by
// gradient descent with momentum, in f32, one token after another.
#pragma once
#include <cmath>
#include <thread>

#include "runtime/train/training_program.h"

namespace llc::train {

class BigramProgram final : public StepProgram {
 public:
  BigramProgram(int64_t vocabulary, int64_t rows, int64_t length)
      : vocabulary_(vocabulary), rows_(rows), length_(length) {
    size_t size = size_t(vocabulary * vocabulary);
    weights_.assign(size, 0);
    momentum_.assign(size, 0);
    std::vector<int64_t> shape = {vocabulary, vocabulary};
    state_.push_back({"table.weight", DType::f32, shape, std::as_writable_bytes(std::span(weights_)), true});
    state_.push_back({"momentum/table.weight", DType::f32, shape, std::as_writable_bytes(std::span(momentum_)), false});
  }

  int64_t rows() const override { return rows_; }
  int64_t length() const override { return length_; }
  std::span<const TensorState> state() const override { return state_; }
  uint64_t plannedBytes() const override { return 12 * weights_.size(); }
  double flopsPerStep() const override { return double(6 * vocabulary_ * rows_ * length_); }

  Result<StepResult> step(std::span<const Batch> batches, const StepScalars &scalars) override {
    ++calls;
    lastScalars = scalars;
    if (pauseMilliseconds) std::this_thread::sleep_for(std::chrono::milliseconds(pauseMilliseconds));
    std::vector<double> gradient(weights_.size(), 0.0);
    Evaluation total;
    for (const Batch &batch : batches) accumulate(batch, total, &gradient);
    double norm = 0;
    for (double &g : gradient) g /= double(total.targets), norm += g * g;
    StepResult result{total.sum / double(total.targets), std::sqrt(norm), true};
    if (brokenFrom && scalars.step >= brokenFrom)
      result.loss = std::nan(""), result.applied = false, result.movedWeights = movedEarly;
    for (size_t i = 0; i < weights_.size() && result.applied; ++i) {
      momentum_[i] = 0.9f * momentum_[i] + float(gradient[i]);
      weights_[i] -= float(scalars.learningRate) * momentum_[i];
    }
    return result;
  }
  Result<Evaluation> evaluate(const Batch &batch) override {
    Evaluation total;
    accumulate(batch, total, nullptr);
    return total;
  }

  int64_t calls = 0, brokenFrom = 0;  // brokenFrom: the update from which on the loss is NaN; 0: never
  int64_t movedEarly = 0;             // of broken steps
  int pauseMilliseconds = 0;
  StepScalars lastScalars;

 private:
  void accumulate(const Batch &batch, Evaluation &total, std::vector<double> *gradient) const {
    for (int64_t i = 0; i < batch.rows * batch.length; ++i) {
      if (i % batch.length == 0 || batch.labels[size_t(i)] < 0) continue;
      const size_t row = size_t(batch.ids[size_t(i - 1)] * vocabulary_);
      double sum = 0;
      for (int64_t v = 0; v < vocabulary_; ++v) sum += std::exp(double(weights_[row + size_t(v)]));
      size_t label = row + size_t(batch.labels[size_t(i)]);
      total.sum += std::log(sum) - double(weights_[label]);
      ++total.targets;
      if (!gradient) continue;
      for (int64_t v = 0; v < vocabulary_; ++v)
        (*gradient)[row + size_t(v)] += std::exp(double(weights_[row + size_t(v)])) / sum;
      (*gradient)[label] -= 1;
    }
  }

  int64_t vocabulary_, rows_, length_;
  std::vector<float> weights_, momentum_;
  std::vector<TensorState> state_;
};

}  // namespace llc::train
