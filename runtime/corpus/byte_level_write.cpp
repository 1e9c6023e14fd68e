#include "runtime/corpus/byte_level_bpe.h"
#include "runtime/corpus/byte_level_parts.h"

namespace llc::corpus {

namespace {
using OrderedJson = nlohmann::ordered_json;

std::string jsonText(const std::string &text) { return OrderedJson(text).dump(); }

OrderedJson specialTokens(const std::vector<std::string> &special) {
  OrderedJson list = OrderedJson::array();
  for (size_t id = 0; id < special.size(); ++id)
    list.push_back({{"id", id},
                    {"content", special[id]},
                    {"single_word", false},
                    {"lstrip", false},
                    {"rstrip", false},
                    {"normalized", false},
                    {"special", true}});
  return list;
}

// <s> before a text; its end is the business of whoever says that a text is whole (`data prepare`).
OrderedJson postProcessor(const std::string &bos, int id) {
  auto special = [&](int type) { return OrderedJson{{"SpecialToken", {{"id", bos}, {"type_id", type}}}}; };
  auto sequence = [&](const char *name, int type) {
    return OrderedJson{{"Sequence", {{"id", name}, {"type_id", type}}}};
  };
  OrderedJson tokens;
  tokens[bos] = {{"id", bos}, {"ids", {id}}, {"tokens", {bos}}};
  return {{"type", "TemplateProcessing"},
          {"single", {special(0), sequence("A", 0)}},
          {"pair", {special(0), sequence("A", 0), special(1), sequence("B", 1)}},
          {"special_tokens", tokens}};
}
}  // namespace

// By hand where the long lists are: a JSON object that keeps its order would look for each key among all before it.
std::string tokenizerJson(const BpeVocabulary &vocabulary, const ByteLevelOptions &options) {
  std::vector<std::string> spelled;
  for (size_t id = 0; id < vocabulary.tokens.size(); ++id)
    spelled.push_back(id < options.special.size() ? vocabulary.tokens[id]
                                                  : text::bytesToCharacters(vocabulary.tokens[id]));
  std::string vocab, merges;
  for (size_t id = 0; id < spelled.size(); ++id)
    vocab += fmt::format("{}\n      {}: {}", id ? "," : "", jsonText(spelled[id]), id);
  for (auto [a, b] : vocabulary.merges)
    merges += fmt::format("{}\n      [{}, {}]", merges.empty() ? "" : ",", jsonText(spelled[a]), jsonText(spelled[b]));
  auto normalizer = normalizerJson(options);
  return fmt::format(
      "{{\n  \"version\": \"1.0\",\n  \"truncation\": null,\n  \"padding\": null,\n  \"added_tokens\": {},\n  "
      "\"normalizer\": {},\n"
      "  \"pre_tokenizer\": {},\n  \"post_processor\": {},\n  \"decoder\": {},\n  \"model\": {{\n    \"type\": "
      "\"BPE\",\n"
      "    \"dropout\": null,\n    \"unk_token\": null,\n    \"continuing_subword_prefix\": null,\n    "
      "\"end_of_word_suffix\": null,\n"
      "    \"fuse_unk\": false,\n    \"byte_fallback\": false,\n    \"ignore_merges\": false,\n    \"vocab\": {{{}\n   "
      " }},\n"
      "    \"merges\": [{}\n    ]\n  }}\n}}\n",
      specialTokens(options.special).dump(), normalizer ? normalizer->dump() : "null",
      preTokenizerJson(options, true).dump(), postProcessor(options.special[1], 1).dump(),
      R"({"type":"ByteLevel","add_prefix_space":true,"trim_offsets":true,"use_regex":true})", vocab, merges);
}

std::string tokenizerConfigJson(const std::vector<std::string> &special) {
  OrderedJson config = {{"tokenizer_class", "PreTrainedTokenizerFast"},
                        {"pad_token", special[0]},
                        {"bos_token", special[1]},
                        {"eos_token", special[2]},
                        {"unk_token", special[3]},
                        {"mask_token", special[4]},
                        {"clean_up_tokenization_spaces", false}};
  return config.dump(2) + "\n";
}

}  // namespace llc::corpus
