// Conversations by a model's own template: what is rendered, what of it is learned, what is refused.
#include "runtime/corpus/templated.h"

#include <gtest/gtest.h>

#include "runtime/base/json_read.h"

namespace llc::corpus {
namespace {
constexpr const char *plain =
    "{{ bos_token }}{% if tools %}T{{ tools | length }} {% endif %}{% for m in messages %}[{{ m.role }}]"
    "{{ m.content | upper if loud else m.content }}{% endfor %}{% if add_generation_prompt %}[assistant]{% endif %}";
constexpr const char *marked =
    "{% for m in messages %}[{{ m.role }}]{% if m.role == 'assistant' %}{% generation %}{{ m.content }}."
    "{% endgeneration %}{% else %}{{ m.content }}{% endif %}{% endfor %}";
constexpr const char *tokens = R"({"bos_token": {"content": "<s>"}, "eos_token": null})";

ExampleOptions optionsFor(const std::string &source) {
  ExampleOptions options;
  auto chosen = chooseChatFormat("", {{"chat_template.jinja", source}, {"tokenizer_config.json", tokens}}, options);
  EXPECT_TRUE(chosen.ok()) << chosen.error().text();
  return options;
}

// The parts, what is not learned in braces; or the error.
std::string shown(const std::string &json, const ExampleOptions &options) {
  auto object = parseJson(json, "test");
  EXPECT_TRUE(object.ok());
  auto example = readExample(*object, options);
  if (!example) return example.error().text();
  EXPECT_TRUE(example->isConversation && !example->addEnds);
  std::string text;
  for (auto &part : example->parts)
    text += part.learned ? part.text + "|" : part.text.empty() ? "" : "{" + part.text + "}|";
  return text;
}

TEST(Templated, Conversations) {
  ExampleOptions options = optionsFor(plain);
  EXPECT_EQ(
      shown(R"({"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]})", options),
      "<s>[user]a[assistant]b|");
  EXPECT_EQ(shown(R"({"conversations": [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}]})", options),
            "<s>[user]a[assistant]b|");
  EXPECT_EQ(shown(R"({"messages": [{"role": "user", "content": "a"}], "tools": [{"name": "f"}],
                      "chat_template_kwargs": {"loud": true}})",
                  options),
            "<s>T1 [user]A|");
}

TEST(Templated, OnlyTheAssistantIsLearned) {
  ExampleOptions options = optionsFor(marked);
  options.assistantOnly = true;
  const char *two = R"({"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"},
                                     {"role": "user", "content": "c"}, {"role": "assistant", "content": "d"}]})";
  EXPECT_EQ(shown(two, options), "{[user]a[assistant]}|b.|{[user]c[assistant]}|d.|");
  options = optionsFor(plain);
  options.assistantOnly = true;
  EXPECT_NE(shown(two, options).find("{% generation %}"), std::string::npos);
}

TEST(Templated, PromptsWithCompletions) {
  ExampleOptions options = optionsFor(plain);
  const char *json =
      R"({"prompt": [{"role": "user", "content": "a"}], "completion": [{"role": "assistant", "content": "b"}]})";
  EXPECT_EQ(shown(json, options), "{<s>[user]a[assistant]}|b|");
  options.completionOnly = false;
  EXPECT_EQ(shown(json, options), "<s>[user]a[assistant]|b|");
}

TEST(Templated, Preferences) {
  ExampleOptions options = optionsFor(plain);
  options.kind = ExampleOptions::Kind::preferences;
  std::string good = R"([{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}])",
              bad = R"([{"role": "user", "content": "a"}, {"role": "assistant", "content": "c"}])";
  EXPECT_EQ(shown("{\"chosen\": " + good + ", \"rejected\": " + bad + "}", options), "{<s>[user]a[assistant]}|b|c|");
  EXPECT_NE(shown("{\"chosen\": " + good + ", \"rejected\": " + good + "}", options).find("do not differ"),
            std::string::npos);
}

TEST(Templated, WhatIsRefused) {
  ExampleOptions options = optionsFor("{{ raise_exception('no ' ~ messages[0].role) }}");
  EXPECT_NE(shown(R"({"messages": [{"role": "system", "content": "a"}]})", options).find("no system"),
            std::string::npos);
  for (const char *json : {R"({"messages": []})", R"({"messages": [{"content": "a"}]})", R"({"messages": ["a"]})"})
    EXPECT_NE(shown(json, options).find("to fix: write [{"), std::string::npos) << json;
  ExampleOptions none;
  EXPECT_FALSE(chooseChatFormat("template", {}, none).ok());
  EXPECT_FALSE(chooseChatFormat("chatlm", {}, none).ok());
  EXPECT_FALSE(chooseChatFormat("", {{"chat_template.jinja", "{% if %}"}}, none).ok());
  EXPECT_TRUE(chooseChatFormat("chatml", {{"chat_template.jinja", "{% if %}"}}, none).ok());
  EXPECT_EQ(none.chat, ChatFormat::chatml);
}

TEST(Templated, TheDefaultOfSeveral) {
  ExampleOptions options;
  auto chosen =
      chooseChatFormat("", {{"tokenizer_config.json", R"({"chat_template": [{"name": "tool_use", "template": "x"},
      {"name": "default", "template": "d{{ messages[0].content }}"}]})"}},
                       options);
  ASSERT_TRUE(chosen.ok()) << chosen.error().text();
  EXPECT_EQ(shown(R"({"messages": [{"role": "user", "content": "a"}]})", options), "da|");
}

}  // namespace
}  // namespace llc::corpus
