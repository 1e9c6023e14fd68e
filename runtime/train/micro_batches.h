// Batches of the data in the shape that a program was compiled for.
#pragma once
#include "runtime/data/stream.h"
#include "runtime/train/training_program.h"

namespace llc::train {

// What one step, or one evaluation, reads. Batches point into it.
class MicroBatches {
 public:
  // `vocabulary`: ids and labels must be below.
  MicroBatches(int64_t rows, int64_t length, int64_t vocabulary)
      : rows_(rows), length_(length), vocabulary_(vocabulary) {}

  // The next `count` batches of a stream, fewer at its end (none: it has ended). Rows that are missing in the last one
  // are padding. Errors: those of the stream; ids or labels that the model does not have; rows that are too long.
  Status read(data::TokenStream &stream, int64_t count);

  std::span<const Batch> batches() const { return batches_; }
  int64_t tokens() const { return tokens_; }    // that are no padding
  int64_t targets() const { return targets_; }  // labels other than -100

 private:
  Status add(data::Batch &batch);
  Status check(const data::Batch &batch) const;
  int64_t rows_, length_, vocabulary_, tokens_ = 0, targets_ = 0;
  std::vector<data::Batch> data_;
  std::vector<Batch> batches_;
};

}  // namespace llc::train
