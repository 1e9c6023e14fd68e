// pretrain --use-lmsys-dataset: conversations that many start with, from a local copy to what training reads.
#pragma once
#include "tools/cli/train_options.h"

namespace llc::cli {

inline constexpr const char *lmsysDataset = "data/preprocessed/lmsys_dataset.bin";

// The options become those of a run with lmsysDataset, which is made of the copy in --data-path if it is not there, and
// so is the tokenizer of a new model. Nothing is downloaded. Errors: something has to be made, and no copy is given.
Status useLmsysDataset(TrainFlags &flags, const TrainVerb &verb, Progress &progress);

}  // namespace llc::cli
