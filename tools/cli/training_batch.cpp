#include "tools/cli/training_batch.h"

#include <fmt/format.h>

#include <algorithm>

#include "tools/cli/integer_matrix.h"

namespace llc::cli {

namespace {
class Reader {
 public:
  Reader(const SafeTensors &file, const dsl::Model &model)
      : file_(file), model_(model), vocabulary_(model.vocabulary) {}

  Result<TrainingBatch> read() {
    LLC_ASSIGN(ids_, integerMatrix(file_, "input_ids"));
    batch_.rows = ids_->shape[0], batch_.width = ids_->shape[1];
    if (batch_.rows < 1 || batch_.width < 2 || batch_.rows > INT32_MAX / batch_.width)
      return diagnose(ErrorKind::invalidInput, file_.path() + ": input_ids")
          .says("has the shape " + ids_->describe() + ": there is nothing to predict, or too much")
          .toFix("give at least one row of two tokens");
    LLC_TRY(readMask());
    LLC_TRY(readIds());
    LLC_TRY(file_.find("labels") ? readLabels() : defaultLabels());
    LLC_TRY(readTypes());
    return std::move(batch_);
  }

 private:
  size_t count() const { return size_t(batch_.rows * batch_.width); }
  static int64_t integer(const TensorView &tensor, size_t place) {
    return int64_t(loadElement(tensor.bytes.data(), tensor.type, place));
  }
  Error wrong(const std::string &name, size_t place, int64_t value, const std::string &remedy) const {
    return diagnose(ErrorKind::invalidInput, fmt::format("{}: row {}, column {}", file_.path(),
                                                         int64_t(place) / batch_.width, int64_t(place) % batch_.width))
        .says(fmt::format("{} is {}", name, value))
        .toFix(remedy);
  }
  Status readMask() {
    batch_.mask.assign(count(), 1);
    if (!file_.find("attention_mask")) return success();
    LLC_ASSIGN(const TensorView *mask, integerMatrixLike(file_, "attention_mask", *ids_));
    for (size_t i = 0; i < count(); ++i) {
      int64_t value = integer(*mask, i);
      if (value != 0 && value != 1) return wrong("attention_mask", i, value, "use 1 for tokens, 0 for padding");
      batch_.mask[i] = int32_t(value);
    }
    return success();
  }
  Status readIds() {
    batch_.ids.assign(count(), 0);
    for (size_t i = 0; i < count(); ++i) {
      if (!batch_.mask[i]) continue;
      int64_t id = integer(*ids_, i);
      if (id < 0 || id >= vocabulary_)
        return wrong("input_ids", i, id,
                     fmt::format("use ids of the vocabulary (0 to {}), or mask it", vocabulary_ - 1));
      batch_.ids[i] = int32_t(id);
    }
    return success();
  }
  Status readLabels() {
    LLC_ASSIGN(const TensorView *labels, integerMatrixLike(file_, "labels", *ids_));
    for (size_t i = 0; i < count(); ++i) {
      int64_t label = integer(*labels, i);
      if (label != ignoredLabel && (label < 0 || label >= vocabulary_))
        return wrong("labels", i, label,
                     fmt::format("use ids of the vocabulary (0 to {}), or {} for none", vocabulary_ - 1, ignoredLabel));
      batch_.labels.push_back(int32_t(label));
    }
    return checkLabels();
  }
  // Whether something could predict the token: a model that looks ahead needs nothing before it.
  bool isPredicted(size_t place) const {
    return batch_.mask[place] && (model_.bidirectional || int64_t(place) % batch_.width);
  }
  // A token after padding has nothing before it that could predict it.
  Status defaultLabels() {
    for (size_t i = 0; i < count(); ++i) {
      bool labeled = isPredicted(i) && (model_.bidirectional || batch_.mask[i - 1]);
      batch_.labels.push_back(labeled ? batch_.ids[i] : ignoredLabel);
    }
    return checkLabels();
  }
  Status checkLabels() const {
    for (size_t i = 0; i < count(); ++i)
      if (isPredicted(i) && batch_.labels[i] != ignoredLabel) return success();
    return diagnose(ErrorKind::invalidInput, file_.path())
        .says("no token has a label, so that there is no loss")
        .toFix(model_.bidirectional ? "label at least one token that is no padding"
                                    : "label at least one token that is neither padding nor the first of its row");
  }
  Status readTypes() {
    if (!file_.find("token_type_ids")) return success();
    if (!model_.tokenTypes)
      return diagnose(ErrorKind::invalidInput, file_.path() + ": token_type_ids")
          .says("the model knows no types of tokens")
          .toFix("leave it out");
    LLC_ASSIGN(const TensorView *types, integerMatrixLike(file_, "token_type_ids", *ids_));
    for (size_t i = 0; i < count(); ++i) {
      int64_t type = batch_.mask[i] ? integer(*types, i) : 0;
      if (type < 0 || type >= model_.tokenTypes)
        return wrong("token_type_ids", i, type, fmt::format("use 0 to {}", model_.tokenTypes - 1));
      batch_.types.push_back(int32_t(type));
    }
    return success();
  }

  const SafeTensors &file_;
  const dsl::Model &model_;
  int64_t vocabulary_;
  const TensorView *ids_ = nullptr;
  TrainingBatch batch_;
};
}  // namespace

void addVirtualTokens(TrainingBatch &batch, int64_t vocabulary, int64_t count) {
  TrainingBatch longer{batch.rows, batch.width + count, {}, {}, {}, {}};
  for (int64_t row = 0; row < batch.rows; ++row) {
    auto maskOf = batch.mask.begin() + row * batch.width;
    int64_t first = std::find(maskOf, maskOf + batch.width, 1) - maskOf;
    if (first == batch.width) first = 0;
    for (int64_t i = -count; i < batch.width; ++i) {
      // Padding on the left keeps its place.
      int64_t own = i + count < first ? i + count : i, place = row * batch.width + own;
      bool isVirtual = i + count >= first && i < first;
      longer.ids.push_back(isVirtual ? int32_t(vocabulary + i + count - first) : batch.ids[size_t(place)]);
      longer.mask.push_back(isVirtual ? maskOf[first] : batch.mask[size_t(place)]);
      longer.labels.push_back(isVirtual ? ignoredLabel : batch.labels[size_t(place)]);
      if (!batch.types.empty()) longer.types.push_back(isVirtual ? 0 : batch.types[size_t(place)]);
    }
  }
  batch = std::move(longer);
}

Result<TrainingBatch> readTrainingBatch(const std::string &path, const dsl::Model &model) {
  LLC_ASSIGN(SafeTensors file, SafeTensors::open(path));
  return Reader(file, model).read();
}

}  // namespace llc::cli
