// From JSON objects to token ids and what is to be learned of them.
#include "runtime/corpus/examples.h"

#include <gtest/gtest.h>

#include "runtime/base/json_read.h"
#include "runtime/corpus/byte_level_bpe.h"
#include "runtime/corpus/conversation.h"
#include "runtime/corpus/prepare.h"
#include "runtime/data/dataset.h"
#include "tests/runtime/temporary_directory.h"

namespace llc::corpus {
namespace {
using Kind = ExampleOptions::Kind;
using Ids = std::vector<int32_t>;

// A token for each byte, and <s> </s> ...: what is a token is easy to see.
const Tokenizer &tokenizer() {
  static const std::unique_ptr<Tokenizer> bytes = [] {
    ByteLevelOptions options;
    options.vocabularySize = int64_t(256 + options.special.size());
    auto counts = WordCounts::create(options, 1);
    EXPECT_TRUE(counts->add({"x"}).ok());
    auto made = Tokenizer::fromFiles({{"tokenizer.json", tokenizerJson(*trainBpe(counts->take(), options), options)},
                                      {"tokenizer_config.json", tokenizerConfigJson(options.special)}});
    EXPECT_TRUE(made.ok()) << made.error().text();
    return std::move(*made);
  }();
  return *bytes;
}

// What is learned as it is, what is not in brackets; beginning and end as "^" and "$".
std::string shown(const Ids &stored) {
  std::string text;
  for (size_t i = 0; i < stored.size();) {
    bool learned = stored[i] >= 0;
    Ids stretch;
    for (; i < stored.size() && learned == (stored[i] >= 0); ++i) stretch.push_back(data::idOfMarked(stored[i]));
    bool begins = stretch.front() == *tokenizer().bosId(), ends = stretch.back() == *tokenizer().eosId();
    if (begins) stretch.erase(stretch.begin());
    if (ends) stretch.pop_back();
    std::string inner = (begins ? "^" : "") + tokenizer().decode(stretch) + (ends ? "$" : "");
    text += learned ? inner : "[" + inner + "]";
  }
  return text;
}

std::vector<std::string> made(const std::string &json, const ExampleOptions &options = {}) {
  auto object = parseJson(json, "test");
  EXPECT_TRUE(object.ok());
  auto example = readExample(*object, options);
  if (!example) return {"error: " + example.error().what};
  auto sequences = encodeExample(*example, tokenizer(), options);
  EXPECT_TRUE(sequences.ok());
  std::vector<std::string> all;
  for (const Ids &ids : *sequences) all.push_back(shown(ids));
  return all;
}
using Shown = std::vector<std::string>;

TEST(Examples, OfAPromptWithCompletionOnlyTheCompletionIsLearned) {
  std::string json = R"({"prompt": "2+2=", "completion": "4"})";
  EXPECT_EQ(made(json), (Shown{"[^2+2=]4$"}));
  EXPECT_EQ(made(json, {.completionOnly = false}), (Shown{"^2+2=4$"}));
  EXPECT_EQ(made(R"({"prompt": "2+2=", "response": "4</s>"})"), (Shown{"[^2+2=]4$"}));  // its end is there already
  EXPECT_EQ(made(R"({"text": "abc"})"), (Shown{"^abc$"}));
}

TEST(Examples, AreCutAtTheirEnd) {
  std::string json = R"({"prompt": "2+2=", "completion": "four"})";
  EXPECT_EQ(made(json, {.maxLength = 7}), (Shown{"[^2+2=]fo"}));
  EXPECT_EQ(made(json, {.maxLength = 5}), Shown{});  // nothing is left to be learned
  // What begins a sequence is predicted by nothing.
  EXPECT_EQ(made(R"({"prompt": "", "completion": "a"})", {.maxLength = 1}), Shown{});
  EXPECT_EQ(made(R"({"prompt": "", "completion": "a"})"), (Shown{"[^]a$"}));
}

TEST(Examples, ConversationsAreTextInAFormat) {
  std::string json = R"({"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "yo"},
                                      {"role": "user", "content": [{"type": "text", "text": "ok"}]}]})";
  EXPECT_EQ(made(json), (Shown{"^<|user|>\nhi\n<|assistant|>\nyo\n<|user|>\nok\n$"}));
  EXPECT_EQ(made(json, {.assistantOnly = true}), (Shown{"[^<|user|>\nhi\n<|assistant|>\n]yo\n[<|user|>\nok\n$]"}));
  EXPECT_EQ(made(json, {.chat = ChatFormat::chatml, .assistantOnly = true}),
            (Shown{"[<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n]yo<|im_end|>[\n<|im_start|>user\nok<|im_"
                   "end|>\n]"}));
  EXPECT_EQ(made(R"({"conversations": [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}]})",
                 {.assistantOnly = true}),
            (Shown{"[^<|user|>\na\n<|assistant|>\n]b\n$"}));
  EXPECT_EQ(
      made(R"({"prompt": [{"role": "user", "content": "a"}], "completion": [{"role": "assistant", "content": "b"}]})"),
      (Shown{"[^<|user|>\na\n<|assistant|>\n]b\n$"}));
}

