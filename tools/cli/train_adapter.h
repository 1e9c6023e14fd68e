// The adapter that lora-finetune trains: a new one by the configuration, or one that exists.
#pragma once
#include "runtime/train/run.h"
#include "tools/cli/new_adapter.h"
#include "tools/cli/train_options.h"

namespace llc::cli {

struct AdapterStart {
  std::shared_ptr<const huggingface::ModelSource> base;
  std::string existing;  // directory of the adapter to go on from; empty: a new one
  AdapterPlan plan;      // config and fingerprint in any case
  std::string summary;   // "1,126,400 of 1,101,174,784 weights are trained (0.10 %)"
};

// `model`: the base's directory. Errors: targets that the model does not have; an adapter of another base; settings of
// another kind.
Result<AdapterStart> planAdapterTraining(const TrainConfig &config, const TrainFlags &flags, const std::string &model,
                                         const Tokenizer &tokenizer);

// What a run knows of it.
train::AdapterRun adapterRunOf(const AdapterStart &start);

// The directory of the adapter that training begins with: `checkpoint` (the one that is resumed, or empty), the
// existing one, or `directory`, where a new one is written. Errors: a checkpoint of another adapter; the disk's.
Result<std::string> beginAdapter(const AdapterStart &start, const std::string &checkpoint, const std::string &directory,
                                 uint64_t seed);

}  // namespace llc::cli
