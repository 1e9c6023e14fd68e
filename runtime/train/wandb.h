// A run as W&B's clients write it offline: wandb/offline-run-TIME-ID/run-ID.wandb, messages of wandb/proto/
// wandb_internal.proto in the format of LevelDB's log (blocks of 32 KiB), which `wandb sync` reads.
#pragma once
#include "runtime/train/trackers.h"

namespace llc::train {

// Cuts messages into the log's records: CRC-32 of type and data, length, type, data.
class WandbLog {
 public:
  static std::string header();  // what the file begins with
  // The bytes that follow the `written` ones of the file.
  static std::string record(std::string_view message, uint64_t written);
};

// Values are JSON.
std::string wandbHeader(int64_t number);
std::string wandbRun(int64_t number, const std::string &id, const std::string &name, int64_t startSeconds,
                     const std::vector<std::pair<std::string, std::string>> &config);
std::string wandbHistory(int64_t number, int64_t step, const std::vector<std::pair<std::string, std::string>> &values);
std::string wandbSummary(int64_t number, const std::vector<std::pair<std::string, std::string>> &values);
std::string wandbExit(int64_t number, const std::string &id, int code);

class WandbFile : public RecordSink {
 public:
  // In PARENT/wandb; project "llc-model". A run that goes on has the same id in a file of its own: `wandb sync
  // --append`.
  static Result<std::unique_ptr<WandbFile>> create(const TrackedRun &run);
  ~WandbFile() override;
  Status write(const Record &record) override;
  Status finish(RunEnd end) override;

 private:
  WandbFile() = default;
  Status append(const std::string &message);
  Status flush();  // one history record for all that is known of a step
  std::string path_, id_;
  int descriptor_ = -1;
  uint64_t written_ = 0;
  int64_t number_ = 0, pendingStep_ = -1;
  double start_ = 0;  // seconds since 1970
  std::map<std::string, double> pending_, summary_;
};

}  // namespace llc::train
