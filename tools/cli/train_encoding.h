// How texts become the sequences that a trainer learns from.
#pragma once
#include "models/objectives/trainer.h"
#include "runtime/corpus/examples.h"
#include "tools/cli/prepared_data.h"
#include "tools/cli/train_options.h"

namespace llc::cli {

struct Encoding {
  models::Examples examples;
  corpus::ExampleOptions options;
  corpus::PrepareOptions prepare;
  std::string about;  // the same for the same results
};

// Rows will have at most `length` tokens. The tokenizer and `progress` must outlive the result.
Encoding encodingOf(const TrainConfig &config, models::Examples examples, const TokenizerWithHash &tokenizer,
                    int64_t length, Progress &progress);

}  // namespace llc::cli
