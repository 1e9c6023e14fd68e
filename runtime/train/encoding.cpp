#include "runtime/train/encoding.h"

#include "runtime/base/json_read.h"

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
  if (config.find("data.chat_format") && config.text("data.chat_format") == "chatml")
    options.chat = corpus::ChatFormat::chatml;
  options.maxPromptLength = std::min(config.integer("data.max_prompt_length"), length - 1);
  options.maxCompletionLength = length;
  if (config.find("data.max_completion_length"))
    options.maxCompletionLength = config.integer("data.max_completion_length");
  return options;
}

std::string describe(const corpus::ExampleOptions &o) {
  return fmt::format("{} {} {} {} {} {} {}", int(o.kind), int(o.chat), o.maxLength, o.completionOnly, o.assistantOnly,
                     o.maxPromptLength, o.maxCompletionLength);
}

Result<corpus::Encoded> encodeDocument(const std::string &document, const Tokenizer &tokenizer,
                                       const corpus::ExampleOptions &options, bool refuseChats) {
  LLC_ASSIGN(Json json, parseJson(document, "example"));
  LLC_ASSIGN(corpus::Example example, corpus::readExample(json, options));
  if (example.isConversation && refuseChats) return cannotRenderTemplate();
  LLC_ASSIGN(auto sequences, corpus::encodeExample(example, tokenizer, options));
  return corpus::Encoded{std::move(sequences), example.margin};
}
}  // namespace

Error cannotRenderTemplate() {
  return diagnose(ErrorKind::unsupported, "data")
      .says("holds conversations, and the model's own chat template can't be rendered yet")
      .toFix("choose a format: --chat-format chatml or roles; or give prompts with completions as texts");
}

Encoding encodingOf(const RunConfig &config, Examples examples, const corpus::TokenizerWithHash &tokenizer,
                    int64_t length, Progress &progress) {
  Encoding encoding{
      .examples = examples, .options = exampleOptions(config, examples, length), .prepare = {}, .about = {}};
  encoding.prepare.corpus.skipBroken = config.text("data.on_bad_record") == "skip";
  encoding.prepare.corpus.onBroken = corpus::brokenRecordWarnings(progress);
  encoding.prepare.threads = int(std::max<int64_t>(1, config.integer("data.num_workers")));
  encoding.about = fmt::format("{} {}", tokenizer.hash, encoding.prepare.maxLength);
  if (examples == Examples::text) return encoding;
  bool refuseChats = !config.find("data.chat_format") && tokenizer.hasChatTemplate;
  encoding.about = fmt::format("{} {}", tokenizer.hash, describe(encoding.options));
  encoding.prepare.marked = true;
  encoding.prepare.paired = arePairs(examples);
  encoding.prepare.corpus.records.accepts = [options = encoding.options](const nlohmann::json &object) -> Status {
    auto example = corpus::readExample(object, options);
    return example ? success() : Status(std::move(example.error()));
  };
  encoding.prepare.encode = [options = encoding.options, refuseChats,
                             encoder = tokenizer.tokenizer.get()](const std::string &document) {
    return encodeDocument(document, *encoder, options, refuseChats);
  };
  return encoding;
}

}  // namespace llc::train
