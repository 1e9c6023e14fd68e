#include "runtime/chat/chat_template.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace llc::chat {
namespace {
using Json = nlohmann::ordered_json;

Result<RenderedChat> rendered(const std::string &source, const Json &variables = Json::object()) {
  auto parsed = ChatTemplate::parse(source, "test");
  if (!parsed) return parsed.error();
  return parsed->render(variables, 0);
}

// Small templates against what transformers made of them (tests/golden/make_chat_goldens.py).
TEST(ChatTemplate, EqualsTheReference) {
  std::ifstream stream(std::filesystem::path(LLC_SOURCE_DIR) / "tests/golden/chat_templates.json");
  Json golden = Json::parse(stream);
  Json variables = golden["variables"];
  variables["messages"] = golden["messages"];
  variables["add_generation_prompt"] = false;
  ASSERT_GT(golden["cases"].size(), 400u);
  for (auto &test : golden["cases"]) {
    auto source = test["template"].get<std::string>();
    auto result = rendered(source, variables);
    if (test.contains("refused"))
      EXPECT_FALSE(result) << source << "\n" << test << "\n" << (result ? result->text : "");
    else if (!result)
      ADD_FAILURE() << source << "\n" << result.error().text() << "\nwant " << test["text"];
    else
      EXPECT_EQ(result->text, test["text"].get<std::string>()) << source;
  }
}

TEST(ChatTemplate, TellsWhatWasGenerated) {
  auto result = rendered("é{% for m in messages %}[{% generation %}{{ m }}{% endgeneration %}]{% endfor %}",
                         {{"messages", {"ab", "c"}}});
  ASSERT_TRUE(result) << result.error().text();
  EXPECT_EQ(result->text, "é[ab][c]");
  EXPECT_EQ(result->generated, (std::vector<std::pair<size_t, size_t>>{{3, 5}, {7, 8}}));
  EXPECT_TRUE(ChatTemplate::parse("{% generation %}{% endgeneration %}", "t")->marksGeneration());
  EXPECT_FALSE(ChatTemplate::parse("{{ messages }}", "t")->marksGeneration());
}

TEST(ChatTemplate, ErrorsNameTheLineAndWhatToDo) {
  auto text = [](const std::string &source) { return rendered(source).error().text(); };
  EXPECT_EQ(text("a\n{% if x %}\nb"), "test, line 3: 'endif' is missing; to fix: mend the template");
  EXPECT_EQ(text("a\n\n{{ 'x'|uper }}"),
            "test, line 3: no filter named 'uper' is known; to fix: perhaps it should be 'upper'");
  EXPECT_NE(text("\n{{ x.y }}").find("line 2: 'x' is undefined"), std::string::npos);
  EXPECT_NE(text("{{ raise_exception('only two turns') }}").find("only two turns"), std::string::npos);
  EXPECT_NE(text("{% inlcude 'x' %}").find("is not known here"), std::string::npos);
}

// A few bytes that ask for everything: refused soon, nothing crashes.
TEST(ChatTemplate, HostileTemplatesEnd) {
  auto repeated = [](const std::string &part, int count) {
    std::string text;
    for (int i = 0; i < count; ++i) text += part;
    return text;
  };
  std::vector<std::string> hostile = {
      "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
      "{{ 'x' * 9999999999 }}",
      "{% set n = namespace(x='abcdefgh') %}{% for i in range(99) %}{% set n.x = n.x ~ n.x %}{% endfor %}{{ n.x }}",
      "{% set n = namespace(x=[1]) %}{% for i in range(99) %}{% set n.x = n.x + n.x %}{% endfor %}",
      "{% set n = namespace(x=[]) %}{% for i in range(9999) %}{% set n.x = [n.x] %}{% endfor %}{{ n.x }}",
      "{% set n = namespace() %}{% set n.x = {'n': n} %}{% for i in range(9999) %}{% set n.x = {'a': n.x} %}{% endfor "
      "%}{{ n }}",
      "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
      "{% macro f(x) %}{{ x(x) }}{% endmacro %}{{ f(f) }}",
      "{{ 10 ** 10 ** 10 }}",
      "{{ 9223372036854775807 + 1 }}",
      "{{ '%9999999999s' % 1 }}" + repeated("{{ '%9999s' % 1 }}", 8000),
      "{{ " + repeated("(", 5000) + "1" + repeated(")", 5000) + " }}",
      "{{ " + repeated("[", 150) + repeated("]", 150) + " }}",
      "{{ " + repeated("-", 3000) + "1 }}",
      "{{ " + repeated("not ", 3000) + "1 }}",
      "{{ 1" + repeated(" + 1", 100000) + " }}",
      "{{ 1" + repeated(" ~ 1", 1000) + " }}",
      "{{ x" + repeated(".y", 100000) + " }}",
      repeated("{% if 1 %}", 5000),
      repeated("{% for x in y %}", 200) + repeated("{% endfor %}", 200),
      "{{ range(-9223372036854775807, 9223372036854775807, 1) }}",
      "{{ 'a,' * 3000000 | string }}{{ (',' * 4000000).split(',') | length }}",
  };
  for (const std::string &source : hostile) {
    auto parsed = ChatTemplate::parse(source, "test");
    EXPECT_FALSE(parsed && parsed->render(Json::object(), 0, 100'000)) << source.substr(0, 90);
  }
  Json deep = 1;
  for (int i = 0; i < 300; ++i) deep = Json::array({deep});
  EXPECT_FALSE(rendered("{{ messages }}", {{"messages", deep}}));
}

TEST(ChatTemplate, BrokenBytesAreReplacedNotCrashedOn) {
  for (const char *text : {"\xff\xfe", "\xe2\x9c", "a\xc3", "\xf0\x9f\x98"}) {
    auto result = rendered(
        "{{ x|upper }}{{ x[::-1] }}{{ x|length }}{{ x.strip() }}{{ x.split() }}{{ x|tojson }}" + std::string(text),
        {{"x", text}});
    EXPECT_TRUE(result) << result.error().text();
  }
}

}  // namespace
}  // namespace llc::chat
