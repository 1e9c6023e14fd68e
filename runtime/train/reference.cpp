#include "runtime/train/reference.h"

#include <filesystem>

#include "runtime/base/sha256.h"
#include "runtime/formats/safetensors.h"
#include "runtime/train/number_column.h"

namespace llc::train {

namespace {
using Column = std::vector<float>;

std::string fileOf(const data::Dataset &dataset, const StepProgram &program, const std::string &weights,
                   const std::string &folder) {
  data::DatasetPaths paths = data::datasetPaths(dataset.path());
  std::error_code error;
  auto changed = std::filesystem::last_write_time(paths.bin, error).time_since_epoch().count();
  std::string about = fmt::format("reference 1\n{} {} {}\n{}\n{} {}", paths.bin, dataset.tokens(), changed, weights,
                                  program.rows(), program.length());
  return folder + "/" + sha256OfText(about).substr(0, 16) + ".reference";
}

// The rows of a batch, each a sequence of the dataset.
struct Rows {
  std::vector<int32_t> ids, segments, labels;

  Status read(const data::Dataset &dataset, uint64_t first, int64_t count, int64_t length) {
    size_t size = size_t(count * length);
    ids.assign(size, 0), segments.assign(size, 0), labels.assign(size, -100);
    for (int64_t row = 0; row < count; ++row) {
      LLC_ASSIGN(uint64_t tokens, dataset.length(first + uint64_t(row)));
      tokens = std::min(tokens, uint64_t(length));
      auto at = size_t(row * length);
      LLC_TRY(dataset.readMarked(first + uint64_t(row), 0, std::span(ids).subspan(at, tokens)));
      for (size_t i = at; i < at + tokens; ++i) {
        if (i > at && ids[i] >= 0) labels[i] = ids[i];
        ids[i] = data::idOfMarked(ids[i]);
        segments[i] = 1;
      }
    }
    return success();
  }
};

Result<Column> compute(const data::Dataset &dataset, StepProgram &program, Progress &progress) {
  Column column(dataset.sequences());
  int64_t rows = program.rows(), length = program.length();
  progress.step("reference of " + dataset.path(), int64_t((column.size() + size_t(rows) - 1) / size_t(rows)));
  Rows batch;
  for (size_t first = 0; first < column.size(); first += size_t(rows)) {
    int64_t count = std::min<int64_t>(rows, int64_t(column.size() - first));
    LLC_TRY(batch.read(dataset, first, count, length));
    LLC_TRY(program.reference({count, length, batch.ids, batch.segments, batch.labels},
                              std::span(column).subspan(first, size_t(count))));
    progress.advance();
  }
  return column;
}
}  // namespace

Status addReference(TrainingData &data, StepProgram &program, const std::vector<std::string> &weights,
                    const std::string &folder, Progress &progress) {
  std::string identity;
  for (const std::string &path : weights) {
    LLC_ASSIGN(SafeTensors file, SafeTensors::open(path));
    identity += file.identity() + "\n";
  }
  for (data::Source &source : data.sources) {
    std::string path = fileOf(source.dataset, program, identity, folder);
    std::optional<Column> column = readColumn(path, source.dataset.sequences());
    if (!column) {
      LLC_ASSIGN(column, compute(source.dataset, program, progress));
      LLC_TRY(writeColumn(path, *column));
    }
    source.columns.push_back(std::make_shared<const Column>(std::move(*column)));
  }
  return success();
}

}  // namespace llc::train
