// From --data-path to datasets and the streams of training and validation.
#pragma once
#include "runtime/data/stream.h"
#include "runtime/train/encoding.h"

namespace llc::train {

struct TrainingData {
  std::vector<data::Source> sources;  // with their weights and splits; part: all
  data::StreamOptions options;
  bool hasValidation = false;
  int64_t rowsPerEpoch = 0;  // of the training part
  bool paired = false;       // rows 2i and 2i + 1 are one

  std::vector<data::Source> parts(data::Part part) const;
  Result<data::TokenStream> training() const;
  Result<data::TokenStream> validation() const;  // each sequence once
};

// Opens prepared datasets; encodes texts into `folder`, under a name made from what they are and how they are encoded,
// so that a run which goes on finds them. What they are encoded to is what the trainer learns from. Rows have `length`
// tokens; those of trainers that don't pack are as short as the data allows, unless the configuration gives a length.
// Errors: no data; another tokenizer's; ids that the model does not have; data for another kind of trainer.
Result<TrainingData> openTrainingData(const RunConfig &config, Examples examples,
                                      const corpus::TokenizerWithHash &tokenizer, int64_t vocabulary, int64_t length,
                                      const std::string &folder, Progress &progress);

}  // namespace llc::train
