// What a run reports: records of named numbers, one a line of metrics.jsonl, and whatever else listens.
#pragma once
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "runtime/base/status.h"
#include "runtime/train/rotating_file.h"

namespace llc::train {

// {"event": "train", "step": 10, "train/loss": 3.2, ...}. Events: train, evaluation, sample, checkpoint, warning,
// alert.
using Record = nlohmann::ordered_json;

enum class RunEnd { finished, interrupted, failed };

class RecordSink {
 public:
  virtual ~RecordSink() = default;
  virtual Status write(const Record &record) = 0;
  // Nothing comes after it. A process that is killed does not get here.
  virtual Status finish([[maybe_unused]] RunEnd end) { return success(); }
};

// Numbers of a record of training or evaluation, but for its step; empty for other events.
std::vector<std::pair<std::string, double>> numbersOf(const Record &record);

// metrics.jsonl.
class MetricsFile : public RecordSink {
 public:
  // Goes on with the files that there are, without what a run that was killed wrote of steps after `step`, or wrote
  // half: in the file in which the record after that step belongs.
  static Result<MetricsFile> open(const std::string &path, int64_t step, const Rotation &rotation = {});
  Status write(const Record &record) override;

 private:
  explicit MetricsFile(RotatingFile file) : file_(std::move(file)) {}
  RotatingFile file_;
};

// The records of a metrics.jsonl, from its oldest part on; lines that are none left out. Error: no such file.
Result<std::vector<Record>> readMetrics(const std::string &path);

}  // namespace llc::train
