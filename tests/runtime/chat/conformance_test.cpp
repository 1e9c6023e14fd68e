// Real chat templates against what transformers rendered, or refused. Needs the shared conformance material
// (environment variable LLC_SHARED, or a directory "shared" beside the repository); skipped without it.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "runtime/chat/chat_template.h"

namespace llc::chat {
namespace {
namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

std::string contentOf(const fs::path &path) {
  std::ifstream stream(path);
  std::stringstream text;
  text << stream.rdbuf();
  return text.str();
}

fs::path folder() {
  if (const char *path = std::getenv("LLC_SHARED")) return fs::path(path) / "conformance/templates";
  return fs::path(LLC_SOURCE_DIR).parent_path() / "shared/conformance/templates";
}

TEST(ChatConformance, RendersAndRefusesAsTransformers) {
  if (!fs::exists(folder() / "rendered.jsonl")) GTEST_SKIP() << folder() << " is not there";
  Json given = Json::parse(contentOf(folder() / "conversations.json"));
  std::map<std::string, Json> conversations;
  for (auto &conversation : given["conversations"]) {
    Json variables = given["variables"];
    variables.erase("now");
    for (auto &[key, value] : conversation.items())
      if (key != "id") variables[key] = value;
    conversations[conversation["id"].get<std::string>()] = variables;
  }
  std::tm time{};
  time.tm_year = 126, time.tm_mday = 2, time.tm_hour = 3, time.tm_min = 4, time.tm_sec = 5, time.tm_isdst = -1;
  std::time_t now = std::mktime(&time);
  std::ifstream rows(folder() / "rendered.jsonl");
  std::map<std::string, Result<ChatTemplate>> templates;
  int cases = 0, wrong = 0;
  for (std::string line; std::getline(rows, line);) {
    Json row = Json::parse(line);
    std::string name = row["template"].get<std::string>();
    auto found = templates.find(name);
    if (found == templates.end())
      found = templates.emplace(name, ChatTemplate::parse(contentOf(folder() / (name + ".jinja")), name)).first;
    auto &parsed = found->second;
    ++cases;
    auto rendered = parsed ? parsed->render(conversations.at(row["conv"].get<std::string>()), now)
                           : Result<RenderedChat>(parsed.error());
    bool refused = row.contains("error");
    bool right = refused ? !rendered && parsed : rendered && rendered->text == row["text"].get<std::string>();
    if (right || ++wrong > 12) continue;
    ADD_FAILURE() << name << ", " << row["conv"]
                  << "\ngot:  " << (rendered ? Json(rendered->text).dump() : rendered.error().text())
                  << "\nwant: " << line;
  }
  EXPECT_EQ(wrong, 0);
  EXPECT_GT(cases, 400);
}

}  // namespace
}  // namespace llc::chat
