// A batch to learn from, as users give it in a file.
#pragma once
#include <string>
#include <vector>

#include "frontends/dsl/architecture.h"

namespace llc::cli {

inline constexpr int32_t ignoredLabel = -100;

// [rows,width] each, row after row.
struct TrainingBatch {
  int64_t rows = 0, width = 0;
  std::vector<int32_t> ids;     // 0 at padding
  std::vector<int32_t> mask;    // 1: token, 0: padding
  std::vector<int32_t> labels;  // of the token at the same place; ignoredLabel: none
  std::vector<int32_t> types;   // of models with token types; empty: all 0
};

// Reads input_ids, attention_mask (default: all tokens), labels (default: input_ids where a token follows a token, of a
// bidirectional model of all tokens) and token_type_ids (default: 0) from a safetensors file. Errors name the row and
// column: ids, labels or types that the model does not have, other masks than 0 and 1, other shapes; fewer than two
// columns; no label at all.
Result<TrainingBatch> readTrainingBatch(const std::string &path, const dsl::Model &model);

// Puts virtual tokens, whose ids begin at `vocabulary`, before the first token of each row; they have no labels.
void addVirtualTokens(TrainingBatch &batch, int64_t vocabulary, int64_t count);

}  // namespace llc::cli
