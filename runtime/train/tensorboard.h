// Event files of TensorBoard: records of a TFRecord file (length, CRC of the length, data, CRC of the data), each an
// Event message in protobuf's wire format (tensorflow/core/util/event.proto). Written by hand: some dozen lines.
#pragma once
#include <memory>

#include "runtime/train/metrics.h"

namespace llc::train {

// CRC-32C (Castagnoli), as iSCSI and TFRecord use it.
uint32_t crc32c(std::string_view bytes);

// A record of a TFRecord file.
std::string tfRecord(std::string_view data);

// Event messages. `wallTime`: seconds since 1970.
std::string versionEvent(double wallTime);
// Tells TensorBoard to forget what other files of the directory hold of this step and later ones.
std::string restartEvent(double wallTime, int64_t step);
std::string scalarsEvent(double wallTime, int64_t step, const std::vector<std::pair<std::string, float>> &scalars);

// Numbers of training and evaluation records, under their names.
class TensorBoardFile : public RecordSink {
 public:
  // A new events.out.tfevents.* in `directory`, which is made; `step`: what training goes on from.
  static Result<std::unique_ptr<TensorBoardFile>> create(const std::string &directory, int64_t step);
  ~TensorBoardFile() override;
  Status write(const Record &record) override;

 private:
  TensorBoardFile() = default;
  Status append(std::string_view event);
  std::string path_;
  int descriptor_ = -1;
};

}  // namespace llc::train
