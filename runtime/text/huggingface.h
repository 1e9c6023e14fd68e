// The engine behind tokenizer.json, vocab.json + merges.txt and vocab.txt: normalizer, added tokens, pre-tokenizer, model,
// post-processor, decoder. "truncation" and "padding" of the file are left aside: they concern batches of training.
#pragma once
#include <memory>

#include "runtime/text/added_tokens.h"
#include "runtime/text/decoder.h"
#include "runtime/text/engine.h"
#include "runtime/text/model.h"
#include "runtime/text/postprocessor.h"
#include "runtime/text/pretokenizer.h"

namespace llc::text {

struct Pipeline {
  std::unique_ptr<Normalizer> normalizer;
  std::unique_ptr<PreTokenizer> preTokenizer;
  std::unique_ptr<Model> model;
  PostProcessor postProcessor;
  std::unique_ptr<Decoder> decoder;
  std::vector<AddedToken> added;
  std::string kind;
};

Result<std::unique_ptr<Engine>> makePipelineEngine(Pipeline pipeline);
Result<std::unique_ptr<Engine>> loadTokenizerJson(std::string_view bytes, const std::string &where);
// GPT-2: byte-level BPE. Special tokens are those of added_tokens.json and tokenizer_config.json, which the caller passes.
Result<std::unique_ptr<Engine>> loadVocabularyAndMerges(std::string_view vocabulary, std::string_view merges, std::vector<AddedToken> added,
                                                        bool addPrefixSpace);
// BERT: one token per line.
Result<std::unique_ptr<Engine>> loadWordPieceText(std::string_view vocabulary, bool lowercase);
// One of "added_tokens".
Result<AddedToken> readAddedToken(const Json &json, const std::string &where);

}  // namespace llc::text
