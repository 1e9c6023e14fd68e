// Where a run has its folder, and what it may go on from.
#pragma once
#include "runtime/train/checkpoint_store.h"
#include "runtime/train/run.h"

namespace llc::train {

// OUTPUT/NAME; without a name the newest of VERB, VERB-2 ..., or for a fresh start the first that is unused.
std::string runDirectory(const RunOptions &options);

// The checkpoint that `resume` names (see RunOptions); nothing when there is none and that is fine. `skipped`: see
// CheckpointStore::newest().
Result<std::optional<ReadCheckpoint>> findCheckpoint(CheckpointStore &store, const std::string &resume,
                                                     const std::function<void(const std::string &)> &skipped);

// Compares what decides about shapes and results in two config.json. Error: the first difference; `where` names the
// checkpoint, `name` what asks for the other model.
// What tells the weights of a model from those of others: their names, types, shapes, and some of their bytes.
Result<std::string> fingerprintOf(const std::string &model);
// Whether a run whose checkpoint says `origin` began with the weights of `source`; where one of both says nothing: yes.
Status compareOrigins(const nlohmann::json &origin, const std::string &source, const std::string &checkpoint);
Status compareModels(const OrderedJson &wanted, const OrderedJson &found, const std::string &where,
                     const std::string &name);

// The same of the texts of two adapter_config.json: a run goes on with the adapter that it began with.
Status compareAdapters(const std::string &wanted, const std::string &found, const std::string &where);

struct ModelSizes {
  int64_t vocabulary = 0;
  int64_t longest = 0;  // tokens of a sequence; 0: the model does not say
};
// Of a model directory.
Result<ModelSizes> readModelSizes(const std::string &model);
// The same of a config.json that has been read; `where`: what it is called in errors.
Result<ModelSizes> modelSizesOf(const OrderedJson &config, const std::string &where);
// Tokens of a row that a trainer or nobody asks for, shortened to what the model takes.
int64_t usualLength(std::optional<int64_t> asked, const ModelSizes &sizes);
// Tokens of a row: data.block_size, or what fits. Errors: more than the model takes; a tokenizer with more tokens than
// its vocabulary.
Result<int64_t> chooseLength(const RunConfig &config, const ModelSizes &sizes, const Tokenizer &tokenizer);

Result<OrderedJson> readOrderedJson(const std::string &path);

}  // namespace llc::train
