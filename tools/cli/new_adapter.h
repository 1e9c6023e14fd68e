// A new adapter for a model: what it consists of, and its directory before any training.
#pragma once
#include <string>
#include <vector>

#include "frontends/huggingface/adapter.h"

namespace llc::cli {

struct AdapterRequest {
  std::string kind = "LORA";  // peft_type
  dsl::AdapterSettings settings;
  std::vector<std::string> targets;     // see huggingface::chooseTargets; empty: the kind's usual ones
  std::vector<std::string> saved = {};  // ends of names of modules whose weights are trained, too
  std::string base;                  // what the adapter says its model is
};
struct AdapterPlan {
  dsl::NewAdapter made;
  std::string prefix;            // of its tensors' names in the file
  int64_t virtualTokens = 0;     // see dsl::Model
  std::string config;            // text of adapter_config.json
  std::string fingerprint;       // of the base
  int64_t trained = 0, all = 0;  // numbers in the adapter, and in the model
};
Result<AdapterPlan> planAdapter(const huggingface::ModelSource &source, const AdapterRequest &request);

// Makes the directory. The same seed gives the same files. Errors: the disk's.
Status writeNewAdapter(const huggingface::ModelSource &source, const AdapterPlan &plan, const std::string &directory,
                       uint64_t seed);

}  // namespace llc::cli