TEST(Examples, AConversationThatWaitsForAnAnswerEndsWithItsBeginning) {
  std::vector<Message> messages = {{"system", "be brief"}, {"user", "hi"}};
  EXPECT_EQ(render(messages, true, ChatFormat::roles), "<|system|>\nbe brief\n<|user|>\nhi\n<|assistant|>\n");
  EXPECT_EQ(render(messages, false, ChatFormat::chatml),
            "<|im_start|>system\nbe brief<|im_end|>\n<|im_start|>user\nhi<|im_end|>\n");
}

TEST(Examples, PreferencesAreTwoCompletionsOfAPrompt) {
  ExampleOptions options{.kind = Kind::preferences};
  EXPECT_EQ(made(R"({"prompt": "q ", "chosen": "yes", "rejected": "no"})", options), (Shown{"[q ]yes$", "[q ]no$"}));
  // The prompt is what both begin with, a blank at its end not.
  EXPECT_EQ(made(R"({"chosen": "so it is", "rejected": "so it was"})", options),
            (Shown{"[so it] is$", "[so it] was$"}));
  EXPECT_EQ(made(R"({"chosen": "é", "rejected": "è"})", options), (Shown{"é$", "è$"}));  // not within a character
  options.maxPromptLength = 2, options.maxCompletionLength = 3;
  EXPECT_EQ(made(R"({"prompt": "abcd", "chosen": "yes", "rejected": "no"})", options), (Shown{"[cd]yes", "[cd]no$"}));
  options.maxLength = 4;
  EXPECT_EQ(made(R"({"prompt": "abcd", "chosen": "yes", "rejected": "no"})", options), (Shown{"[cd]ye", "[cd]no"}));
}

TEST(Examples, PreferencesOfConversationsShareTheirFirstMessages) {
  ExampleOptions options{.kind = Kind::preferences};
  std::string user = R"({"role": "user", "content": "q"})";
  auto answer = [](const std::string &text) { return R"({"role": "assistant", "content": ")" + text + "\"}"; };
  Shown both = {"[<|user|>\nq\n<|assistant|>\n]yes\n$", "[<|user|>\nq\n<|assistant|>\n]no\n$"};
  EXPECT_EQ(
      made("{\"chosen\": [" + user + ", " + answer("yes") + "], \"rejected\": [" + user + ", " + answer("no") + "]}",
           options),
      both);
  EXPECT_EQ(
      made("{\"prompt\": [" + user + "], \"chosen\": [" + answer("yes") + "], \"rejected\": [" + answer("no") + "]}",
           options),
      both);
}

TEST(Examples, WhatIsWrongIsNamed) {
  auto saysOf = [](const std::string &json, Kind kind, const std::string &text) {
    std::string error = made(json, {.kind = kind})[0];
    EXPECT_TRUE(error.starts_with("error: ") && error.find(text) != error.npos) << json << ": " << error;
  };
  saysOf("[1]", Kind::completions, "JSON object");
  saysOf(R"({"question": "a", "answer": "b"})", Kind::completions, "'answer', 'question'");
  saysOf(R"({"prompt": 3, "completion": "b"})", Kind::completions, "'prompt' is no text");
  saysOf(R"({"messages": []})", Kind::completions, "no list of messages");
  saysOf(R"({"messages": [{"role": "user"}]})", Kind::completions, "message 0 of 'messages'");
  saysOf(R"({"messages": [{"role": "user", "content": [{"type": "image"}]}]})", Kind::completions, "no text");
  saysOf(R"({"prompt": "a", "chosen": "b"})", Kind::preferences, "'chosen' with 'rejected'");
  saysOf(R"({"prompt": "a", "chosen": "b", "rejected": 1})", Kind::preferences, "'rejected' is no text");
  saysOf(R"({"prompt": "a", "chosen": [{"role": "a", "content": "b"}], "rejected": "c"})", Kind::preferences,
         "'rejected'");
  std::string same = R"([{"role": "user", "content": "q"}])";
  saysOf("{\"chosen\": " + same + ", \"rejected\": " + same + "}", Kind::preferences, "do not differ");
}

// Thousands of short messages must not take the square of the time.
TEST(Examples, LongConversationsTakeNoLongerThanWhatIsKept) {
  std::string json = R"({"messages": [{"role": "user", "content": "a"})";
  for (int i = 0; i < 20000; ++i)
    json += R"(, {"role": "assistant", "content": "b"}, {"role": "user", "content": "a"})";
  auto shownOnes = made(json + "]}", {.maxLength = 40, .assistantOnly = true});
  ASSERT_EQ(shownOnes.size(), 1u);
  EXPECT_TRUE(shownOnes[0].starts_with("[^<|user|>\na\n<|assistant|>\n]b\n[<|user|>")) << shownOnes[0];
}

