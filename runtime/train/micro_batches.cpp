#include "runtime/train/micro_batches.h"

namespace llc::train {

namespace {
constexpr int32_t noLabel = -100;

Error badBatch(const std::string &what, const std::string &remedy) {
  return diagnose(ErrorKind::invalidInput, "data").says(what).toFix(remedy);
}
}  // namespace

Status MicroBatches::check(const data::Batch &batch) const {
  if (batch.rows > rows_ || batch.length != length_)
    return badBatch(fmt::format("a batch of {} rows of {} tokens; the program was compiled for {} of {}", batch.rows,
                                batch.length, rows_, length_),
                    "use rows of that length");
  for (size_t i = 0; i < batch.ids.size(); ++i) {
    int32_t id = batch.ids[i], label = batch.labels[i];
    if (id < 0 || id >= vocabulary_)
      return badBatch(
          fmt::format("token {} in row {}, the model's vocabulary has {}", id, i / size_t(length_), vocabulary_),
          "prepare the data with the model's own tokenizer");
    if (label != noLabel && (label < 0 || label >= vocabulary_))
      return badBatch(
          fmt::format("label {} in row {}, the model's vocabulary has {}", label, i / size_t(length_), vocabulary_),
          "use token ids, or -100 where nothing is to be learned");
  }
  return success();
}

Status MicroBatches::add(data::Batch &batch) {
  LLC_TRY(check(batch));
  tokens_ += batch.tokens;
  targets_ += batch.targets;
  size_t size = size_t(rows_) * size_t(length_);
  batch.ids.resize(size, 0);
  batch.segments.resize(size, 0);
  batch.labels.resize(size, noLabel);
  for (std::vector<float> &column : batch.columns) column.resize(size_t(rows_), 0);
  data_.push_back(std::move(batch));
  return success();
}

Status MicroBatches::read(data::TokenStream &stream, int64_t count) {
  data_.clear();
  batches_.clear();
  tokens_ = targets_ = 0;
  for (int64_t i = 0; i < count; ++i) {
    data::Batch batch;
    LLC_ASSIGN(bool more, stream.next(batch));
    if (!more) break;
    LLC_TRY(add(batch));
  }
  for (const data::Batch &batch : data_)
    batches_.push_back(
        {rows_, length_, batch.ids, batch.segments, batch.labels, {batch.columns.begin(), batch.columns.end()}});
  return success();
}

}  // namespace llc::train
