// Post-processors of tokenizer.json: TemplateProcessing BertProcessing RobertaProcessing ByteLevel Sequence.
#pragma once
#include <vector>

#include "runtime/text/json_fields.h"
#include "runtime/text/tokenizer.h"

namespace llc::text {

// What to write around the ids of one text: fixed ids, and -1 where the text goes.
class PostProcessor {
 public:
  static Result<PostProcessor> read(const Json &json, const std::string &where);
  std::vector<TokenId> apply(std::vector<TokenId> ids) const;

 private:
  Status add(const Json &json, const std::string &where, int depth);
  Status addTemplate(const Fields &fields);
  Status addClassifier(const Fields &fields);
  std::vector<std::vector<TokenId>> steps_;
};

}  // namespace llc::text