// Through the reader of records: broken lines are named, good ones become a marked dataset.
TEST(Examples, ComparedTextsAreWholeAndAllOfThemCounts) {
  ExampleOptions options{.kind = Kind::comparisons};
  EXPECT_EQ(made(R"({"prompt": "2+2=", "chosen": "4", "rejected": "5"})", options), (Shown{"^2+2=4$", "^2+2=5$"}));
  EXPECT_EQ(made(R"({"chosen": "so good", "rejected": "so bad"})", options), (Shown{"^so good$", "^so bad$"}));
  EXPECT_EQ(made(R"({"prompt": [{"role": "user", "content": "a"}], "chosen": [{"role": "assistant", "content": "b"}],
                     "rejected": [{"role": "assistant", "content": "c"}]})",
                 options),
            (Shown{"^<|user|>\na\n<|assistant|>\nb\n$", "^<|user|>\na\n<|assistant|>\nc\n$"}));
  // Cut at their end, they may be the same: nothing tells which is better.
  EXPECT_TRUE(made(R"({"chosen": "b", "rejected": "b"})", options).empty());
  options.maxLength = 6;
  EXPECT_EQ(made(R"({"chosen": "abcXefgh", "rejected": "abcYefgh"})", options), (Shown{"^abcXe", "^abcYe"}));
  options.maxLength = 4;
  EXPECT_TRUE(made(R"({"chosen": "abcXefgh", "rejected": "abcYefgh"})", options).empty());
}

TEST(Examples, MarginsAreNumbersOrTextsOfNumbers) {
  ExampleOptions options{.kind = Kind::comparisons};
  auto margin = [&](const std::string &member) {
    auto example = readExample(*parseJson("{\"chosen\": \"a\", \"rejected\": \"b\"" + member + "}", ""), options);
    return example ? std::to_string(example->margin) : example.error().what;
  };
  EXPECT_EQ(margin(""), "0.000000");
  EXPECT_EQ(margin(", \"margin\": null"), "0.000000");
  EXPECT_EQ(margin(", \"margin\": 1.5"), "1.500000");
  EXPECT_EQ(margin(", \"margin\": \"-0.25\""), "-0.250000");
  for (const char *wrong : {"\"\"", "\"much\"", "\"1 2\"", "\"nan\"", "1e300", "[]"})
    EXPECT_NE(margin(std::string(", \"margin\": ") + wrong).find("'margin' is no number"), std::string::npos) << wrong;
}

TEST(Examples, BrokenRecordsAreNamedWithFileAndLine) {
  TemporaryDirectory folder;
  std::string path = folder.write("a.jsonl",
                                  "{\"prompt\": \"2+2=\", \"completion\": \"4\"}\n{\"prompt\": \"x\"}\n{oops\n"
                                  "{\"prompt\": \"\xff\", \"completion\": \"4\"}\n"
                                  "{\"prompt\": \"3+3=\", \"completion\": \"6\"}\n");
  ExampleOptions example;
  PrepareOptions options;
  std::vector<std::string> skipped;
  options.marked = true;
  options.corpus.records.accepts = [&](const nlohmann::json &object) -> Status {
    auto read = readExample(object, example);
    return read ? success() : Status(std::move(read.error()));
  };
  options.encode = [&](const std::string &document) -> Result<Encoded> {
    LLC_ASSIGN(auto sequences, encodeExample(*readExample(*parseJson(document, ""), example), tokenizer(), example));
    return Encoded{std::move(sequences)};
  };
  options.corpus.onBroken = [&](const std::string &text) { skipped.push_back(text); };
  auto prepared = [&]() -> Result<std::vector<SourceReport>> {
    data::DatasetHeader header;
    header.vocabulary = uint32_t(tokenizer().vocabularySize());
    header.marked = true;
    LLC_ASSIGN(auto writer, data::DatasetWriter::create(folder.file("d"), header));
    LLC_ASSIGN(auto inputs, findInputs({path}));
    LLC_ASSIGN(auto reports, prepare(inputs, tokenizer(), options, writer));
    LLC_TRY(writer.commit());
    return reports;
  };
  auto refused = prepared();
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().text().find("a.jsonl:2"), std::string::npos) << refused.error().text();
  options.corpus.skipBroken = true;
  auto reports = prepared();
  ASSERT_TRUE(reports.ok()) << reports.error().text();
  EXPECT_EQ((*reports)[0].sequences, 2);
  EXPECT_EQ((*reports)[0].counts.broken, 3);
  ASSERT_EQ(skipped.size(), 3u);
  EXPECT_NE(skipped[1].find("a.jsonl:3"), std::string::npos) << skipped[1];
  auto dataset = data::Dataset::open(folder.file("d"));
  ASSERT_TRUE(dataset.ok()) << dataset.error().text();
  Ids stored(*dataset->length(1)), clean = stored;
  ASSERT_TRUE(dataset->readMarked(1, 0, stored).ok() && dataset->read(1, 0, clean).ok() && dataset->verify().ok());
  EXPECT_EQ(shown(stored), "[^3+3=]6$");
  EXPECT_EQ(shown(clean), "^3+3=6$");
}
}  // namespace
}  // namespace llc::corpus
