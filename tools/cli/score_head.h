// From a model that predicts tokens to one that gives sequences scores.
#pragma once
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "frontends/huggingface/import.h"

namespace llc::cli {

// The deviation that a configuration names for new weights (initializer_range), otherwise 0.02.
double initializerRange(const nlohmann::ordered_json &config);
// A head for one score, [hidden]: normally distributed by that deviation.
Result<std::vector<float>> newScoreHead(const huggingface::ModelSource &model, uint64_t seed);

// Whether the model in a directory has a head for scores.
Result<bool> hasScoreHead(const std::string &model);
// Writes the model in `model` with a new head into `directory`. `files`: the tokenizer's, by name.
Status writeWithScoreHead(const std::string &model, const std::map<std::string, std::string> &files, uint64_t seed,
                          const std::string &directory);

// Writes a model into `directory`: the weights of `model` but for those that only predict tokens, `head` [labels,
// hidden] as score.weight, the configuration of the classifier, and `files`.
Status writeClassifier(const huggingface::ModelSource &model, const std::vector<float> &head,
                       const std::map<std::string, std::string> &files, const std::string &directory);

}  // namespace llc::cli
