#include "runtime/train/encoding.h"

#include "runtime/base/json_read.h"
#include "runtime/corpus/templated.h"

namespace llc::train {

namespace {
corpus::ExampleOptions::Kind kindOf(Examples examples) {
  switch (examples) {
    case Examples::preferences:
      return corpus::ExampleOptions::Kind::preferences;
    case Examples::comparisons:
      return corpus::ExampleOptions::Kind::comparisons;
    default:
      return corpus::ExampleOptions::Kind::completions;
  }
}

corpus::ExampleOptions exampleOptions(const RunConfig &config, Examples examples, int64_t length) {
  corpus::ExampleOptions options;
  options.kind = kindOf(examples);
  options.maxLength = length;
  options.completionOnly = config.flag("data.completion_only_loss");
  options.assistantOnly = config.flag("data.assistant_only_loss");
  options.maxPromptLength = std::min(config.integer("data.max_prompt_length"), length - 1);
  options.maxCompletionLength = length;
  if (config.find("data.max_completion_length"))
    options.maxCompletionLength = config.integer("data.max_completion_length");
  return options;
}

std::string describe(const corpus::ExampleOptions &o) {
  std::string own = o.own ? fmt::format(" {:x}", std::hash<std::string>()(o.own->source)) : "";
  return fmt::format("{} {} {} {} {} {} {}{}", int(o.kind), int(o.chat), o.maxLength, o.completionOnly, o.assistantOnly,
                     o.maxPromptLength, o.maxCompletionLength, own);
}

Result<corpus::Encoded> encodeDocument(const std::string &document, const Tokenizer &tokenizer,
                                       const corpus::ExampleOptions &options) {
  LLC_ASSIGN(Json json, parseJson(document, "example"));
  LLC_ASSIGN(corpus::Example example, corpus::readExample(json, options));
  LLC_ASSIGN(auto sequences, corpus::encodeExample(example, tokenizer, options));
  return corpus::Encoded{std::move(sequences), example.margin};
}
}  // namespace

Result<Encoding> encodingOf(const RunConfig &config, Examples examples, const corpus::TokenizerWithHash &tokenizer,
                            int64_t length, Progress &progress) {
  Encoding encoding{
      .examples = examples, .options = exampleOptions(config, examples, length), .prepare = {}, .about = {}};
  encoding.prepare.corpus.skipBroken = config.text("data.on_bad_record") == "skip";
  encoding.prepare.corpus.onBroken = corpus::brokenRecordWarnings(progress);
  encoding.prepare.threads = int(std::max<int64_t>(1, config.integer("data.num_workers")));
  encoding.about = fmt::format("{} {}", tokenizer.hash, encoding.prepare.maxLength);
  if (examples == Examples::text) return std::move(encoding);
  std::string format = config.find("data.chat_format") ? config.text("data.chat_format") : "";
  LLC_TRY(corpus::chooseChatFormat(format, tokenizer.files, encoding.options));
  encoding.about = fmt::format("{} {}", tokenizer.hash, describe(encoding.options));
  encoding.prepare.marked = true;
  encoding.prepare.paired = arePairs(examples);
  encoding.prepare.corpus.records.accepts = [options = encoding.options](const nlohmann::json &object) -> Status {
    auto example = corpus::readExample(object, options);
    return example ? success() : Status(std::move(example.error()));
  };
  encoding.prepare.encode = [options = encoding.options, encoder = tokenizer.tokenizer.get()](
                                const std::string &document) { return encodeDocument(document, *encoder, options); };
  return std::move(encoding);
}

}  // namespace llc::train
