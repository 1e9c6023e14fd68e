// Every case of the shared conformance material: real tokenizers against the ids and texts of the reference libraries.
// Needs that material (environment variable LLC_SHARED, or a directory "shared" beside the repository); skipped without it.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "runtime/text/tokenizer.h"
#include "tests/runtime/text/streamed.h"

namespace llc {
namespace {
namespace fs = std::filesystem;
using Json = nlohmann::json;
using Ids = std::vector<TokenId>;

fs::path shared() {
  if (const char *path = std::getenv("LLC_SHARED")) return path;
  return fs::path(LLC_SOURCE_DIR).parent_path() / "shared";
}

std::vector<Json> readLines(const fs::path &path) {
  std::vector<Json> lines;
  std::ifstream stream(path);
  for (std::string line; std::getline(stream, line);) lines.push_back(Json::parse(line));
  return lines;
}

struct Count {
  int cases = 0, wrong = 0;
  template <class A, class B> void check(const A &got, const B &want, const char *what, const Json &line) {
    ++cases;
    if (got == want) return;
    if (++wrong <= 3)
      ADD_FAILURE() << what << ": got " << Json(got).dump() << "\nwant " << Json(want).dump() << "\nin "
                    << line.dump().substr(0, 600);
  }
};

class Conformance : public testing::TestWithParam<const char *> {
 protected:
  fs::path folder() const { return shared() / "conformance" / "tokenizers" / GetParam(); }
};

TEST_P(Conformance, EqualsTheReference) {
  if (!fs::exists(folder())) GTEST_SKIP() << folder() << " is absent";
  auto tokenizer = Tokenizer::load(folder().string());
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.error().text();
  const Tokenizer &t = **tokenizer;
  Count ids, special, decoded, stream;
  for (const Json &line : readLines(folder() / "cases.jsonl")) {
    auto text = line["text"].get<std::string>();
    Ids plain = line["ids"].get<Ids>();
    auto got = t.encode(text);
    ASSERT_TRUE(got.ok()) << got.error().text();
    ids.check(*got, plain, "ids", line);
    auto around = t.encode(text, {.addSpecial = true});
    ASSERT_TRUE(around.ok()) << around.error().text();
    special.check(*around, line.contains("ids_with_special") ? line["ids_with_special"].get<Ids>() : plain, "ids_with_special", line);
    auto want = line["decoded"].get<std::string>();
    auto skipped = line.contains("decoded_skip_special") ? line["decoded_skip_special"].get<std::string>() : want;
    decoded.check(t.decode(plain), want, "decoded", line);
    decoded.check(t.decode(plain, true), skipped, "decoded_skip_special", line);
    stream.check(streamed(t, plain, false), want, "stream", line);
  }
  for (const Json &line : readLines(folder() / "decode.jsonl")) {
    Ids given = line["ids"].get<Ids>();
    decoded.check(t.decode(given), line["text"].get<std::string>(), "text", line);
    decoded.check(t.decode(given, true), line["text_skip_special"].get<std::string>(), "text_skip_special", line);
    stream.check(streamed(t, given, true), line["text_skip_special"].get<std::string>(), "stream", line);
  }
  auto say = [](const Count &c) { return fmt::format("{}/{}", c.cases - c.wrong, c.cases); };
  fmt::print("{} [{}]: ids {}, with special {}, decoded {}, streamed {}\n", GetParam(), t.kind(), say(ids), say(special),
             say(decoded), say(stream));
}

INSTANTIATE_TEST_SUITE_P(Tokenizers, Conformance,
                         testing::Values("clip-bpe", "deepseek-v3", "gguf-bert-bge", "gguf-falcon", "gguf-llama3", "gguf-qwen2",
                                         "gguf-xlmr-nomic", "gpt2", "llama2-spm", "mistral-spm-v3", "mistral-tekken-240718",
                                         "openai-o200k-harmony", "phi-3-vision", "rwkv-world", "stories260K",
                                         "whisper-multilingual"),
                         [](const auto &info) {
                           std::string name = info.param;
                           for (char &c : name)
                             if (c == '-') c = '_';
                           return name;
                         });

// The other files of those directories, loaded by themselves: directory, file, and the column of ids that they must give.
struct OtherFile {
  const char *directory, *file, *column;
};
class OtherFiles : public testing::TestWithParam<OtherFile> {};

TEST_P(OtherFiles, GiveTheirOwnColumn) {
  auto [directory, file, column] = GetParam();
  fs::path folder = shared() / "conformance" / "tokenizers" / directory;
  if (!fs::exists(folder / file)) GTEST_SKIP() << folder / file << " is absent";
  std::map<std::string, std::string> files;
  for (const char *name : {file, "merges.txt"}) {
    std::ifstream stream(folder / name, std::ios::binary);
    if (stream) files[name] = std::string(std::istreambuf_iterator<char>(stream), {});
  }
  auto tokenizer = Tokenizer::fromFiles(files);
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.error().text();
  Count ids;
  for (const Json &line : readLines(folder / "cases.jsonl")) {
    std::string category = line["cat"].get<std::string>();
    bool specialText = category == "special" || category == "own-special";
    if (std::string_view(file).ends_with(".tiktoken") && specialText) continue;  // the file doesn't list its special tokens
    auto got = (*tokenizer)->encode(line["text"].get<std::string>());
    ASSERT_TRUE(got.ok()) << got.error().text();
    ids.check(*got, line.contains(column) ? line[column].get<Ids>() : line["ids"].get<Ids>(), column, line);
  }
  fmt::print("{}/{} [{}]: {}/{}\n", directory, file, (*tokenizer)->kind(), ids.cases - ids.wrong, ids.cases);
}

INSTANTIATE_TEST_SUITE_P(Tokenizers, OtherFiles,
                         testing::Values(OtherFile{"llama2-spm", "tokenizer.model", "ids_sentencepiece"},
                                         OtherFile{"mistral-spm-v3", "tokenizer.model", "ids_sentencepiece"},
                                         OtherFile{"stories260K", "tokenizer.model", "ids_sentencepiece"},
                                         OtherFile{"mistral-tekken-240718", "tokenizer.json", "ids_tokenizer_json"},
                                         OtherFile{"openai-o200k-harmony", "o200k_base.tiktoken", "ids"},
                                         OtherFile{"whisper-multilingual", "multilingual.tiktoken", "ids"},
                                         OtherFile{"gpt2", "vocab.json", "ids"}),
                         [](const auto &info) {
                           std::string name = fmt::format("{}_{}", info.param.directory, info.param.file);
                           for (char &c : name)
                             if (!isalnum(static_cast<unsigned char>(c))) c = '_';
                           return name;
                         });

}  // namespace
}  // namespace llc
