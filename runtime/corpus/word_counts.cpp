#include "runtime/corpus/byte_level_bpe.h"
#include "runtime/corpus/byte_level_parts.h"
#include "runtime/corpus/parallel.h"
#include "runtime/text/utf8.h"

namespace llc::corpus {

namespace {
using OrderedJson = nlohmann::ordered_json;

constexpr const char *llama3Pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr const char *gpt2Pattern = R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
}  // namespace

OrderedJson preTokenizerJson(const ByteLevelOptions &options, bool bytes) {
  OrderedJson steps = OrderedJson::array();
  if (options.splitDigits) steps.push_back({{"type", "Digits"}, {"individual_digits", true}});
  std::string pattern = options.pattern == "gpt2"     ? gpt2Pattern
                        : options.pattern == "llama3" ? llama3Pattern
                                                      : options.pattern;
  bool own = options.pattern != "gpt2";  // ByteLevel brings the pattern of GPT-2 with it
  if (own || !bytes)
    steps.push_back(
        {{"type", "Split"}, {"pattern", {{"Regex", pattern}}}, {"behavior", "Isolated"}, {"invert", false}});
  if (bytes)
    steps.push_back({{"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", !own}});
  return {{"type", "Sequence"}, {"pretokenizers", steps}};
}

Result<OrderedJson> normalizerJson(const ByteLevelOptions &options) {
  if (options.normalization == "identity") return OrderedJson(nullptr);
  if (options.normalization == "nfc") return OrderedJson{{"type", "NFC"}};
  if (options.normalization == "nfkc") return OrderedJson{{"type", "NFKC"}};
  return diagnose(ErrorKind::invalidInput, "--normalization")
      .says("byte-level BPE knows no normalization '" + options.normalization + "'")
      .toFix("use identity, nfc or nfkc");
}

Result<WordCounts> WordCounts::create(const ByteLevelOptions &options, int threads) {
  WordCounts counts;
  LLC_ASSIGN(OrderedJson normalizer, normalizerJson(options));
  LLC_ASSIGN(counts.normalizer_, text::makeNormalizer(nlohmann::json(normalizer), "normalizer"));
  auto cutter = text::makePreTokenizer(nlohmann::json(preTokenizerJson(options, false)), "--pattern");
  if (!cutter)
    return diagnose(ErrorKind::invalidInput, "--pattern")
        .says(cutter.error().what)
        .toFix("use gpt2, llama3 or a regular expression");
  counts.cutter_ = std::move(*cutter);
  counts.counts_.resize(size_t(std::max(1, threads)));
  return counts;
}

Status WordCounts::addTo(Map &counts, std::string text) const {
  if (normalizer_) {
    text::Normalized normalized{std::move(text)};
    LLC_TRY(normalizer_->apply(normalized));
    text = std::move(normalized.text);
  }
  text::Pieces pieces;
  pieces.pieces.push_back({0, text.size(), true});
  pieces.text = std::move(text);
  LLC_TRY(cutter_->apply(pieces));
  for (const auto &piece : pieces.pieces) {
    std::string_view word = std::string_view(pieces.text).substr(piece.begin, piece.end - piece.begin);
    if (auto found = counts.find(word); found != counts.end())
      ++found->second;
    else
      counts.emplace(word, 1);
  }
  return success();
}

Status WordCounts::add(const std::vector<std::string> &texts) {
  std::vector<std::optional<Error>> errors(counts_.size());
  inParallel(int(counts_.size()), texts.size(), [&](size_t index, size_t worker) {
    if (Status status = addTo(counts_[worker], texts[index]); !status) errors[worker] = status.error();
  });
  for (auto &error : errors)
    if (error) return std::move(*error);
  return success();
}

std::map<std::string, int64_t> WordCounts::take() {
  std::map<std::string, int64_t> all;
  for (Map &counts : counts_) {
    for (const auto &[word, count] : counts) all[word] += count;
    counts = {};
  }
  return all;
}

}  // namespace llc::corpus
