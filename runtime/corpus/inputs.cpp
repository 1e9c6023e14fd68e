#include "runtime/corpus/inputs.h"

#include <glob.h>

#include <charconv>
#include <cmath>
#include <filesystem>

namespace llc::corpus {

namespace {
namespace fs = std::filesystem;

constexpr std::pair<std::string_view, Format> endings[] = {
    {".txt", Format::text},     {".text", Format::text}, {".md", Format::text}, {".jsonl", Format::jsonl},
    {".ndjson", Format::jsonl}, {".csv", Format::csv},   {".tsv", Format::tsv}, {".parquet", Format::parquet}};

std::string_view withoutCompression(std::string_view name) {
  for (std::string_view ending : {".gz", ".zst", ".zstd"})
    if (name.ends_with(ending)) return name.substr(0, name.size() - ending.size());
  return name;
}

std::optional<Format> formatOf(const std::string &path) {
  std::string_view name = withoutCompression(path);
  for (auto [ending, format] : endings)
    if (name.ends_with(ending)) return format;
  return std::nullopt;
}

bool isArrow(const std::string &path) { return path.ends_with(".arrow"); }
bool isPattern(const std::string &path) { return path.find_first_of("*?[") != std::string::npos; }

Error arrow(const std::string &path) {
  return diagnose(ErrorKind::unsupported, path)
      .says("Arrow files are not read")
      .toFix(
          "convert it to Parquet: python3 -c \"import datasets; "
          "datasets.Dataset.from_file('IN').to_parquet('OUT.parquet')\"");
}

class Finder {
 public:
  explicit Finder(std::optional<Format> format) : format_(format) {}
  std::vector<InputFile> files;

  Status add(const std::string &name, const fs::file_status &status) {
    if (fs::is_directory(status)) return addDirectory(name);
    if (fs::exists(status)) return addFile(name, true);
    return isPattern(name) ? addPattern(name) : success();
  }

 private:
  // `named`: the user meant this very file, so its name needs no known ending.
  Status addFile(const fs::path &path, bool named) {
    std::string text = path.string();
    auto format = formatOf(text);
    if (isArrow(text)) return arrow(text);
    if (!format && !named && !format_) return success();
    std::error_code error;
    uint64_t bytes = fs::file_size(path, error);
    files.push_back({text, format_.value_or(format.value_or(Format::text)), error ? 0 : bytes});
    return success();
  }
  Status addDirectory(const std::string &path) {
    std::error_code error;
    for (fs::recursive_directory_iterator entry(path, error), end; !error && entry != end; entry.increment(error)) {
      bool hidden = entry->path().filename().string().starts_with('.');
      std::error_code ignored;
      if (hidden && entry->is_directory(ignored)) entry.disable_recursion_pending();
      if (!hidden && entry->is_regular_file(ignored)) LLC_TRY(addFile(entry->path(), false));
    }
    if (error)
      return diagnose(ErrorKind::notFound, path).says(error.message()).toFix("check the permissions of the directory");
    return success();
  }
  Status addPattern(const std::string &pattern) {
    glob_t found = {};
    int result = ::glob(pattern.c_str(), 0, nullptr, &found);
    Status status = success();
    for (size_t i = 0; result == 0 && status && i < found.gl_pathc; ++i)
      if (std::error_code error; fs::is_regular_file(found.gl_pathv[i], error))
        status = addFile(found.gl_pathv[i], false);
    globfree(&found);
    return status;
  }
  std::optional<Format> format_;
};

std::optional<double> positiveNumber(std::string_view text) {
  double value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  bool whole = error == std::errc() && end == text.data() + text.size();
  return whole && std::isfinite(value) && value > 0 ? std::optional(value) : std::nullopt;
}

// Cuts ":weight" off, unless a file of the whole name exists.
Result<Input> split(const std::string &specification) {
  Input input{specification, std::nullopt, {}};
  size_t colon = specification.rfind(':');
  std::error_code error;
  if (colon == std::string::npos || colon == 0 || fs::exists(specification, error)) return input;
  input.weight = positiveNumber(std::string_view(specification).substr(colon + 1));
  if (!input.weight)
    return diagnose(ErrorKind::invalidInput, specification)
        .says("no such file, and what stands behind the colon is no weight above 0")
        .toFix("write PATH or PATH:WEIGHT, for instance wiki.jsonl:0.7");
  input.name = specification.substr(0, colon);
  return input;
}
}  // namespace

Result<Format> formatNamed(const std::string &name) {
  constexpr std::pair<const char *, Format> names[] = {{"text", Format::text},
                                                       {"jsonl", Format::jsonl},
                                                       {"csv", Format::csv},
                                                       {"tsv", Format::tsv},
                                                       {"parquet", Format::parquet}};
  for (auto [known, format] : names)
    if (name == known) return format;
  return diagnose(ErrorKind::invalidInput, name).says("is no format").toFix("use text, jsonl, csv, tsv or parquet");
}

Result<std::vector<Input>> findInputs(const std::vector<std::string> &specifications, std::optional<Format> format) {
  std::vector<Input> inputs;
  for (const std::string &specification : specifications) {
    LLC_ASSIGN(Input input, split(specification));
    Finder finder(format);
    std::error_code error;
    fs::file_status status = fs::status(input.name, error);
    LLC_TRY(finder.add(input.name, status));
    if (finder.files.empty())
      return diagnose(ErrorKind::notFound, input.name)
          .says(
              fs::is_directory(status) || isPattern(input.name)
                  ? "no text here: no file ends in .txt, .md, .jsonl, .csv, .tsv (or these and .gz or .zst) or .parquet"
                  : "no such file or directory")
          .toFix("check the path; --format says what files of other names hold");
    std::sort(finder.files.begin(), finder.files.end(), [](const auto &a, const auto &b) { return a.path < b.path; });
    input.files = std::move(finder.files);
    inputs.push_back(std::move(input));
  }
  return inputs;
}

}  // namespace llc::corpus
