#include "runtime/text/regex.h"

#include <gtest/gtest.h>

#include <string>

namespace llc::text {
namespace {
struct Case {
  const char *pattern, *text, *matches;  // matches in brackets
};

std::string bracketed(const Case &c) {
  auto pattern = Regex::compile(c.pattern);
  if (!pattern.ok()) return pattern.error().text();
  auto found = pattern->findAll(c.text);
  if (!found.ok()) return found.error().text();
  std::string out;
  for (RegexMatch m : *found) out += "[" + std::string(c.text).substr(m.begin, m.end - m.begin) + "]";
  return out;
}

TEST(Regex, FindsWhatOnigurumaFinds) {
  const Case cases[] = {
      {"a|ab", "ab", "[a]"},
      {"(?i:'s|'LL)", "'S 'll '\u017F", "['S]['ll]['\u017F]"},
      {"\\s+(?!\\S)|\\s+", "a   b ", "[  ][ ][ ]"},
      {"\\p{N}{1,3}", "12345", "[123][45]"},
      {"[^\\S\\n]+", " \t\n ", "[ \t][ ]"},
      {"[a-d&&[^b]]+", "abcd", "[a][cd]"},
      {"(?<=a)b|(?<!a)c", "ab cc ac", "[b][c][c]"},
      {"a++ab|aab", "aab", "[aab]"},
      {"x*", "axxb", "[][xx][]"},
      {"a{,2}", "aaa", "[aa][a]"},
      {"a{2}?", "aaaa", "[aa][aa]"},
      {"(a*)*b", "aab", "[aab]"},
      {"\\p{Lu}\\p{^Lu}", "Ab", "[Ab]"},
      {"\\w", "½", "[½]"},
      {"[\\w]", "½", ""},
      {"^.", "ab\ncd", "[a][c]"},
      {"(?m:.)+", "a\nb", "[a\nb]"},
      {"\\R", "\r\n\n", "[\r\n][\n]"},
      {"[]a]", "]a", "[]][a]"},
      {"\\x{65E5}\\u672C|\\x41", "日本A", "[日本][A]"},
      {"(?<name>a)(?#note)b", "ab", "[ab]"},
  };
  for (const Case &c : cases) EXPECT_EQ(bracketed(c), c.matches) << c.pattern;
}

TEST(Regex, RefusesWhatItDoesNotKnow) {
  for (const char *pattern : {"(a)\\1", "(", "a)", "[a", "*a", "\\p{Nonsense}", "(?<=a+)b", "a{2,1}", "a{9999}", "\\X",
                              "((a{500}){500}){500}", "[b-a]"}) {
    auto compiled = Regex::compile(pattern);
    ASSERT_FALSE(compiled.ok()) << pattern;
    EXPECT_FALSE(compiled.error().remedy.empty());
  }
}

// Exponential for plain backtracking: linear here, because failed states are remembered.
TEST(Regex, NestedRepetitionTakesLinearTime) {
  std::string text(20000, 'a');
  for (const char *pattern : {"(a*)*b", "(a|aa)+c", "(a|a)*d", "\\s*a*\\s*a*\\s*e"}) {
    auto compiled = Regex::compile(pattern);
    ASSERT_TRUE(compiled.ok());
    EXPECT_TRUE(compiled->linear());
    auto found = compiled->findAll(text);
    ASSERT_TRUE(found.ok());
    EXPECT_TRUE(found->empty()) << pattern;
  }
}

TEST(Regex, LookaroundThatNeverEndsIsRefused) {
  auto compiled = Regex::compile("(?=(a|aa)+b)a");
  ASSERT_TRUE(compiled.ok());
  EXPECT_FALSE(compiled->findAll(std::string(200, 'a')).ok());
}

}  // namespace
}  // namespace llc::text
